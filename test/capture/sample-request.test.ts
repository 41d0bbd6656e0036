import fc from "fast-check";
import { expect, it } from "vitest";
import { sampleRequest } from "../../src/capture/sample-request.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import type { RequestRules, Rule } from "../../src/workflow/rule.ts";
import { RuleCompiler } from "../../src/workflow/rules.ts";

const compiler = new RuleCompiler();

function violations(methods: readonly string[], rules: RequestRules): unknown {
  const { url, headers, body } = sampleRequest("lead", methods, rules);
  const result = compiler.compile(rules).validate({
    query: Object.fromEntries(new URL(url, "http://localhost").searchParams),
    headers: Object.fromEntries(headers),
    body: body.kind === "value" ? body.value : null,
  });
  return result.ok ? [] : result.violations;
}

it("keeps rules of every type that has no pattern", () => {
  const yaml = `trigger:
  request:
    methods: [PUT, POST]
    additional: reject
    query: { page: { type: integer, minimum: 3, required: true }, source: { enum: [web, app], required: true } }
    headers: { x-version: { equals: "2", required: true } }
    body:
      text: { type: string, min_length: 9, required: true }
      short: { type: string, max_length: 2 }
      number: { type: number, exclusive_maximum: 0 }
      stepped: { type: integer, minimum: 5, multiple_of: 4, maximum: 9 }
      yes: boolean
      day: date
      time: date-time
      email: email
      link: url
      id: uuid
      any: any
      list: { type: array, min_items: 3, items: { type: object, properties: { sku: { type: string, required: true } } } }
      deep: { type: object, required: true, properties: { a: { type: integer, required: true } } }
steps: []
`;
  const { definition, problems } = parseWorkflow({
    workflowId: "lead",
    file: "workflows/lead.yaml",
    yaml,
    modules: {},
  });
  expect(problems).toEqual([]);
  const { methods, rules } = definition?.request ?? {
    methods: [],
    rules: { query: {}, headers: {}, additional: "allow" },
  };
  expect(violations(methods, rules)).toEqual([]);
  expect(sampleRequest("lead", methods, rules)).toMatchObject({ method: "PUT", url: "/test/lead?page=3&source=web" });
});

it("finds a number between any bounds that leave room for one", () => {
  const bound = fc.integer({ min: -50, max: 50 });
  fc.assert(
    fc.property(bound, fc.nat(20), fc.integer({ min: 1, max: 20 }), (minimum, room, multipleOf) => {
      const maximum = minimum + room + multipleOf;
      const number: Rule = { type: "integer", required: true, nullable: false, minimum, maximum, multipleOf };
      const rules: RequestRules = { query: {}, headers: {}, body: { number }, additional: "allow" };
      expect(violations(["POST"], rules)).toEqual([]);
    }),
  );
});
