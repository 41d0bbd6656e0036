/** How rules and values are named in answers to callers. No I/O. */
import type { Json } from "../json.ts";
import { FileValue } from "../value.ts";
import type { RuleType } from "./rule.ts";

const MAX_RULE_TEXT = 200;

/** Fields whose expected value may itself be the secret that lets a caller in. */
const SECRET_WORD =
  /(?:^|[^a-z])(?:auth|authorization|token|secret|key|apikey|signature|password|passwd|cookie|credentials?)(?:[^a-z]|$)/;

const TYPE_NAMES: Readonly<Record<RuleType, string>> = {
  string: "text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  date: "an ISO 8601 date",
  "date-time": "an ISO 8601 date and time with an offset",
  email: "an email address",
  url: "an http or https URL",
  uuid: "a UUID",
  object: "an object",
  array: "a list",
  file: "a file",
  any: "present",
};

/** `an email address` */
export function typeName(type: RuleType): string {
  return TYPE_NAMES[type];
}

/** `a number`: what a value is, never the value itself. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof FileValue) return "a file";
  if (typeof value === "string") return value === "" ? "empty text" : "text";
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : "a number out of range";
  return typeof value === "boolean" ? String(value) : "an object";
}

/** The rule as the file writes it: `minimum: 1`, `enum: [web, app]`. Long ones are cut. */
export function ruleText(key: string, value: Json): string {
  const text = `${key}: ${flow(value)}`;
  return text.length <= MAX_RULE_TEXT ? text : `${text.slice(0, MAX_RULE_TEXT - 1)}…`;
}

/** True when the values that a rule expects there must not be told to a caller. */
export function hidesExpected(field: string): boolean {
  // `apiKey` is as much a key as `api_key`; `author` and `keyword` are not.
  return SECRET_WORD.test(field.replaceAll(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`));
}

/** One value in YAML's flow style. */
export function flow(value: Json): string {
  if (typeof value === "string") return isPlain(value) ? value : JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  if (isList(value)) return `[${value.map(flow).join(", ")}]`;
  const entries = Object.entries(value).map(([key, item]) => `${flow(key)}: ${flow(item)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

function isPlain(text: string): boolean {
  return /^[A-Za-z_][\w./ -]*$/.test(text) && !text.endsWith(" ") && !/^(?:true|false|null|yes|no|on|off)$/i.test(text);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
