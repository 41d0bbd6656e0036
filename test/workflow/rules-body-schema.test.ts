import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/json.ts";
import type { Value } from "../../src/value.ts";
import { bodySchemaValidator, checkBodySchema } from "../../src/workflow/rules-body-schema.ts";
import { RuleCompiler } from "../../src/workflow/rules.ts";

const expected = randomBytes(12).toString("hex");

function texts(schema: Json, body: Value): string[] {
  return bodySchemaValidator(schema)
    .violations(body)
    .map(({ path, rule }) => `${path} ${rule}`);
}

describe("a body schema", () => {
  const schema = {
    type: "object",
    required: ["lines"],
    properties: {
      lines: { type: "array", items: { $ref: "#/$defs/line" } },
      token: { const: expected },
      mail: { format: "email" },
    },
    unevaluatedProperties: false,
    $defs: { line: { type: "object", properties: { n: { type: "integer", minimum: 1 } } } },
  };

  test("lists every broken keyword with its path", () => {
    expect(texts(schema, { lines: [{ n: 0 }, { n: "x" }], token: "guess", mail: "m", more: 1 }).sort()).toEqual([
      "lines[0].n minimum: 1",
      "lines[1].n type: integer",
      "mail format: email",
      "more unevaluatedProperties: false",
      "token const",
    ]);
    expect(texts(schema, {})).toEqual(["lines required"]);
    expect(JSON.stringify(bodySchemaValidator(schema).violations({ lines: [], token: "x" }))).not.toContain(expected);
  });

  test("is checked as well as the rules", () => {
    const validator = new RuleCompiler().compile({
      query: {},
      headers: {},
      additional: "allow",
      body: { a: { type: "string", required: true, nullable: false } },
      bodySchema: { minProperties: 2 },
    });
    const result = validator.validate({ query: {}, headers: {}, body: { b: 1 } });
    expect(result.ok ? [] : result.violations.map(({ rule }) => rule)).toEqual(["required", "minProperties: 2"]);
  });

  test("gives one violation of a body with very many values", () => {
    expect(
      texts(
        { items: { type: "string" } },
        Array.from({ length: 100_000 }, () => 1),
      ),
    ).toEqual(["[0] type: string"]);
  });

  test("that never ends says so instead of crashing", () => {
    expect(texts({ allOf: [{ $ref: "#" }] }, {})).toEqual([" body_schema"]);
  });

  test("keeps its $id to itself", () => {
    bodySchemaValidator({ $id: "https://example.com/a", type: "string" });
    expect(checkBodySchema({ $id: "https://example.com/a", type: "number" })).toEqual([]);
    expect(checkBodySchema({ $ref: "https://example.com/a" })).toHaveLength(1);
  });

  test("may use patterns in JavaScript's spelling", () => {
    expect(texts({ pattern: "^\\/\\u0061(?<x>b)$" }, "/ab")).toEqual([]);
  });
});

describe("a schema that cannot be used", () => {
  test.each<[Json, string, RegExp]>([
    [{ type: "strin" }, "/type", /must be/],
    [{ properties: { a: { minimum: "1" } } }, "/properties/a/minimum", /must be number/],
    [{ $ref: "#/$defs/nowhere" }, "", /not in the schema/],
    [{ $ref: "https://example.com/schema.json" }, "", /nothing is fetched/],
    [{ $ref: "file:///etc/passwd" }, "", /nothing is fetched/],
    [{ $schema: "http://json-schema.org/draft-07/schema#" }, "/$schema", /2020-12/],
    [{ $async: true }, "/$async", /remove/],
    [{ pattern: "(?<=a)b" }, "", /./],
    [{ pattern: "(a)\\1" }, "", /./],
    ["text", "", /map or a boolean/],
    [null, "", /map or a boolean/],
    [[], "", /map or a boolean/],
  ])("%j is reported at %j", (schema, path, message) => {
    const [problem] = checkBodySchema(schema);
    expect(problem?.path).toBe(path);
    expect(problem?.message).toMatch(message);
  });

  test("the draft's own schema is no problem", () => {
    expect(checkBodySchema({ $ref: "https://json-schema.org/draft/2020-12/schema" })).toEqual([]);
    expect(checkBodySchema(true)).toEqual([]);
  });
});
