/** Rules as YAML text, in the form in which people write them. No I/O. */
import type { Json } from "../json.ts";
import type { RequestRules, Rule, RuleSet } from "../workflow/rule.ts";
import { flow } from "../workflow/rule-text.ts";

/** A key of a map with its value: flow text, or the entries of a map in block style. */
export interface YamlEntry {
  readonly key: string;
  readonly value: string | readonly YamlEntry[];
}

/** The YAML keys of a rule in the order in which they are written. */
const KEYS: readonly (readonly [keyof Rule, string])[] = [
  ["equals", "equals"],
  ["enum", "enum"],
  ["minimum", "minimum"],
  ["maximum", "maximum"],
  ["exclusiveMinimum", "exclusive_minimum"],
  ["exclusiveMaximum", "exclusive_maximum"],
  ["multipleOf", "multiple_of"],
  ["minLength", "min_length"],
  ["maxLength", "max_length"],
  ["pattern", "pattern"],
  ["minItems", "min_items"],
  ["maxItems", "max_items"],
  ["uniqueItems", "unique_items"],
  ["additional", "additional"],
];

/**
 * The rules as they would stand under `trigger.request`.
 *
 * @returns Lines ending in a line feed; empty when there are no rules.
 */
export function rulesToYaml(rules: RequestRules): string {
  return blockLines(requestEntries(rules), "", "  ")
    .map((line) => `${line}\n`)
    .join("");
}

/** `query`, `headers` and `body`, as far as there are rules for them. */
export function requestEntries({ query, headers, body = {} }: RequestRules): YamlEntry[] {
  return Object.entries({ query, headers, body })
    .filter(([, rules]) => Object.keys(rules).length > 0)
    .map(([key, rules]) => ({ key, value: fieldEntries(rules) }));
}

export function fieldEntries(rules: RuleSet): YamlEntry[] {
  return Object.entries(rules).map(([key, rule]) => ruleEntry(key, rule));
}

/** In short form, as a flow map, or, with properties, as a block map. */
export function ruleEntry(key: string, rule: Rule): YamlEntry {
  if (!hasProperties(rule)) return { key, value: ruleToFlow(rule) };
  return { key, value: longEntries(rule) };
}

/** `email`, or `{ type: email, required: true }`. */
export function ruleToFlow(rule: Rule): string {
  const entries = longEntries(rule);
  const [only] = entries;
  if (only === undefined) return "any";
  return entries.length === 1 && only.key === "type" ? inlineValue(only.value) : inlineValue(entries);
}

function longEntries(rule: Rule): YamlEntry[] {
  const entries: YamlEntry[] = [];
  if (rule.type !== "any") entries.push({ key: "type", value: rule.type });
  if (rule.required) entries.push({ key: "required", value: "true" });
  if (rule.nullable) entries.push({ key: "nullable", value: "true" });
  for (const [property, key] of KEYS) {
    const value = rule[property];
    if (value !== undefined) entries.push({ key, value: scalarText(value as Json) });
  }
  if (rule.properties) entries.push({ key: "properties", value: fieldEntries(rule.properties) });
  if (rule.items) entries.push(ruleEntry("items", rule.items));
  return entries;
}

function hasProperties(rule: Rule): boolean {
  return (
    (rule.properties !== undefined && Object.keys(rule.properties).length > 0) ||
    (rule.items !== undefined && hasProperties(rule.items))
  );
}

/** @param step - What each level adds to `indent`. */
export function blockLines(entries: readonly YamlEntry[], indent: string, step: string): string[] {
  return entries.flatMap(({ key, value }) =>
    typeof value === "string" || value.length === 0
      ? [`${indent}${inlineEntry({ key, value })}`]
      : [`${indent}${scalarText(key)}:`, ...blockLines(value, indent + step, step)],
  );
}

/** `key: value` in flow style. */
export function inlineEntry({ key, value }: YamlEntry): string {
  return `${scalarText(key)}: ${inlineValue(value)}`;
}

export function inlineValue(value: YamlEntry["value"]): string {
  if (typeof value === "string") return value;
  return value.length === 0 ? "{}" : `{ ${value.map(inlineEntry).join(", ")} }`;
}

/** Characters that JSON leaves as they are and YAML does not allow in a text. */
// oxlint-disable-next-line no-control-regex -- these are what is escaped
const NOT_PRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function scalarText(value: Json): string {
  return flow(value).replaceAll(
    NOT_PRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
