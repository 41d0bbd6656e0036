/** What ajv found, told in the words of the rules. No I/O. */
import type { ErrorObject } from "ajv/dist/2020.js";
import type { Json } from "../json.ts";
import type { Rule, RuleViolation } from "./rule.ts";
import { flow, hidesExpected, kindOf, ruleText, typeName } from "./rule-text.ts";

const MAX_PATH = 200;
const MAX_MESSAGE = 300;

/** Where a value stands in a request. */
export interface RequestPlace {
  readonly in: RuleViolation["in"];
  /** Dotted, `[i]` for list items; empty for the part itself. */
  readonly path: string;
}

/**
 * Follows a JSON pointer through the data that it points into, because only the data tells a list's index from a field
 * whose name is a number.
 */
export function pathOf(pointer: string, data: unknown, field?: string): string {
  const segments = pointer === "" ? [] : pointer.slice(1).split("/").map(unescapePointer);
  let path = "";
  let at = data;
  for (const segment of segments) {
    path += Array.isArray(at) ? `[${segment}]` : fieldPath(segment, path === "");
    at = at !== null && typeof at === "object" ? (at as Record<string, unknown>)[segment] : undefined;
  }
  if (field !== undefined) path += fieldPath(field, path === "");
  return path.length <= MAX_PATH ? path : `${path.slice(0, MAX_PATH - 1)}…`;
}

function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}

function fieldPath(field: string, first: boolean): string {
  if (!/^[\w$-]+$/.test(field)) return first && /^[^.[\]"\s]+$/.test(field) ? field : `[${JSON.stringify(field)}]`;
  return first ? field : `.${field}`;
}

/** @param rule - The rule that the broken keyword belongs to; undefined for the fields of a request part themselves. */
export function ruleViolation(error: ErrorObject, place: RequestPlace, rule: Rule | undefined): RuleViolation {
  const { path } = place;
  const name = subject(place);
  const hidden = hidesExpected(path);
  const say = (text: string, message: string): RuleViolation => ({
    in: place.in,
    path,
    rule: text,
    message: message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1)}…`,
  });
  const limit = (key: string, words: string): RuleViolation =>
    say(ruleText(key, error.schema as Json), `${name} must ${words} ${flow(error.schema as Json)}`);

  switch (error.keyword) {
    case "required":
      return say("required", `${name} is required`);
    case "onlyFields":
      return say("additional: reject", `${name} is not a known field`);
    case "type":
    case "format":
    case "fileValue": {
      const type = rule?.type ?? "object";
      const got = error.keyword === "format" ? "" : `, got ${kindOf(error.data)}`;
      return say(ruleText("type", type), `${name} must be ${typeName(type)}${got}`);
    }
    case "equalsOneOf": {
      const expected = rule?.equals ?? null;
      if (hidden) return say("equals", `${name} does not have the expected value`);
      return say(ruleText("equals", expected), `${name} must be ${flow(expected)}`);
    }
    case "enum": {
      const allowed = rule?.enum ?? [];
      if (hidden) return say("enum", `${name} does not have an expected value`);
      return say(ruleText("enum", allowed), `${name} must be one of ${allowed.map(flow).join(", ")}`);
    }
    case "pattern":
      if (hidden) return say("pattern", `${name} does not have the expected form`);
      return say(ruleText("pattern", error.schema as Json), `${name} must match the pattern ${String(error.schema)}`);
    case "minimum":
      return limit("minimum", "be at least");
    case "maximum":
      return limit("maximum", "be at most");
    case "exclusiveMinimum":
      return limit("exclusive_minimum", "be more than");
    case "exclusiveMaximum":
      return limit("exclusive_maximum", "be less than");
    case "multipleOf":
      return limit("multiple_of", "be a multiple of");
    case "minLength":
      return say(
        ruleText("min_length", error.schema as Json),
        `${name} must have at least ${count(error, "character")}`,
      );
    case "maxLength":
      return say(
        ruleText("max_length", error.schema as Json),
        `${name} must have at most ${count(error, "character")}`,
      );
    case "minItems":
      return say(ruleText("min_items", error.schema as Json), `${name} must have at least ${count(error, "item")}`);
    case "maxItems":
      return say(ruleText("max_items", error.schema as Json), `${name} must have at most ${count(error, "item")}`);
    case "uniqueItems":
      return say("unique_items: true", `${name} must not have equal items`);
    default:
      return say(ruleText(error.keyword, error.schema as Json), `${name} breaks the rule ${error.keyword}`);
  }
}

/** A broken keyword of a workflow's own JSON Schema, in the schema's words. */
export function schemaViolation(error: ErrorObject, path: string): RuleViolation {
  const hidden = hidesExpected(path) && ["const", "enum", "pattern"].includes(error.keyword);
  const simple = error.schema === null || typeof error.schema !== "object" || isScalarList(error.schema);
  const rule =
    error.keyword === "required"
      ? "required"
      : hidden || !simple
        ? error.keyword
        : ruleText(error.keyword, error.schema as Json);
  const what =
    error.keyword === "required" ? "is required" : hidden ? "does not have the expected value" : (error.message ?? "");
  const message = `${subject({ in: "body", path })} ${what}`;
  return {
    in: "body",
    path,
    rule: rule === "false schema: false" ? "false" : rule,
    message: message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1)}…`,
  };
}

/** The field that a schema's keyword speaks of without pointing at it. */
export function namedField(error: ErrorObject): string | undefined {
  const params = error.params as { [name: string]: unknown };
  const field =
    params["field"] ?? params["missingProperty"] ?? params["additionalProperty"] ?? params["unevaluatedProperty"];
  return typeof field === "string" ? field : undefined;
}

function isScalarList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => item === null || typeof item !== "object");
}

function count(error: ErrorObject, unit: string): string {
  return `${String(error.schema)} ${unit}${error.schema === 1 ? "" : "s"}`;
}

function subject(place: RequestPlace): string {
  if (place.path !== "") return `\`${place.path}\``;
  return place.in === "body" ? "The body" : place.in === "query" ? "The query" : "The headers";
}
