/** The values that expressions compute with, and the way back to JSON. No I/O. */
import { WfError } from "../errors.ts";
import { FileValue } from "../value.ts";
import type { Value } from "../value.ts";

/** What an expression can yield midway; numbers of JSON are `number`, integer literals and counts are `bigint`. */
export type CelValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | FileValue
  | Timestamp
  | Duration
  | TypeName
  | Optional
  | readonly CelValue[]
  | CelMap;

export type CelMap = { readonly [key: string]: CelValue };

/** A point in time, to the millisecond. */
export class Timestamp {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** A stretch of time, possibly negative. */
export class Duration {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** What `type(x)` yields. */
export class TypeName {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** What `.?key` and `[?index]` yield: a value, or none. */
export class Optional {
  readonly value: CelValue | undefined;
  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

export const NONE: Optional = new Optional(undefined);

export type Kind =
  | "null"
  | "bool"
  | "int"
  | "double"
  | "string"
  | "bytes"
  | "list"
  | "map"
  | "timestamp"
  | "duration"
  | "type"
  | "optional"
  | "file";

export function kindOf(value: CelValue): Kind {
  if (typeof value === "string") return "string";
  if (typeof value === "number") return "double";
  if (typeof value === "bigint") return "int";
  if (typeof value === "boolean") return "bool";
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (value instanceof FileValue) return "file";
  if (value instanceof Timestamp) return "timestamp";
  if (value instanceof Duration) return "duration";
  if (value instanceof Optional) return "optional";
  if (value instanceof TypeName) return "type";
  return value instanceof Uint8Array ? "bytes" : "map";
}

/** Not by `instanceof Object`: maps made from JSON and from literals have different prototypes. */
export function isMap(value: CelValue): value is CelMap {
  return typeof value === "object" && kindOf(value) === "map";
}

export function isList(value: CelValue): value is readonly CelValue[] {
  return Array.isArray(value);
}

const KIND_TEXT: Readonly<Record<Kind, string>> = {
  null: "null",
  bool: "true or false",
  int: "a number",
  double: "a number",
  string: "text",
  bytes: "bytes",
  list: "a list",
  map: "an object",
  timestamp: "a timestamp",
  duration: "a duration",
  type: "a type",
  optional: "an optional value",
  file: "a file",
};

/** Names the kind of a value for people; never the value itself, which may be private. */
export function describe(value: CelValue): string {
  return KIND_TEXT[kindOf(value)];
}

export function failure(message: string, hint?: string): WfError {
  return new WfError("EXPRESSION_FAILED", message, hint === undefined ? {} : { hint });
}

/** Longest text that an expression may build, in UTF-16 units. */
const MAX_TEXT = 10_000_000;

/** Work units of one evaluation: a turn of `map` costs 1, so that nested ones end within about a second. */
export const MAX_WORK = 5_000_000;

/** Deeper values are refused, so that walking them cannot exhaust the stack. */
const MAX_DEPTH = 1_000;

/** What one evaluation may still spend. */
export class Budget {
  #left: number = MAX_WORK;

  /** True once an error stands for the whole evaluation, which `||` and `exists` must not swallow. */
  get exhausted(): boolean {
    return this.#left < 0;
  }

  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) {
      throw failure(
        "the expression takes too much work and was stopped",
        "Loops inside loops multiply; filter first, use foreach, or use a function step.",
      );
    }
  }

  /** For work in proportion to a text, which is cheap by the character. */
  spendOnText(length: number): void {
    this.spend(1 + (length >> 4));
  }

  /** @returns The depth below `depth`. */
  descend(depth: number): number {
    this.spend(1);
    if (depth >= MAX_DEPTH) throw failure(`a value is nested more than ${MAX_DEPTH} levels deep`);
    return depth + 1;
  }
}

/** Refuses to build a text over {@link MAX_TEXT} before the memory is taken. */
export function checkTextLength(length: number): void {
  if (length > MAX_TEXT) {
    throw failure(`the expression builds a text of more than ${MAX_TEXT} characters`, "Pass large data on as a file.");
  }
}

/** Sets an own property also where the key is `__proto__`. */
export function setOwn<T>(target: { [key: string]: T }, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

/**
 * Turns a result into what steps may hand over: timestamps become ISO 8601, durations seconds (`90s`), types their
 * name, an absent optional null.
 *
 * @throws {@link WfError} `EXPRESSION_FAILED` for bytes, and for numbers that JSON cannot hold.
 */
export function toValue(value: CelValue, budget: Budget, depth = 0): Value {
  if (typeof value === "string") {
    budget.spendOnText(value.length);
    return value;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw failure(`the expression yields ${value}, which JSON cannot hold`);
    return value;
  }
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return toNumber(value);
  if (value === null || value instanceof FileValue) return value;
  if (value instanceof Timestamp) return isoTime(value.ms);
  if (value instanceof Duration) return durationText(value.ms);
  if (value instanceof TypeName) return value.name;
  if (value instanceof Optional) return value.value === undefined ? null : toValue(value.value, budget, depth);
  if (value instanceof Uint8Array) {
    throw failure("the expression yields bytes, which JSON cannot hold", "Use string(…) or base64.encode(…).");
  }
  return isList(value) ? toList(value, budget, depth) : toObject(value, budget, depth);
}

// Both keep the original where nothing in it had to change, which is the rule for data that came as JSON.
function toList(list: readonly CelValue[], budget: Budget, depth: number): Value {
  const below = budget.descend(depth);
  budget.spend(list.length);
  let copy: Value[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index] as CelValue;
    const converted = toValue(item, budget, below);
    if (copy === undefined && converted !== item) copy = list.slice(0, index) as Value[];
    copy?.push(converted);
  }
  return copy ?? (list as readonly Value[]);
}

function toObject(map: CelMap, budget: Budget, depth: number): Value {
  const below = budget.descend(depth);
  const keys = Object.keys(map);
  budget.spend(keys.length);
  let copy: { [key: string]: Value } | undefined;
  for (const key of keys) {
    const item = map[key] as CelValue;
    const converted = toValue(item, budget, below);
    if (converted === item) continue;
    // Keys keep their order, because setting one that is there moves none.
    if (copy === undefined) {
      copy = {};
      for (const each of keys) setOwn(copy, each, map[each] as Value);
    }
    setOwn(copy, key, converted);
  }
  return copy ?? (map as { readonly [key: string]: Value });
}

function toNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw failure(
    "the expression yields an integer beyond 2^53, which JSON numbers cannot hold exactly",
    "Use string(…) to keep every digit.",
  );
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Seconds, as a delay step reads them: `90s`, `0.25s`. */
export function durationText(ms: number): string {
  return `${ms / 1_000}s`;
}

/** JSON text of a value. @throws {@link WfError} `EXPRESSION_FAILED` when a file is in it or it grows too long. */
export function jsonText(value: Value): string {
  const text = JSON.stringify(value, (_key, item: Value) => {
    if (item instanceof FileValue)
      throw failure("a file cannot become text", "Pass the file itself on, or its `name`.");
    return item;
  });
  checkTextLength(text.length);
  return text;
}
