/** The part of the JSON Schema that describes triggers and their rules. No I/O. */
import type { Json } from "../json.ts";
import { MAX_EVENT_NAME_LENGTH, TRIGGER_METHODS } from "./parse/trigger.ts";
import { RULE_TYPES } from "./parse/rule.ts";

type Schema = { readonly [key: string]: Json };

const count = (description: string): Schema => ({ type: "integer", minimum: 0, description });

/** Definitions by name, for `$defs`. */
export const ruleSchemas: { readonly [name: string]: Json } = {
  ruleType: {
    description: "string, number, integer, boolean, date, date-time, email, url, uuid, object, array, file or any.",
    enum: [...RULE_TYPES],
  },
  rule: {
    description: "The short form is a type: `seats: integer`. The long form is a map: `{ type: integer, minimum: 1 }`.",
    anyOf: [{ $ref: "#/$defs/ruleType" }, { $ref: "#/$defs/longRule" }],
  },
  longRule: {
    type: "object",
    additionalProperties: false,
    properties: {
      type: { $ref: "#/$defs/ruleType" },
      required: { type: "boolean", description: "The field must be there. Default: false." },
      nullable: { type: "boolean", description: "Also accepts null. Default: false." },
      equals: { description: "The only value that is accepted." },
      enum: { type: "array", description: "The values that are accepted." },
      minimum: { type: "number", description: "The least number that is accepted." },
      maximum: { type: "number", description: "The greatest number that is accepted." },
      exclusive_minimum: { type: "number", description: "Numbers must be greater than this." },
      exclusive_maximum: { type: "number", description: "Numbers must be less than this." },
      multiple_of: { type: "number", exclusiveMinimum: 0, description: "Numbers must be a multiple of this." },
      min_length: count("The fewest characters of a text."),
      max_length: count("The most characters of a text."),
      pattern: {
        type: "string",
        description: "A regular expression in RE2 syntax that the text must match somewhere; anchor it with ^ and $.",
      },
      min_items: count("The fewest items of a list."),
      max_items: count("The most items of a list."),
      unique_items: { type: "boolean", description: "No two items of a list may be equal." },
      properties: { $ref: "#/$defs/ruleSet", description: "Rules for the fields of an object." },
      items: { $ref: "#/$defs/rule", description: "The rule for every item of a list." },
      additional: {
        $ref: "#/$defs/additional",
        description:
          "Whether this object may have fields that `properties` does not name. Default: as the trigger says.",
      },
    },
  },
  ruleSet: { type: ["object", "null"], additionalProperties: { $ref: "#/$defs/rule" } },
  additional: { enum: ["allow", "reject"] },
  method: { type: "string", pattern: `^(?:${TRIGGER_METHODS.map(anyCase).join("|")})$` },
  trigger: {
    type: "object",
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description: "What starts the workflow.",
    properties: {
      event: {
        type: "string",
        minLength: 1,
        maxLength: MAX_EVENT_NAME_LENGTH,
        pattern: "\\S",
        description: "Name of an event that an application sends for a user; its payload is `trigger.body`.",
      },
      request: {
        type: ["object", "null"],
        additionalProperties: false,
        description: "An HTTP request to the workflow's URL. A request that breaks a rule is answered with 400.",
        properties: {
          methods: {
            description: "The HTTP methods that are accepted. Default: POST.",
            anyOf: [{ $ref: "#/$defs/method" }, { type: "array", minItems: 1, items: { $ref: "#/$defs/method" } }],
          },
          auth: { $ref: "#/$defs/auth" },
          query: { $ref: "#/$defs/ruleSet", description: "Rules for query parameters, by name." },
          headers: { $ref: "#/$defs/ruleSet", description: "Rules for headers, by name in any case." },
          body: { $ref: "#/$defs/ruleSet", description: "Rules for the fields of the body, by name." },
          body_schema: {
            type: ["object", "boolean"],
            description: "A JSON Schema (draft 2020-12) for the body, where rules do not suffice.",
          },
          additional: {
            $ref: "#/$defs/additional",
            description: "`reject`: query parameters and body fields that no rule names are refused. Default: allow.",
          },
        },
      },
    },
  },
};

/** A pattern that matches a word in any case; JSON Schema has no flag for it. */
export function anyCase(word: string): string {
  return Array.from(word)
    .map((letter) => `[${letter}${letter.toLowerCase()}]`)
    .join("");
}
