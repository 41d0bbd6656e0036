/** Reads typed values out of nodes and collects every problem on the way. No I/O. */
import { distance } from "fastest-levenshtein";
import { LineCounter } from "yaml";
import { parseDuration, parseSize } from "../../duration.ts";
import type { Json } from "../../json.ts";
import type { Problem } from "../problem.ts";
import { describeNode, type MapEntry, type MapNode, type Node, type Range } from "./node.ts";

/** More problems than this help nobody; the rest is counted. */
const MAX_PROBLEMS = 100;

export class Reader {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];
  readonly #found: { readonly start: number; readonly problem: Problem }[] = [];
  readonly #seen = new Set<string>();
  #suppressed = 0;
  #errors = 0;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    const counter = new LineCounter();
    for (let at = 0; at >= 0; at = text.indexOf("\n", at) + 1 || -1) counter.addNewLine(at);
    this.#lineStarts = counter.lineStarts;
  }

  get failed(): boolean {
    return this.#errors > 0;
  }

  /** In the order of the file. */
  problems(): Problem[] {
    const sorted = this.#found.toSorted((a, b) => a.start - b.start).map(({ problem }) => problem);
    const last = sorted.at(-1);
    if (this.#suppressed > 0 && last !== undefined) {
      const message = `${this.#suppressed} more problems in this file are not shown`;
      sorted.push({ severity: last.severity, check: "more-problems", file: this.file, place: last.place, message });
    }
    return sorted;
  }

  error(range: Range, check: string, message: string, hint?: string): void {
    this.#errors++;
    this.#report("error", range, check, message, hint);
  }

  warn(range: Range, check: string, message: string, hint?: string): void {
    this.#report("warning", range, check, message, hint);
  }

  #report(severity: Problem["severity"], range: Range, check: string, message: string, hint?: string): void {
    // A node that aliases reach on several ways is read several times.
    const key = `${range.start} ${check} ${message}`;
    if (this.#seen.has(key)) return;
    if (this.#found.length >= MAX_PROBLEMS) {
      this.#suppressed++;
      return;
    }
    this.#seen.add(key);
    const problem = { severity, check, file: this.file, place: this.place(range), message };
    this.#found.push({ start: range.start, problem: hint === undefined ? problem : { ...problem, hint } });
  }

  /** The line of an offset, from 1. */
  line(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  place(range: Range): Problem["place"] {
    const line = this.line(range.start);
    const from = this.#lineStarts[line - 1] ?? 0;
    const next = this.#lineStarts[line] ?? this.text.length + 1;
    const size = Math.max(1, this.text.slice(from, next - 1).trimEnd().length);
    const column = Math.min(range.start - from + 1, size);
    return { line, column, length: Math.max(1, Math.min(range.end - range.start, size - column + 1)) };
  }

  /** Reports a value of another form than expected. */
  wrong(node: Node, check: string, expected: string, hint?: string): void {
    const range = node.kind === "scalar" ? node : { start: node.start, end: node.start + 1 };
    this.error(range, check, `expected ${expected}, got ${describeNode(node)}`, hint);
  }

  /** A map, with unknown keys reported. `null` counts as an empty map where `orNothing` is given. */
  map(node: Node, what: string, keys?: readonly string[], orNothing?: "or-nothing"): MapNode | undefined {
    if (node.kind === "map") {
      if (keys) this.knownKeys(node, what, keys);
      return node;
    }
    if (orNothing && node.kind === "scalar" && node.value === null) {
      return { kind: "map", entries: new Map(), start: node.start, end: node.end };
    }
    this.wrong(node, "wrong-type", `${what} as a map`, keys && `Keys: ${keys.join(", ")}.`);
    return undefined;
  }

  knownKeys(map: MapNode, what: string, keys: readonly string[]): void {
    for (const entry of map.entries.values()) {
      if (!keys.includes(entry.key)) this.unknownKey(entry, what, keys);
    }
  }

  unknownKey(entry: MapEntry, what: string, keys: readonly string[]): void {
    const hint = didYouMean(entry.key, keys) ?? `Known keys: ${keys.join(", ")}.`;
    this.error(entry.keyRange, "unknown-key", `${what} has no key \`${shorten(entry.key)}\``, hint);
  }

  list(node: Node, what: string): readonly Node[] | undefined {
    if (node.kind === "list") return node.items;
    this.wrong(node, "wrong-type", `${what} as a list`);
    return undefined;
  }

  string(node: Node, what: string): string | undefined {
    if (node.kind === "scalar" && typeof node.value === "string") return node.value;
    const quotable = node.kind === "scalar" && node.value !== null;
    this.wrong(node, "wrong-type", `${what} as a text`, quotable ? `Put it into quotes: "${node.value}".` : undefined);
    return undefined;
  }

  boolean(node: Node, what: string): boolean | undefined {
    if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
    this.wrong(node, "wrong-type", `${what} as true or false`);
    return undefined;
  }

  number(node: Node, what: string): number | undefined {
    if (node.kind === "scalar" && typeof node.value === "number") return node.value;
    const quoted = node.kind === "scalar" && typeof node.value === "string" && /^-?\d/.test(node.value);
    this.wrong(node, "wrong-type", `${what} as a number`, quoted ? "Remove the quotes." : undefined);
    return undefined;
  }

  integer(node: Node, what: string, minimum: number, maximum: number): number | undefined {
    const { kind } = node;
    if (kind === "scalar" && Number.isSafeInteger(node.value)) {
      const value = Number(node.value);
      if (value >= minimum && value <= maximum) return value;
      this.error(node, "out-of-range", `${what} must be from ${minimum} to ${maximum}, not ${value}`);
      return undefined;
    }
    const quoted = kind === "scalar" && typeof node.value === "string" && /^-?\d+$/.test(node.value);
    this.wrong(node, "wrong-type", `${what} as a whole number`, quoted ? "Remove the quotes." : undefined);
    return undefined;
  }

  oneOf<const T extends string>(node: Node, what: string, choices: readonly T[], aliases: Aliases = {}): T | undefined {
    const value = node.kind === "scalar" && node.value !== null ? String(node.value) : undefined;
    if (value === undefined) {
      this.wrong(node, "wrong-type", `${what} as a text`, `One of: ${choices.join(", ")}.`);
      return undefined;
    }
    const choice = choices.find((one) => one === value);
    if (choice === undefined) {
      const hint = Object.hasOwn(aliases, value) ? `Did you mean \`${aliases[value]}\`?` : didYouMean(value, choices);
      this.error(
        node,
        "unknown-value",
        `${what} cannot be \`${shorten(value)}\``,
        hint ?? `One of: ${choices.join(", ")}.`,
      );
    }
    return choice;
  }

  /** In milliseconds. */
  duration(node: Node, what: string, minimumMs = 0): number | undefined {
    const value = node.kind === "scalar" ? node.value : undefined;
    const ms = typeof value === "string" ? parseDuration(value) : undefined;
    if (ms === undefined) {
      const hint = typeof value === "number" ? `With a unit: ${value}s.` : "For example 500ms, 30s, 5m, 2h, 7d.";
      this.wrong(node, "bad-duration", `${what} as a duration`, hint);
    } else if (ms < minimumMs) {
      this.error(node, "out-of-range", `${what} must be at least ${minimumMs} ms`);
      return undefined;
    }
    return ms;
  }

  /** In bytes. */
  size(node: Node, what: string): number | undefined {
    const value = node.kind === "scalar" ? node.value : undefined;
    const bytes = typeof value === "string" ? parseSize(value) : undefined;
    if (bytes === undefined || bytes < 1) {
      const hint = typeof value === "number" ? `With a unit: ${value}B.` : "For example 64KB, 10MB, 1GB.";
      this.wrong(node, "bad-size", `${what} as a size`, hint);
      return undefined;
    }
    return bytes;
  }
}

type Aliases = { readonly [wrong: string]: string };

/** A node as JSON. */
export function jsonOf(node: Node): Json {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(jsonOf);
  return Object.fromEntries([...node.entries.values()].map((entry) => [entry.key, jsonOf(entry.value)]));
}

/** The nearest of the known names as a hint, when one is near enough to be a slip. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const near = nearest(name, known);
  return near === undefined ? undefined : `Did you mean \`${near}\`?`;
}

/** @param atMost - Edits that count as a slip; by default a third of the name. */
export function nearest(
  name: string,
  known: Iterable<string>,
  atMost: number = Math.max(1, Math.floor(name.length / 3)),
): string | undefined {
  if (name.length > 64) return undefined;
  const wanted = fold(name);
  let best: string | undefined;
  let bestDistance = atMost + 1;
  for (const one of known) {
    const away = editsBetween(wanted, fold(one));
    if (away < bestDistance) {
      best = one;
      bestDistance = away;
    }
  }
  return best;
}

/** Swapped letters, the commonest slip, count as one edit. */
function editsBetween(a: string, b: string): number {
  const edits = distance(a, b);
  return edits === 2 && a.length === b.length && lettersOf(a) === lettersOf(b) ? 1 : edits;
}

function lettersOf(text: string): string {
  return text.split("").toSorted().join("");
}

/** Case and separators are what people slip on most: `maxItems`, `max-items`. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, "");
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
