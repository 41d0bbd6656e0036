/** Values that arrive as text (query, headers, form fields) become what their rules ask for. No I/O. */
import type { Json } from "../json.ts";
import type { Value, ValueObject } from "../value.ts";
import type { Rule, RuleSet } from "./rule.ts";

/** Returns the value itself where it is not the text form of what the rule asks for: validation then says so. */
type Conversion = (value: Value) => Value;

/** Never changes its argument; returns it when nothing is to be converted. */
export type FieldConversion = (fields: ValueObject) => ValueObject;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** @returns undefined when no rule of the set converts anything */
export function fieldConversion(rules: RuleSet): FieldConversion | undefined {
  const conversions = Object.entries(rules).flatMap(([field, rule]) => {
    const convert = conversion(rule);
    return convert ? [{ field, convert }] : [];
  });
  if (conversions.length === 0) return undefined;
  return (fields) => {
    let converted: Record<string, Value> | undefined;
    for (const { field, convert } of conversions) {
      const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
      if (value === undefined) continue;
      const next = convert(value);
      if (next === value) continue;
      converted ??= { ...fields };
      converted[field] = next;
    }
    return converted ?? fields;
  };
}

function conversion(rule: Rule): Conversion | undefined {
  switch (rule.type) {
    case "number":
    case "integer":
      return numberFrom;
    case "boolean":
      return booleanFrom;
    case "array":
      return listConversion(rule.items);
    case "any":
      return expectedConversion(rule);
    case "string":
    case "date":
    case "date-time":
    case "email":
    case "url":
    case "uuid":
    case "object":
    case "file":
      return undefined;
    default:
      return rule.type satisfies never;
  }
}

/** What a text stands for where text is converted. */
export type TextForm = "integer" | "number" | "boolean";

const NO_FORMS: ReadonlySet<TextForm> = new Set();

/** The types whose rules accept the text and convert it without a loss. An `integer` is a `number` too. */
export function textForms(text: string): ReadonlySet<TextForm> {
  if (typeof booleanFrom(text) === "boolean") return new Set(["boolean"]);
  const number = numberFrom(text);
  if (typeof number !== "number") return NO_FORMS;
  if (Number.isInteger(number)) return new Set(Number.isSafeInteger(number) ? ["integer", "number"] : []);
  // A double holds 15 decimal digits for certain.
  return new Set(text.replaceAll(/\D/g, "").length <= 15 ? ["number"] : []);
}

function numberFrom(value: Value): Value {
  if (typeof value !== "string" || value.length > 400 || !NUMBER.test(value)) return value;
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}

function booleanFrom(value: Value): Value {
  return value === "true" ? true : value === "false" ? false : value;
}

/** One value stands for a list of one: `?tag=a` and `?tag=a&tag=b` are the same field. */
function listConversion(items: Rule | undefined): Conversion {
  const convert = items && conversion(items);
  return (value) => {
    const list = Array.isArray(value) ? (value as readonly Value[]) : [value];
    return convert ? list.map((item) => convert(item)) : list;
  };
}

/** Without a type, the numbers and booleans that the rule expects are known by their text. */
function expectedConversion(rule: Rule): Conversion | undefined {
  const expected: Json[] = [...(rule.equals === undefined ? [] : [rule.equals]), ...(rule.enum ?? [])];
  const texts = new Set(expected.filter((value) => typeof value === "string"));
  const byText = new Map<string, number | boolean>();
  for (const value of expected) {
    if ((typeof value === "number" || typeof value === "boolean") && !texts.has(String(value))) {
      byText.set(String(value), value);
    }
  }
  if (byText.size === 0) return undefined;
  return (value) => (typeof value === "string" ? (byText.get(value) ?? value) : value);
}
