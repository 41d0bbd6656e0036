/** Finds rules that no value can satisfy. No I/O. */
import type { Json } from "../json.ts";
import { compilePattern } from "./pattern.ts";
import type { Rule, RuleType } from "./rule.ts";

/** A contradiction inside one rule; `key` is the YAML key to point at. */
export interface RuleConflict {
  readonly key: string;
  readonly check: "rule-impossible" | "rule-without-effect" | "regex-not-linear" | "regex-invalid";
  readonly message: string;
  readonly hint?: string;
}

const TEXT_TYPES: readonly RuleType[] = ["string", "date", "date-time", "email", "url", "uuid", "any"];
const NUMBER_TYPES: readonly RuleType[] = ["number", "integer", "any"];

const APPLIES: readonly (readonly [keyof Rule, string, readonly RuleType[]])[] = [
  ["minimum", "minimum", NUMBER_TYPES],
  ["maximum", "maximum", NUMBER_TYPES],
  ["exclusiveMinimum", "exclusive_minimum", NUMBER_TYPES],
  ["exclusiveMaximum", "exclusive_maximum", NUMBER_TYPES],
  ["multipleOf", "multiple_of", NUMBER_TYPES],
  ["minLength", "min_length", TEXT_TYPES],
  ["maxLength", "max_length", TEXT_TYPES],
  ["pattern", "pattern", TEXT_TYPES],
  ["minItems", "min_items", ["array", "any"]],
  ["maxItems", "max_items", ["array", "any"]],
  ["uniqueItems", "unique_items", ["array", "any"]],
  ["items", "items", ["array", "any"]],
  ["properties", "properties", ["object", "any"]],
  ["additional", "additional", ["object", "any"]],
];

/** The conflicts of a rule itself; nested rules are checked on their own. */
export function ruleConflicts(rule: Rule): RuleConflict[] {
  const conflicts: RuleConflict[] = [];
  const impossible = (key: string, message: string, hint?: string): void => {
    conflicts.push({ key, check: "rule-impossible", message, ...(hint === undefined ? {} : { hint }) });
  };
  for (const [key, yaml, types] of APPLIES) {
    if (rule[key] !== undefined && !types.includes(rule.type)) {
      const message = `\`${yaml}\` says nothing about type \`${rule.type}\``;
      const hint = `It applies to ${types.filter((type) => type !== "any").join(", ")}.`;
      conflicts.push({ key: yaml, check: "rule-without-effect", message, hint });
    }
  }
  if ((rule.minLength ?? 0) > (rule.maxLength ?? Infinity)) {
    impossible("min_length", `no text is at least ${rule.minLength} and at most ${rule.maxLength} long`);
  }
  if ((rule.minItems ?? 0) > (rule.maxItems ?? Infinity)) {
    impossible("min_items", `no list has at least ${rule.minItems} and at most ${rule.maxItems} items`);
  }
  const range = emptyRange(rule);
  if (range) impossible(range.key, range.message);
  const test = patternTest(rule, conflicts);
  literals(rule, test, range !== undefined, impossible);
  return conflicts;
}

function patternTest(rule: Rule, conflicts: RuleConflict[]): ((text: string) => boolean) | undefined {
  if (rule.pattern === undefined) return undefined;
  try {
    const pattern = compilePattern(rule.pattern);
    return (text) => pattern.test(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (isJavaScriptPattern(rule.pattern)) {
      const message = `this pattern cannot be matched in linear time: ${reason}`;
      const hint = "Look-around and back-references are not available; the syntax is RE2.";
      conflicts.push({ key: "pattern", check: "regex-not-linear", message, hint });
    } else {
      conflicts.push({ key: "pattern", check: "regex-invalid", message: `this pattern is broken: ${reason}` });
    }
    return undefined;
  }
}

function isJavaScriptPattern(source: string): boolean {
  try {
    return new RegExp(source, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

function emptyRange(rule: Rule): { key: string; message: string } | undefined {
  const { minimum = -Infinity, exclusiveMinimum = -Infinity, maximum = Infinity, exclusiveMaximum = Infinity } = rule;
  const low = Math.max(minimum, exclusiveMinimum);
  const high = Math.min(maximum, exclusiveMaximum);
  const openLow = exclusiveMinimum >= minimum && exclusiveMinimum > -Infinity;
  const openHigh = exclusiveMaximum <= maximum && exclusiveMaximum < Infinity;
  const key = exclusiveMinimum > minimum ? "exclusive_minimum" : rule.minimum === undefined ? "maximum" : "minimum";
  if (low > high || (low === high && (openLow || openHigh))) {
    const bounds = `${openLow ? "above" : "at least"} ${low} and ${openHigh ? "below" : "at most"} ${high}`;
    return { key, message: `no number is ${bounds}` };
  }
  const step = rule.multipleOf ?? (rule.type === "integer" ? 1 : undefined);
  if (step === undefined || !Number.isFinite(low) || !Number.isFinite(high)) return undefined;
  // Tolerance keeps decimal steps such as 0.1 from being refused for their binary rounding.
  const lowest = Math.ceil(low / step - 1e-9);
  const first = openLow && Math.abs(lowest * step - low) < 1e-9 ? lowest + 1 : lowest;
  const highest = Math.floor(high / step + 1e-9);
  const last = openHigh && Math.abs(highest * step - high) < 1e-9 ? highest - 1 : highest;
  if (first <= last) return undefined;
  const what = rule.multipleOf === undefined ? "whole number" : `multiple of ${rule.multipleOf}`;
  return { key, message: `no ${what} lies in this range` };
}

function literals(
  rule: Rule,
  test: ((text: string) => boolean) | undefined,
  rangeIsEmpty: boolean,
  impossible: (key: string, message: string, hint?: string) => void,
): void {
  const { equals } = rule;
  if (rule.enum?.length === 0) impossible("enum", "an empty `enum` allows no value");
  if (equals !== undefined && rule.enum && !rule.enum.some((one) => sameJson(one, equals))) {
    impossible("equals", "`equals` is not among the values of `enum`");
  }
  for (const [key, values] of [
    ["equals", equals === undefined ? [] : [equals]],
    ["enum", rule.enum ?? []],
  ] as const) {
    for (const value of values) {
      const reason = whyNot(rule, value, test, rangeIsEmpty);
      if (reason === undefined) continue;
      impossible(key, `\`${key}\` holds ${shown(value)}, which ${reason.message}`, reason.hint);
    }
  }
}

function whyNot(
  rule: Rule,
  value: Json,
  test: ((text: string) => boolean) | undefined,
  rangeIsEmpty: boolean,
): { message: string; hint?: string } | undefined {
  if (value === null && (rule.nullable || rule.type === "any")) return undefined;
  if (!fitsType(rule.type, value)) {
    const quotes = TEXT_TYPES.includes(rule.type) && (typeof value === "number" || typeof value === "boolean");
    const message = `is not of type \`${rule.type}\``;
    return quotes ? { message, hint: `Put it into quotes: "${String(value)}".` } : { message };
  }
  if (typeof value === "number" && !rangeIsEmpty) {
    const low = value < (rule.minimum ?? -Infinity) || value <= (rule.exclusiveMinimum ?? -Infinity);
    const high = value > (rule.maximum ?? Infinity) || value >= (rule.exclusiveMaximum ?? Infinity);
    if (low || high) return { message: "lies outside the range" };
    const parts = rule.multipleOf === undefined ? 0 : value / rule.multipleOf;
    if (Math.abs(parts - Math.round(parts)) > 1e-9) return { message: `is no multiple of ${rule.multipleOf}` };
  }
  if (typeof value === "string") {
    const size = Array.from(value).length;
    if (size < (rule.minLength ?? 0)) return { message: "is shorter than `min_length`" };
    if (size > (rule.maxLength ?? Infinity)) return { message: "is longer than `max_length`" };
    if (test && !test(value)) return { message: "does not match `pattern`" };
  }
  if (Array.isArray(value)) {
    if (value.length < (rule.minItems ?? 0)) return { message: "has fewer items than `min_items`" };
    if (value.length > (rule.maxItems ?? Infinity)) return { message: "has more items than `max_items`" };
  }
  return undefined;
}

function fitsType(type: RuleType, value: Json): boolean {
  switch (type) {
    case "any":
      return true;
    case "number":
      return typeof value === "number";
    case "integer":
      return Number.isInteger(value);
    case "boolean":
      return typeof value === "boolean";
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "file":
      return false;
    case "email":
      return typeof value === "string" && value.includes("@");
    case "date":
    case "date-time":
      return typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value);
    default:
      return typeof value === "string";
  }
}

function sameJson(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : `${text.slice(0, 37)}…`;
}
