/** The rules of a request trigger, compiled to one ajv validator. No I/O. */
import type { Ajv2020, ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { WfError } from "../errors.ts";
import type { Value, ValueObject } from "../value.ts";
import type { RequestRules, Rule, RuleViolation } from "./rule.ts";
import { bodySchemaValidator } from "./rules-body-schema.ts";
import { fieldConversion } from "./rules-convert.ts";
import { addRuleKeywords, createAjv, MAX_VIOLATIONS } from "./rules-keywords.ts";
import { rulesToSchemas, type Schema } from "./rules-schema.ts";
import { namedField, pathOf, ruleViolation } from "./rules-violation.ts";

export { checkBodySchema } from "./rules-body-schema.ts";

/** The parts of a request that rules speak of. */
export interface RuledRequest {
  /** As parsed: text, or a list of texts for a repeated key. */
  readonly query: ValueObject;
  /** By lower-case name, as received. */
  readonly headers: ValueObject;
  readonly body: Value;
  /** True for urlencoded and multipart bodies, whose fields arrive as text like those of the query. @defaultValue false */
  readonly bodyIsText?: boolean;
}

export type Validation =
  /** The values with the types that their rules ask for; what needed no conversion is the caller's own object. */
  | { readonly ok: true; readonly query: ValueObject; readonly headers: ValueObject; readonly body: Value }
  | {
      readonly ok: false;
      /** At least one, at most 100. */
      readonly violations: readonly RuleViolation[];
      /** True when more rules are broken than are listed. */
      readonly more: boolean;
    };

export interface RequestValidator {
  /** Never changes the request. @throws {@link WfError} `WORKFLOW_INVALID` when the rules cannot be compiled */
  validate(request: RuledRequest): Validation;
}

/** ajv keeps what it has compiled for good; a fresh instance now and then frees the rules of files long since edited. */
const MAX_COMPILED_PER_INSTANCE = 5_000;

/** Compiles the rules of a process's workflows with one ajv instance: an instance each takes four times as long. */
export class RuleCompiler {
  #ajv: Ajv2020 | undefined;
  #compiled = 0;

  /** Returns at once: the validator is built when the first request comes. */
  compile(rules: RequestRules): RequestValidator {
    let built: RequestValidator | undefined;
    return { validate: (request) => (built ??= buildValidator(rules, () => this.#instance())).validate(request) };
  }

  #instance(): Ajv2020 {
    if (this.#ajv === undefined || this.#compiled >= MAX_COMPILED_PER_INSTANCE) {
      this.#ajv = createAjv("re2", {
        allErrors: true,
        verbose: true,
        messages: false,
        meta: false,
        addUsedSchema: false,
      });
      addRuleKeywords(this.#ajv);
      this.#compiled = 0;
    }
    this.#compiled++;
    return this.#ajv;
  }
}

let sharedCompiler: RuleCompiler | undefined;
const compiled = new WeakMap<RequestRules, RequestValidator>();

/** The validator of a definition's rules, compiled once, by the process's own {@link RuleCompiler}. */
export function compileRules(rules: RequestRules): RequestValidator {
  let validator = compiled.get(rules);
  if (validator === undefined) {
    validator = (sharedCompiler ??= new RuleCompiler()).compile(rules);
    compiled.set(rules, validator);
  }
  return validator;
}

function buildValidator(rules: RequestRules, ajv: () => Ajv2020): RequestValidator {
  const isValid = compileFields(rules, ajv);
  const schema = rules.bodySchema === undefined ? undefined : bodySchemaValidator(rules.bodySchema);
  const convertQuery = fieldConversion(rules.query);
  const convertHeaders = fieldConversion(rules.headers);
  const convertBody = rules.body && fieldConversion(rules.body);
  return {
    validate(request) {
      const query = convertQuery ? convertQuery(request.query) : request.query;
      const headers = convertHeaders ? convertHeaders(request.headers) : request.headers;
      const body =
        convertBody && request.bodyIsText === true && isFields(request.body) ? convertBody(request.body) : request.body;
      const violations = [
        ...(isValid ? isValid.violations({ query, headers, body }) : []),
        ...(schema ? schema.violations(body) : []),
      ];
      if (violations.length === 0) return { ok: true, query, headers, body };
      return {
        ok: false,
        violations: violations.slice(0, MAX_VIOLATIONS),
        more: violations.length >= MAX_VIOLATIONS,
      };
    },
  };
}

interface FieldsValidator {
  violations(request: { query: ValueObject; headers: ValueObject; body: Value }): readonly RuleViolation[];
}

const NONE: readonly RuleViolation[] = [];

/** @returns undefined when there is nothing to check */
function compileFields(rules: RequestRules, ajv: () => Ajv2020): FieldsValidator | undefined {
  const originOf = new WeakMap<object, Rule>();
  const parts = rulesToSchemas(rules, (schema, rule) => originOf.set(schema, rule));
  const schema: Schema = { type: "object", properties: { ...parts } };
  const nothing = Object.values(parts).every((part: Schema) => Object.keys(part).length === 1);
  if (nothing && parts.body === undefined) return undefined;
  const validate = compileSchema(ajv(), schema);
  return {
    violations({ query, headers, body }) {
      // A request without a body is one without fields: it breaks `required` rules, each named, and no other.
      const request = { query, headers, body: body ?? {} };
      if (validate(request)) return NONE;
      return withoutEchoes(validate.errors ?? []).map((error) => violationOf(error, request, originOf));
    },
  };
}

function compileSchema(ajv: Ajv2020, schema: Schema): ValidateFunction {
  try {
    return ajv.compile(schema);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WfError("WORKFLOW_INVALID", `The trigger's rules cannot be compiled: ${reason}`, { cause: error });
  } finally {
    ajv.removeSchema(schema);
  }
}

/** A file where an object should be has none of the object's fields: only the first is worth saying. */
function withoutEchoes(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const files = errors.filter((error) => error.keyword === "fileValue").map((error) => error.instancePath);
  if (files.length === 0) return errors;
  const atFile = new Set(files);
  return errors.filter((error) => error.keyword === "fileValue" || !atFile.has(error.instancePath));
}

function violationOf(error: ErrorObject, request: object, originOf: WeakMap<object, Rule>): RuleViolation {
  const [, part = "body"] = error.instancePath.split("/", 2);
  const within = error.instancePath.slice(part.length + 1);
  const path = pathOf(within, (request as Record<string, unknown>)[part], namedField(error));
  const rule = error.parentSchema && originOf.get(error.parentSchema);
  return ruleViolation(error, { in: part as RuleViolation["in"], path }, rule);
}

function isFields(body: Value): body is ValueObject {
  return body !== null && typeof body === "object" && !Array.isArray(body);
}
