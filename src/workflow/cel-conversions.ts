/** Functions: conversions between types, JSON, base64 and arithmetic. No I/O. */
import type { Value } from "../value.ts";
import type { CallSite, CelFunction, CelFunctions } from "./cel-function.ts";
import { textArgument, wrongArgument } from "./cel-function.ts";
import { compare } from "./cel-operators.ts";
import { sizeOf } from "./cel-text.ts";
import { toDuration, toTimestamp } from "./cel-time.ts";
import {
  checkTextLength,
  Duration,
  durationText,
  failure,
  isoTime,
  jsonText,
  kindOf,
  NONE,
  Optional,
  Timestamp,
  toValue,
  TypeName,
} from "./cel-value.ts";
import type { Budget, CelValue } from "./cel-value.ts";

export const CONVERSIONS: CelFunctions = {
  size: { arity: [1, 1], apply: sizeOf },
  string: { arity: [1, 1], apply: toText },
  int: { arity: [1, 1], apply: toInteger },
  double: { arity: [1, 1], apply: toDouble },
  bool: { arity: [1, 1], apply: toBoolean },
  bytes: { arity: [1, 1], apply: (args, site, budget) => toBytes(args, site, budget) },
  dyn: { arity: [1, 1], apply: (args) => args[0] ?? null },
  type: { arity: [1, 1], apply: (args) => typeOf(args[0] ?? null) },
  timestamp: { arity: [1, 1], apply: toTimestamp },
  duration: { arity: [1, 1], apply: toDuration },
  json: { arity: [1, 1], apply: (args, _site, budget) => jsonText(toValue(args[0] ?? null, budget)) },
  parseJson: { arity: [1, 1], apply: parseJson },
  urlEncode: { arity: [1, 1], apply: urlEncode },
  "base64.encode": { arity: [1, 1], apply: (args, site, budget) => encodeBase64(toBytes(args, site, budget)) },
  "base64.decode": { arity: [1, 1], apply: decodeBase64 },
  "math.abs": number(
    (value) => (value < 0 ? -value : value),
    (value) => (value < 0n ? -value : value),
  ),
  "math.ceil": number(Math.ceil),
  "math.floor": number(Math.floor),
  "math.round": number((value) => Math.sign(value) * Math.round(Math.abs(value))),
  "math.trunc": number(Math.trunc),
  "math.greatest": { arity: [1, 32], apply: (args, site, budget) => extreme(args, site, budget, ">") },
  "math.least": { arity: [1, 32], apply: (args, site, budget) => extreme(args, site, budget, "<") },
  "optional.none": { arity: [0, 0], apply: () => NONE },
  "optional.of": { arity: [1, 1], apply: (args) => new Optional(args[0]) },
};

function typeOf(value: CelValue): TypeName {
  const kind = kindOf(value);
  return new TypeName(kind === "null" ? "null_type" : kind);
}

function toText(args: readonly CelValue[], site: CallSite, budget: Budget): string {
  const value = args[0] ?? null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof Timestamp) return isoTime(value.ms);
  if (value instanceof Duration) return durationText(value.ms);
  if (value instanceof TypeName) return value.name;
  if (value instanceof Uint8Array) {
    budget.spendOnText(value.length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    } catch {
      throw failure(`\`${site.texts[0]}\` is not UTF-8 text`, "base64.encode(…) turns any bytes into text.");
    }
  }
  const error = wrongArgument(args, 0, site, "text, a number, true or false, a time or bytes");
  throw value !== null && typeof value === "object"
    ? failure(error.message, "json(…) turns lists and objects into text.")
    : error;
}

const INTEGER = /^[+-]?\d{1,19}$/;
const DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;

function toInteger(args: readonly CelValue[], site: CallSite): bigint {
  const [value] = args;
  if (typeof value === "bigint") return value;
  if (typeof value === "number") {
    const whole = Math.trunc(value);
    // The largest double below 2^63; NaN and the infinities fail it too.
    if (Math.abs(whole) <= 9_223_372_036_854_774_784) return BigInt(whole);
    throw failure(`\`${site.texts[0]}\` is too large for an integer`);
  }
  if (value instanceof Timestamp) return BigInt(Math.floor(value.ms / 1_000));
  const text = textArgument(args, 0, site);
  const whole = INTEGER.test(text) ? BigInt(text.startsWith("+") ? text.slice(1) : text) : undefined;
  if (whole !== undefined && BigInt.asIntN(64, whole) === whole) return whole;
  throw failure(`\`${site.texts[0]}\` is not an integer`, "For a number with decimals use double(…).");
}

function toDouble(args: readonly CelValue[], site: CallSite): number {
  const [value] = args;
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  const text = textArgument(args, 0, site);
  // Bounded before the pattern and the conversion see it.
  const parsed = text.length <= 400 && DOUBLE.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(parsed)) return parsed;
  throw failure(`\`${site.texts[0]}\` is not a number`);
}

const TRUE_TEXTS: ReadonlySet<CelValue> = new Set(["1", "t", "true", "TRUE", "True"]);
const FALSE_TEXTS: ReadonlySet<CelValue> = new Set(["0", "f", "false", "FALSE", "False"]);

function toBoolean(args: readonly CelValue[], site: CallSite): boolean {
  const value = args[0] ?? null;
  if (typeof value === "boolean") return value;
  textArgument(args, 0, site);
  if (TRUE_TEXTS.has(value)) return true;
  if (FALSE_TEXTS.has(value)) return false;
  throw failure(`\`${site.texts[0]}\` is neither "true" nor "false"`);
}

function toBytes(args: readonly CelValue[], site: CallSite, budget: Budget): Uint8Array {
  const [value] = args;
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") throw wrongArgument(args, 0, site, "text or bytes");
  budget.spendOnText(value.length);
  return Buffer.from(value, "utf8");
}

function encodeBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  checkTextLength(text.length);
  return text;
}

function decodeBase64(args: readonly CelValue[], site: CallSite, budget: Budget): Uint8Array {
  const text = textArgument(args, 0, site);
  budget.spendOnText(text.length);
  const bytes = Buffer.from(text, "base64");
  // Node skips what is no base64; a lossy reading would be worse than none.
  if (plainBase64(bytes.toString("base64")) === plainBase64(text)) return bytes;
  throw failure(`\`${site.texts[0]}\` is not base64`);
}

function plainBase64(base64: string): string {
  return base64.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");
}

function parseJson(args: readonly CelValue[], site: CallSite, budget: Budget): CelValue {
  const text = textArgument(args, 0, site);
  budget.spendOnText(text.length);
  budget.spend(text.length >> 2);
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    // The parser's own message quotes the text, which may be private.
    throw error instanceof SyntaxError ? failure(`\`${site.texts[0]}\` is not JSON`) : error;
  }
}

/** For one part of a URL: `/`, `?`, `&` and spaces become `%…`. */
function urlEncode(args: readonly CelValue[], site: CallSite, budget: Budget): string {
  const value = args[0] ?? null;
  const text = typeof value === "string" ? value : toText(args, site, budget);
  budget.spendOnText(text.length * 4);
  const encoded = encodeURIComponent(text.toWellFormed());
  checkTextLength(encoded.length);
  return encoded;
}

function number(double: (value: number) => number, int: (value: bigint) => bigint = (value) => value): CelFunction {
  return {
    arity: [1, 1],
    apply(args, site) {
      const [value] = args;
      if (typeof value === "bigint") return int(value);
      if (typeof value === "number") return double(value);
      throw wrongArgument(args, 0, site, "a number");
    },
  };
}

/** Of the arguments, or of the one list that is given. */
function extreme(args: readonly CelValue[], site: CallSite, budget: Budget, order: "<" | ">"): CelValue {
  const [first] = args;
  const values = args.length === 1 && Array.isArray(first) ? (first as readonly CelValue[]) : args;
  budget.spend(values.length);
  let best: CelValue | undefined;
  for (const value of values) {
    if (typeof value !== "number" && typeof value !== "bigint") throw failure(`${site.name}(…) needs numbers only`);
    if (best === undefined || compare(order, value, best, { left: site.name, right: site.name })) best = value;
  }
  if (best === undefined) throw failure(`${site.name}(…) has no answer for an empty list`);
  return best;
}
