/** Operators of expressions; integers and the numbers of JSON mix. No I/O. */
import { FileValue } from "../value.ts";
import {
  checkTextLength,
  describe,
  Duration,
  failure,
  isList,
  isMap,
  kindOf,
  Optional,
  Timestamp,
  TypeName,
} from "./cel-value.ts";
import type { Budget, CelMap, CelValue } from "./cel-value.ts";
import { readKey } from "./path-expression.ts";

const MAX_INT = 9_223_372_036_854_775_807n;
const MIN_INT = -9_223_372_036_854_775_808n;

export type Arithmetic = "+" | "-" | "*" | "/" | "%";
export type Comparison = "<" | "<=" | ">" | ">=";

/** The operands as they stand in the file, for errors. */
export interface Operands {
  readonly left: string;
  readonly right: string;
}

/** Values of different kinds are unequal, which is no error; 3 equals 3.0. */
export function areEqual(a: CelValue, b: CelValue, budget: Budget, depth = 0): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return Number.isNaN(a) || Number.isNaN(b) ? false : !(a < b) && !(a > b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isList(a)) return isList(b) && listsEqual(a, b, budget, budget.descend(depth));
  if (isList(b)) return false;
  if (a instanceof FileValue || b instanceof FileValue) {
    return a instanceof FileValue && b instanceof FileValue && a.hash === b.hash && a.name === b.name;
  }
  if (a instanceof Timestamp) return b instanceof Timestamp && a.ms === b.ms;
  if (a instanceof Duration) return b instanceof Duration && a.ms === b.ms;
  if (a instanceof TypeName) return b instanceof TypeName && a.name === b.name;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Optional) return b instanceof Optional && optionalsEqual(a, b, budget, depth);
  return isMap(a) && isMap(b) && mapsEqual(a, b, budget, budget.descend(depth));
}

function isNumber(value: CelValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function listsEqual(a: readonly CelValue[], b: readonly CelValue[], budget: Budget, depth: number): boolean {
  if (a.length !== b.length) return false;
  budget.spend(a.length);
  return a.every((item, index) => areEqual(item, b[index] as CelValue, budget, depth));
}

function mapsEqual(a: CelMap, b: CelMap, budget: Budget, depth: number): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  budget.spend(keys.length);
  return keys.every((key) => Object.hasOwn(b, key) && areEqual(a[key] as CelValue, b[key] as CelValue, budget, depth));
}

function optionalsEqual(a: Optional, b: Optional, budget: Budget, depth: number): boolean {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return areEqual(a.value, b.value, budget, depth);
}

/** `item in list`, `"key" in object`. */
export function isIn(item: CelValue, container: CelValue, at: Operands, budget: Budget): boolean {
  if (isList(container)) {
    budget.spend(container.length);
    return container.some((member) => areEqual(item, member, budget));
  }
  if (isMap(container)) return typeof item === "string" && readKey(container, item) !== undefined;
  const hint = typeof container === "string" ? `A text is searched with ${at.right}.contains(…).` : undefined;
  throw failure(`\`in\` needs a list or an object, but \`${at.right}\` is ${describe(container)}`, hint);
}

/** @throws {@link WfError} `EXPRESSION_FAILED` where the two have no order */
export function compare(operator: Comparison, a: CelValue, b: CelValue, at: Operands): boolean {
  if (isNumber(a) && isNumber(b)) return ORDERS[operator](a, b);
  if (typeof a === "string" && typeof b === "string") return ORDERS[operator](a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return ORDERS[operator](Number(a), Number(b));
  if (a instanceof Timestamp && b instanceof Timestamp) return ORDERS[operator](a.ms, b.ms);
  if (a instanceof Duration && b instanceof Duration) return ORDERS[operator](a.ms, b.ms);
  throw failure(`\`${operator}\` cannot compare ${sides(a, b, at)}`, conversionHint(a, b, at));
}

type Ordered = number | bigint | string;

const ORDERS: Readonly<Record<Comparison, (a: Ordered, b: Ordered) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** Two integers stay an integer (`7 / 2` is 3); with a number of JSON the result is one too (`7.0 / 2` is 3.5). */
export function calculate(operator: Arithmetic, a: CelValue, b: CelValue, at: Operands, budget: Budget): CelValue {
  if (isNumber(a) && isNumber(b)) {
    if ((operator === "/" || operator === "%") && Number(b) === 0) {
      throw failure(`\`${at.left} ${operator} ${at.right}\` divides by zero`);
    }
    return typeof a === "bigint" && typeof b === "bigint"
      ? integers(operator, a, b)
      : DOUBLES[operator](Number(a), Number(b));
  }
  const result = operator === "+" ? join(a, b, budget) : operator === "-" ? subtract(a, b) : undefined;
  if (result !== undefined) return result;
  throw failure(`\`${operator}\` does not apply to ${sides(a, b, at)}`, conversionHint(a, b, at));
}

const INTEGERS: Readonly<Record<Arithmetic, (a: bigint, b: bigint) => bigint>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

function integers(operator: Arithmetic, a: bigint, b: bigint): bigint {
  const result = INTEGERS[operator](a, b);
  if (result > MAX_INT || result < MIN_INT) throw failure("an integer grows beyond 64 bits", "Use double(…).");
  return result;
}

const DOUBLES: Readonly<Record<Arithmetic, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

function join(a: CelValue, b: CelValue, budget: Budget): CelValue | undefined {
  if (typeof a === "string" && typeof b === "string") {
    checkTextLength(a.length + b.length);
    budget.spend(1);
    return a + b;
  }
  if (isList(a) && isList(b)) {
    budget.spend(a.length + b.length);
    return [...a, ...b];
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    checkTextLength(a.length + b.length);
    budget.spendOnText(a.length + b.length);
    return Buffer.concat([a, b]);
  }
  if (a instanceof Timestamp && b instanceof Duration) return timestampAt(a.ms + b.ms);
  if (a instanceof Duration && b instanceof Timestamp) return timestampAt(a.ms + b.ms);
  return a instanceof Duration && b instanceof Duration ? new Duration(a.ms + b.ms) : undefined;
}

function subtract(a: CelValue, b: CelValue): CelValue | undefined {
  if (a instanceof Timestamp && b instanceof Timestamp) return new Duration(a.ms - b.ms);
  if (a instanceof Timestamp && b instanceof Duration) return timestampAt(a.ms - b.ms);
  return a instanceof Duration && b instanceof Duration ? new Duration(a.ms - b.ms) : undefined;
}

/** @throws {@link WfError} `EXPRESSION_FAILED` outside the years 0001 to 9999, which ISO 8601 covers */
export function timestampAt(ms: number): Timestamp {
  if (ms >= -62_135_596_800_000 && ms <= 253_402_300_799_999) return new Timestamp(ms);
  throw failure("a timestamp lies outside the years 0001 to 9999");
}

export function negate(value: CelValue, at: string): CelValue {
  if (typeof value === "bigint") return integers("-", 0n, value);
  if (typeof value === "number") return -value;
  if (value instanceof Duration) return new Duration(-value.ms);
  throw failure(`\`-\` needs a number, but \`${at}\` is ${describe(value)}`);
}

function sides(a: CelValue, b: CelValue, at: Operands): string {
  return `\`${at.left}\`, which is ${describe(a)}, and \`${at.right}\`, which is ${describe(b)}`;
}

function conversionHint(a: CelValue, b: CelValue, at: Operands): string | undefined {
  if (typeof a === "string" && isNumber(b))
    return `Use double(${at.left}) for a number, or string(${at.right}) for text.`;
  if (isNumber(a) && typeof b === "string")
    return `Use string(${at.left}) for text, or double(${at.right}) for a number.`;
  const kinds = [kindOf(a), kindOf(b)];
  if (kinds.includes("timestamp")) return "Turn a text into a time with timestamp(…), or a span with duration(…).";
  if (kinds.includes("optional")) return "Give an optional value its default with .orValue(…).";
  if (kinds.includes("null")) return "Check for null first: … != null && …";
  return undefined;
}
