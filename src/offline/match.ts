/** Compares what a file expects with what came. No I/O. */
import type { Json } from "../json.ts";
import { FileValue, type Value } from "../value.ts";
import type { MapNode, Node, Range } from "../workflow/parse/node.ts";
import { jsonOf } from "../workflow/parse/reader.ts";

/** One difference. */
export interface Mismatch {
  readonly range: Range;
  /** Where it is below the compared value: `items[0].id`; empty for the value itself. */
  readonly path: string;
  readonly message: string;
}

/** Longer values are cut in messages. */
const SHOWN_LENGTH = 120;

/**
 * Lists every difference. Maps may have more keys than expected unless `exact`; lists have equal lengths.
 *
 * @param actual - Undefined when there is nothing.
 */
export function mismatches(expected: Node, actual: Value | undefined, exact: boolean, path = ""): Mismatch[] {
  if (expected.kind === "scalar") {
    if (expected.value === actual) return [];
    return [{ range: expected, path, message: `expected ${show(expected.value)}, got ${show(actual)}` }];
  }
  if (expected.kind === "list") {
    if (!isList(actual)) return [differs(expected, path, "a list", actual)];
    if (actual.length !== expected.items.length) {
      const message = `expected ${count(expected.items.length)}, got ${actual.length}: ${show(actual)}`;
      return [{ range: first(expected), path, message }];
    }
    return expected.items.flatMap((item, at) => mismatches(item, actual[at], exact, `${path}[${at}]`));
  }
  if (!isMap(actual)) return [differs(expected, path, "a map", actual)];
  return mapMismatches(expected, actual, exact, path);
}

function mapMismatches(
  expected: MapNode,
  actual: { readonly [key: string]: Value },
  exact: boolean,
  path: string,
): Mismatch[] {
  const found = [...expected.entries.values()].flatMap(({ key, keyRange, value }) => {
    const below = path === "" ? key : `${path}.${key}`;
    if (Object.hasOwn(actual, key)) return mismatches(value, actual[key], exact, below);
    const keys = Object.keys(actual);
    const near = keys.length === 0 ? "it is empty" : `it has ${cut(keys.join(", "))}`;
    return [{ range: keyRange, path: below, message: `\`${key}\` is missing; ${near}` }];
  });
  const more = exact ? Object.keys(actual).filter((key) => !expected.entries.has(key)) : [];
  if (more.length === 0) return found;
  const message = `expected nothing else, got ${cut(more.map((key) => `\`${key}\``).join(", "))} too`;
  return [...found, { range: first(expected), path, message }];
}

/** Of `actual`, what the expectation speaks of: the two differ exactly where {@link mismatches} says so. */
export function projected(expected: Node, actual: Value | undefined, exact: boolean): Json | undefined {
  if (actual === undefined || exact) return actual === undefined ? undefined : plainJson(actual);
  if (expected.kind === "map" && isMap(actual)) {
    const entries = [...expected.entries.values()].flatMap(({ key, value }): [string, Json][] => {
      const inner = Object.hasOwn(actual, key) ? projected(value, actual[key], exact) : undefined;
      return inner === undefined ? [] : [[key, inner]];
    });
    return Object.fromEntries(entries);
  }
  if (expected.kind === "list" && isList(actual) && actual.length === expected.items.length) {
    return expected.items.map((item, at) => projected(item, actual[at], exact) ?? null);
  }
  return plainJson(actual);
}

/** Files show what they are. */
export function plainJson(value: Value): Json {
  if (value instanceof FileValue) return { name: value.name, mimeType: value.mimeType, size: value.size };
  if (isList(value)) return value.map(plainJson);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainJson(one)]));
  return value;
}

/** A value on one line, for messages. */
export function show(value: Value | undefined): string {
  return value === undefined ? "nothing" : cut(JSON.stringify(plainJson(value)));
}

function differs(expected: Node, path: string, what: string, actual: Value | undefined): Mismatch {
  return { range: first(expected), path, message: `expected ${what}, ${show(jsonOf(expected))}, got ${show(actual)}` };
}

/** The beginning of a map or list: all of it may fill a screen. */
function first(node: Node): Range {
  return node.kind === "scalar" ? node : { start: node.start, end: node.start + 1 };
}

function count(items: number): string {
  return items === 1 ? "1 item" : `${items} items`;
}

function cut(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH - 1)}…`;
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

function isMap(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof FileValue);
}
