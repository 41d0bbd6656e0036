/** Reads the rules of a request trigger. No I/O. */
import type { Json } from "../../json.ts";
import { ruleConflicts } from "../check-rules.ts";
import { isHeaderName } from "../header-syntax.ts";
import type { Rule, RuleSet, RuleType } from "../rule.ts";
import { valueAt, type MapNode, type Node } from "./node.ts";
import { jsonOf, type Reader } from "./reader.ts";

export const RULE_TYPES: readonly RuleType[] = [
  "string",
  "number",
  "integer",
  "boolean",
  "date",
  "date-time",
  "email",
  "url",
  "uuid",
  "object",
  "array",
  "file",
  "any",
];

const OTHER_NAMES: { readonly [name: string]: string } = {
  int: "integer",
  float: "number",
  double: "number",
  bool: "boolean",
  str: "string",
  text: "string",
  datetime: "date-time",
  uri: "url",
  list: "array",
  map: "object",
  STRING: "string",
  NUMBER: "number",
  NON_DECIMAL: "integer",
  BOOLEAN: "boolean",
  DATE: "date",
  EMAIL: "email",
  OBJECT: "object",
  ARRAY: "array",
  FILE: "file",
  ANY: "any",
};

const RULE_KEYS: readonly string[] = [
  "type",
  "required",
  "nullable",
  "equals",
  "enum",
  "minimum",
  "maximum",
  "exclusive_minimum",
  "exclusive_maximum",
  "multiple_of",
  "min_length",
  "max_length",
  "pattern",
  "min_items",
  "max_items",
  "unique_items",
  "properties",
  "items",
  "additional",
];

/** Where the ruled values come from; query and header values are text. */
export type RulePlace = "query" | "headers" | "body";

const IMPOSSIBLE_TYPES: { readonly [place in RulePlace]: readonly RuleType[] } = {
  query: ["object", "file"],
  headers: ["object", "file", "array"],
  body: [],
};

/** Reads rules by field. Header names become lower case. */
export function readRuleSet(reader: Reader, node: Node, what: string, place: RulePlace): RuleSet {
  const map = reader.map(node, what, undefined, "or-nothing");
  const rules = new Map<string, Rule>();
  for (const entry of map?.entries.values() ?? []) {
    const name = place === "headers" ? entry.key.toLowerCase() : entry.key;
    if (rules.has(name)) reader.error(entry.keyRange, "duplicate-key", `\`${name}\` stands twice in ${what}`);
    if (place === "headers" && !isHeaderName(name)) {
      reader.error(entry.keyRange, "bad-header", `\`${entry.key}\` cannot be a header's name`);
    }
    rules.set(name, readRule(reader, entry.value, place));
  }
  return Object.fromEntries(rules);
}

function readRule(reader: Reader, node: Node, place: RulePlace): Rule {
  if (node.kind === "scalar") {
    const type = reader.oneOf(node, "a rule", RULE_TYPES, OTHER_NAMES) ?? "any";
    checkType(reader, node, type, place);
    return { type, required: false, nullable: false };
  }
  const map = reader.map(node, "a rule", RULE_KEYS);
  return map ? readLongRule(reader, map, place) : { type: "any", required: false, nullable: false };
}

function checkType(reader: Reader, node: Node, type: RuleType, place: RulePlace): void {
  if (IMPOSSIBLE_TYPES[place].includes(type)) {
    const where = place === "query" ? "a query parameter" : "a header";
    reader.error(node, "rule-impossible", `${where} is never of type \`${type}\``);
  }
}

function readLongRule(reader: Reader, map: MapNode, place: RulePlace): Rule {
  const read = <T>(key: string, how: (node: Node, what: string) => T | undefined): T | undefined => {
    const node = valueAt(map, key);
    return node && how(node, `\`${key}\``);
  };
  const boolean = (node: Node, what: string) => reader.boolean(node, what);
  const number = (node: Node, what: string) => reader.number(node, what);
  const count = (node: Node, what: string) => reader.integer(node, what, 0, 1_000_000_000);
  const typeNode = valueAt(map, "type");
  const type = (typeNode && reader.oneOf(typeNode, "`type`", RULE_TYPES, OTHER_NAMES)) ?? "any";
  if (typeNode) checkType(reader, typeNode, type, place);
  const multipleOf = read("multiple_of", number);
  if (multipleOf !== undefined && multipleOf <= 0) {
    reader.error(valueAt(map, "multiple_of") ?? map, "rule-impossible", "`multiple_of` must be greater than 0");
  }
  const equals = valueAt(map, "equals");
  const rule: Rule = present({
    type,
    required: read("required", boolean) ?? false,
    nullable: read("nullable", boolean) ?? false,
    equals: equals && jsonOf(equals),
    enum: read("enum", (node, what): readonly Json[] | undefined => reader.list(node, what)?.map(jsonOf)),
    minimum: read("minimum", number),
    maximum: read("maximum", number),
    exclusiveMinimum: read("exclusive_minimum", number),
    exclusiveMaximum: read("exclusive_maximum", number),
    multipleOf: multipleOf !== undefined && multipleOf > 0 ? multipleOf : undefined,
    minLength: read("min_length", count),
    maxLength: read("max_length", count),
    pattern: read("pattern", (node, what) => reader.string(node, what)),
    minItems: read("min_items", count),
    maxItems: read("max_items", count),
    uniqueItems: read("unique_items", boolean),
    properties: read("properties", (node, what) => readRuleSet(reader, node, what, "body")),
    items: read("items", (node) => readRule(reader, node, place)),
    additional: read("additional", (node, what) => reader.oneOf(node, what, ["allow", "reject"])),
  });
  report(reader, map, rule, place);
  return rule;
}

function report(reader: Reader, map: MapNode, rule: Rule, place: RulePlace): void {
  // Unquoted numbers in a rule on text are the commonest slip: a header never equals the number 2.
  const textOnly = place !== "body" && rule.type === "any" ? ({ ...rule, type: "string" } as const) : rule;
  for (const conflict of ruleConflicts(textOnly)) {
    if (conflict.check === "rule-without-effect" && textOnly !== rule) continue;
    const { message, hint } = conflict;
    const node = valueAt(map, conflict.key) ?? map;
    reader.error(node.kind === "scalar" ? node : keyRange(map, conflict.key), conflict.check, message, hint);
  }
}

function keyRange(map: MapNode, key: string): { start: number; end: number } {
  return map.entries.get(key)?.keyRange ?? { start: map.start, end: map.start + 1 };
}

/** Leaves out what is undefined, as `exactOptionalPropertyTypes` wants it. */
export function present<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
