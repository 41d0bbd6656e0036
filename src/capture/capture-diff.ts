/** What differs between two captures: request line, headers, body by path. No I/O. */
import type { Capture } from "../engine/captures.ts";
import type { Json } from "../json.ts";

export interface Difference {
  /** For example `query.source`, `header x-id`, `body.items[0].email`. */
  readonly path: string;
  /** Absent: added. */
  readonly before?: string;
  /** Absent: removed. */
  readonly after?: string;
}

/** Bodies beyond this are compared as bytes. */
const MAX_PARSED = 1024 * 1024;
const MAX_DIFFERENCES = 2000;
/** These differ from one request to the next and say nothing. */
const IDLE_HEADERS = new Set(["date", "content-length", "connection"]);

interface Side {
  readonly capture: Capture;
  readonly body: Buffer;
}

/** @returns In the order of the request; at most 2,000. */
export function diffCaptures(before: Side, after: Side): Difference[] {
  const found: Difference[] = [];
  const [one, two] = [before.capture, after.capture];
  compare("method", one.method, two.method, found);
  const [pathOne = "", queryOne = ""] = one.url.split(/\?(.*)/s);
  const [pathTwo = "", queryTwo = ""] = two.url.split(/\?(.*)/s);
  compare("path", pathOne, pathTwo, found);
  compareMaps("query.", listsOf(new URLSearchParams(queryOne)), listsOf(new URLSearchParams(queryTwo)), found);
  compareMaps("header ", headersOf(one), headersOf(two), found);
  compareBodies(before.body, after.body, found);
  return found.slice(0, MAX_DIFFERENCES);
}

function compare(path: string, before: string | undefined, after: string | undefined, found: Difference[]): void {
  if (before === after) return;
  found.push({
    path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

function listsOf(pairs: Iterable<readonly [string, string]>): Map<string, string> {
  const lists = new Map<string, string>();
  for (const [name, value] of pairs) lists.set(name, lists.has(name) ? `${lists.get(name)}, ${value}` : value);
  return lists;
}

function headersOf({ headers }: Capture): Map<string, string> {
  return listsOf(
    headers.map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => !IDLE_HEADERS.has(name)),
  );
}

function compareMaps(
  prefix: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  found: Difference[],
): void {
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    compare(prefix + name, before.get(name), after.get(name), found);
  }
}

function compareBodies(before: Buffer, after: Buffer, found: Difference[]): void {
  if (before.equals(after)) return;
  const [one, two] = [jsonOf(before), jsonOf(after)];
  if (one !== undefined && two !== undefined) {
    const count = found.length;
    compareJson("body", one.value, two.value, found);
    if (found.length === count)
      found.push({ path: "body", before: "the same value,", after: "written in another way" });
    return;
  }
  const at = firstDifference(before, after);
  found.push({
    path: `body from byte ${at.toLocaleString("en")} on`,
    before: `${before.length.toLocaleString("en")} bytes: ${before.subarray(at, at + 200).toString("utf8")}`,
    after: `${after.length.toLocaleString("en")} bytes: ${after.subarray(at, at + 200).toString("utf8")}`,
  });
}

function firstDifference(before: Buffer, after: Buffer): number {
  const shorter = Math.min(before.length, after.length);
  for (let at = 0; at < shorter; at++) if (before[at] !== after[at]) return at;
  return shorter;
}

function jsonOf(body: Buffer): { readonly value: Json } | undefined {
  if (body.length > MAX_PARSED) return undefined;
  try {
    return { value: JSON.parse(body.toString("utf8")) as Json };
  } catch {
    return undefined;
  }
}

/** By a list of its own: data may be nested deeper than the call stack. */
function compareJson(root: string, before: Json, after: Json, found: Difference[]): void {
  const open: [path: string, before: Json | undefined, after: Json | undefined][] = [[root, before, after]];
  for (let next = open.pop(); next !== undefined && found.length < MAX_DIFFERENCES; next = open.pop()) {
    const [path, one, two] = next;
    const keys = sharedKeys(one, two);
    if (keys === undefined) {
      compare(path, shortJson(one), shortJson(two), found);
      continue;
    }
    for (const key of keys.reverse()) open.push([pathTo(path, key, one), fieldOf(one, key), fieldOf(two, key)]);
  }
}

/** The keys of two objects, or two lists; undefined when they are neither. */
function sharedKeys(one: Json | undefined, two: Json | undefined): string[] | undefined {
  if (typeof one !== "object" || typeof two !== "object" || one === null || two === null) return undefined;
  if (Array.isArray(one) !== Array.isArray(two)) return undefined;
  return [...new Set([...Object.keys(one), ...Object.keys(two)])];
}

function fieldOf(value: Json | undefined, key: string): Json | undefined {
  const fields = value as { readonly [key: string]: Json };
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

function pathTo(path: string, key: string, parent: Json | undefined): string {
  return Array.isArray(parent) ? `${path}[${key}]` : `${path}.${key}`;
}

function shortJson(value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "object" && value !== null) {
    const count = Object.keys(value).length;
    if (count > 20) return Array.isArray(value) ? `[… ${count} items]` : `{… ${count} fields}`;
  }
  const text = JSON.stringify(value);
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}
