/** Rules as JSON Schema (draft 2020-12), the first half of compiling them. No I/O. */
import type { Json } from "../json.ts";
import type { RequestRules, Rule, RuleSet, RuleType } from "./rule.ts";

/** A JSON Schema under construction; keywords beyond the draft's own are those of `rules-keywords.ts`. */
export interface Schema {
  [keyword: string]: Json | Schema | Schema[] | { [field: string]: Schema } | readonly string[];
}

/** The formats that stand for types in a compiled schema, and the rule type each one checks. */
const FORMAT_OF: Readonly<Partial<Record<RuleType, string>>> = {
  date: "iso-date",
  "date-time": "date-time",
  email: "email",
  url: "http-url",
  uuid: "uuid",
};

const KEYWORDS = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "uniqueItems",
] as const;

/** Told of each schema object and the rule that it came from, so that a broken keyword leads back to its rule. */
export type RuleOrigin = (schema: Schema, rule: Rule) => void;

/** Which request part a schema object is for. */
export interface RequestSchema {
  readonly query: Schema;
  readonly headers: Schema;
  /** Undefined when the file has no body rules. */
  readonly body?: Schema;
}

/**
 * One schema for each part of the request.
 *
 * Two keywords are not the draft's: `onlyFields` (an `additionalProperties: false` that reports a bounded number of
 * fields) and `fileValue` (`is`, `is-or-null`, `is-not`).
 */
export function rulesToSchemas(rules: RequestRules, origin: RuleOrigin = () => {}): RequestSchema {
  const { additional } = rules;
  return {
    query: fieldsSchema(rules.query, additional, additional === "reject", origin),
    headers: fieldsSchema(rules.headers, additional, false, origin),
    ...(rules.body && {
      body: { ...fieldsSchema(rules.body, additional, additional === "reject", origin), fileValue: "is-not" },
    }),
  };
}

function fieldsSchema(
  fields: RuleSet,
  inherited: RequestRules["additional"],
  closed: boolean,
  origin: RuleOrigin,
): Schema {
  const entries = Object.entries(fields);
  const required = entries.filter(([, rule]) => rule.required).map(([name]) => name);
  return {
    type: "object",
    ...(entries.length > 0 && {
      properties: Object.fromEntries(entries.map(([name, rule]) => [name, ruleSchema(rule, inherited, origin)])),
    }),
    ...(required.length > 0 && { required }),
    ...(closed && { onlyFields: entries.map(([name]) => name) }),
  };
}

function ruleSchema(rule: Rule, inherited: RequestRules["additional"], origin: RuleOrigin): Schema {
  const schema: Schema = { ...typeSchema(rule), ...expectedSchema(rule) };
  for (const keyword of KEYWORDS) {
    const value = rule[keyword];
    if (value !== undefined) schema[keyword] = value;
  }
  if (rule.items) schema["items"] = { stopAfterErrors: true, ...ruleSchema(rule.items, inherited, origin) };
  if (rule.items) origin(schema["items"] as Schema, rule.items);
  if (rule.properties || rule.additional) Object.assign(schema, ownFields(rule, inherited, origin));
  origin(schema, rule);
  return schema;
}

/** An object without named properties is free-form, unless it says itself that it is not. */
function ownFields(rule: Rule, inherited: RequestRules["additional"], origin: RuleOrigin): Schema {
  const closed = (rule.additional ?? (rule.properties ? inherited : "allow")) === "reject";
  const { type: _, ...fields } = fieldsSchema(rule.properties ?? {}, inherited, closed, origin);
  return fields;
}

function typeSchema(rule: Rule): Schema {
  const orNull = (type: string): Json => (rule.nullable ? [type, "null"] : type);
  switch (rule.type) {
    case "any":
      return {};
    case "file":
      return { fileValue: rule.nullable ? "is-or-null" : "is" };
    case "object":
      return { type: orNull("object"), fileValue: "is-not" };
    case "string":
    case "number":
    case "integer":
    case "boolean":
    case "array":
      return { type: orNull(rule.type) };
    case "date":
    case "date-time":
    case "email":
    case "url":
    case "uuid":
      return { type: orNull("string"), format: FORMAT_OF[rule.type] as string };
    default:
      return rule.type satisfies never;
  }
}

/** `equals` and `enum`; a nullable field may be null whatever they list. */
function expectedSchema(rule: Rule): Schema {
  const expected: Schema = {};
  if (rule.equals !== undefined) expected["equalsOneOf"] = rule.nullable ? [rule.equals, null] : [rule.equals];
  if (rule.enum !== undefined) expected["enum"] = rule.nullable ? [...rule.enum, null] : [...rule.enum];
  return expected;
}
