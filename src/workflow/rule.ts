/** The rules of a request trigger as the parser yields them; `rules.ts` compiles them. No I/O. */
import type { Json } from "../json.ts";

export type RuleType =
  | "string"
  | "number"
  | "integer"
  | "boolean"
  | "date"
  | "date-time"
  | "email"
  | "url"
  | "uuid"
  | "object"
  | "array"
  | "file"
  | "any";

/** One check on one field. Absent keys do not constrain. */
export interface Rule {
  readonly type: RuleType;
  readonly required: boolean;
  /** Also accepts null. */
  readonly nullable: boolean;
  readonly equals?: Json;
  readonly enum?: readonly Json[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Matches anywhere in the text unless anchored; linear-time syntax (RE2). */
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: RuleSet;
  readonly items?: Rule;
  /** Overrides the trigger's setting for this object's own properties. */
  readonly additional?: "allow" | "reject";
}

export type RuleSet = { readonly [field: string]: Rule };

export interface RequestRules {
  readonly query: RuleSet;
  /** By lower-case name. */
  readonly headers: RuleSet;
  /** The body's fields; undefined when the file has no body rules. */
  readonly body?: RuleSet;
  /** JSON Schema draft 2020-12, the escape hatch; checked as well as `body`. */
  readonly bodySchema?: Json;
  /** `reject`: fields of query and body, nested ones included, that no rule names break a rule. @defaultValue allow */
  readonly additional: "allow" | "reject";
}

/** One broken rule as the 400 answer lists it. */
export interface RuleViolation {
  readonly in: "query" | "headers" | "body";
  /** Dotted, `[i]` for list items; empty for the body itself. For example `items[2].email`. */
  readonly path: string;
  /** The rule's text as in the file: `required`, `type: email`, `minimum: 1`. */
  readonly rule: string;
  readonly message: string;
}
