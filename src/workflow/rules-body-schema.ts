/** `body_schema`: a JSON Schema (draft 2020-12) as its author wrote it. No I/O: a `$ref` is never fetched. */
import type { Ajv2020, ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { WfError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Value } from "../value.ts";
import type { RuleViolation } from "./rule.ts";
import { createAjv, MAX_VIOLATIONS } from "./rules-keywords.ts";
import { namedField, pathOf, schemaViolation } from "./rules-violation.ts";

/** A body with more values than this gets its first broken rule only: ajv cannot be told to stop at the hundredth. */
const MAX_VALUES_FOR_ALL_ERRORS = 10_000;

/** What is wrong with a schema itself. */
export interface BodySchemaProblem {
  /** JSON pointer into the schema, empty for the schema itself. For example `/properties/email/type`. */
  readonly path: string;
  readonly message: string;
}

/** Checks bodies against one schema. */
export interface BodySchemaValidator {
  /** At most {@link MAX_VIOLATIONS}; none when the body is right. */
  violations(body: Value): readonly RuleViolation[];
}

/**
 * Finds what keeps a schema from being used: keywords with wrong values, references that lead out of it, patterns that
 * no linear-time engine can run.
 *
 * @returns No entry when the schema can be used.
 */
export function checkBodySchema(schema: Json): readonly BodySchemaProblem[] {
  if (typeof schema !== "boolean" && (schema === null || typeof schema !== "object" || Array.isArray(schema))) {
    return [{ path: "", message: "A JSON Schema is a map or a boolean" }];
  }
  try {
    if (typeof schema === "object" && Object.hasOwn(schema, "$async")) {
      return [{ path: "/$async", message: "`$async` is not part of JSON Schema; remove it" }];
    }
    const meta = metaAjv();
    const dialect = typeof schema === "object" ? (schema as { $schema?: Json }).$schema : undefined;
    if (dialect !== undefined && (typeof dialect !== "string" || meta.getSchema(dialect) === undefined)) {
      return [
        { path: "/$schema", message: "Only draft 2020-12 is known: https://json-schema.org/draft/2020-12/schema" },
      ];
    }
    if (meta.validateSchema(schema) !== true) return metaProblems(meta.errors ?? []);
    compileSchema(schema, false);
    return [];
  } catch (error) {
    return [{ path: "", message: compileMessage(error) }];
  }
}

/**
 * Compiles a schema that {@link checkBodySchema} has found right.
 *
 * @throws {@link WfError} `WORKFLOW_INVALID` for any other
 */
export function bodySchemaValidator(schema: Json): BodySchemaValidator {
  const isValid = compileOrThrow(schema, false);
  let listErrors: ValidateFunction | undefined;
  return {
    violations(body) {
      try {
        if (isValid(body)) return [];
        let errors = isValid.errors ?? [];
        if (hasAtMostValues(body, MAX_VALUES_FOR_ALL_ERRORS)) {
          listErrors ??= compileOrThrow(schema, true);
          if (!listErrors(body)) errors = listErrors.errors ?? errors;
        }
        return errors
          .slice(0, MAX_VIOLATIONS)
          .map((error) => schemaViolation(error, pathOf(error.instancePath, body, namedField(error))));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return [{ in: "body", path: "", rule: "body_schema", message: "The body is nested too deeply for its schema" }];
      }
    },
  };
}

function compileOrThrow(schema: Json, allErrors: boolean): ValidateFunction {
  try {
    return compileSchema(schema, allErrors);
  } catch (error) {
    throw new WfError("WORKFLOW_INVALID", `\`body_schema\` cannot be used: ${compileMessage(error)}`, { cause: error });
  }
}

/** An instance each: `$id`s of one workflow's schema must not be visible to another's. */
function compileSchema(schema: Json, allErrors: boolean): ValidateFunction {
  const validate = createAjv("javascript", { allErrors, verbose: true }).compile(schema as object | boolean);
  if ("$async" in validate) throw new Error("`$async` is not part of JSON Schema; remove it");
  return validate;
}

let sharedMetaAjv: Ajv2020 | undefined;

/** Compiling the draft's own schema takes long enough to do it once, and only where a file has a `body_schema`. */
function metaAjv(): Ajv2020 {
  return (sharedMetaAjv ??= createAjv("javascript", { allErrors: true, verbose: true, validateFormats: false }));
}

function metaProblems(errors: readonly ErrorObject[]): BodySchemaProblem[] {
  const problems = new Map<string, BodySchemaProblem>();
  for (const error of errors) {
    // These repeat what another error says of the same place.
    if (["$ref", "$dynamicRef", "allOf", "anyOf", "if"].includes(error.keyword)) continue;
    const path = error.instancePath;
    if (!problems.has(path)) problems.set(path, { path, message: error.message ?? "is not valid" });
    if (problems.size >= 20) break;
  }
  if (problems.size === 0) problems.set("", { path: "", message: "This is not a JSON Schema of draft 2020-12" });
  return [...problems.values()];
}

function compileMessage(error: unknown): string {
  if (error instanceof RangeError) return "The schema is nested too deeply, or its references go round in circles";
  const message = error instanceof Error ? error.message : String(error);
  const missing = (error as { missingRef?: string }).missingRef;
  if (missing !== undefined) {
    return `\`$ref\` leads to ${JSON.stringify(missing.slice(0, 120) || "#")}, which is not in the schema; nothing is fetched`;
  }
  return message.slice(0, 300);
}

function hasAtMostValues(body: Value, limit: number): boolean {
  const open: Value[] = [body];
  for (let seen = 0; open.length > 0; seen++) {
    if (seen + open.length > limit) return false;
    const value = open.pop();
    if (value !== null && typeof value === "object")
      for (const inner of Object.values(value)) open.push(inner as Value);
  }
  return true;
}
