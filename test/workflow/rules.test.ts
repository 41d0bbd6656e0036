import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FileValue, type Value, type ValueObject } from "../../src/value.ts";
import type { RequestRules, Rule, RuleViolation } from "../../src/workflow/rule.ts";
import { RuleCompiler, type RuledRequest, type Validation } from "../../src/workflow/rules.ts";

const wanted = randomBytes(12).toString("hex");

const compiler = new RuleCompiler();

function rule(type: Rule["type"], more: Partial<Rule> = {}): Rule {
  return { type, required: false, nullable: false, ...more };
}

function rules(parts: Partial<RequestRules>): RequestRules {
  return { query: {}, headers: {}, additional: "allow", ...parts };
}

function check(parts: Partial<RequestRules>, request: Partial<RuledRequest>): Validation {
  return compiler.compile(rules(parts)).validate({ query: {}, headers: {}, body: null, ...request });
}

function broken(parts: Partial<RequestRules>, request: Partial<RuledRequest>): readonly RuleViolation[] {
  const result = check(parts, request);
  return result.ok ? [] : result.violations;
}

function texts(violations: readonly RuleViolation[]): string[] {
  return violations.map(({ in: part, path, rule: text }) => `${part} ${path} ${text}`);
}

const file = new FileValue({ name: "a.txt", mimeType: "text/plain", size: 1, hash: "0".repeat(64) });

describe("a broken request", () => {
  const parts: Partial<RequestRules> = {
    query: { source: rule("any", { required: true, enum: ["web", "app"] }) },
    headers: { "x-api-version": rule("any", { equals: "2" }) },
    body: {
      email: rule("email", { required: true }),
      seats: rule("integer", { minimum: 1 }),
      tags: rule("array", { items: rule("string") }),
      lines: rule("array", { items: rule("object", { properties: { sku: rule("string", { required: true }) } }) }),
    },
  };

  test("gets every broken rule with its place and text", () => {
    const violations = broken(parts, {
      query: { source: "fax" },
      headers: { "x-api-version": "3" },
      body: { email: 7, seats: 0, tags: ["a", 1], lines: [{ sku: "x" }, {}] },
    });
    expect(violations).toEqual([
      { in: "query", path: "source", rule: "enum: [web, app]", message: "`source` must be one of web, app" },
      { in: "headers", path: "x-api-version", rule: 'equals: "2"', message: '`x-api-version` must be "2"' },
      { in: "body", path: "email", rule: "type: email", message: "`email` must be an email address, got a number" },
      { in: "body", path: "seats", rule: "minimum: 1", message: "`seats` must be at least 1" },
      { in: "body", path: "tags[1]", rule: "type: string", message: "`tags[1]` must be text, got a number" },
      { in: "body", path: "lines[1].sku", rule: "required", message: "`lines[1].sku` is required" },
    ]);
  });

  test("passes once nothing is broken, as the caller's own objects", () => {
    const request = { query: { source: "web" }, headers: { "x-api-version": "2" }, body: { email: "a@b.co" } };
    const result = check(parts, request);
    expect(result).toEqual({ ok: true, ...request });
    expect(result.ok && result.body).toBe(request.body);
  });

  test.each<[Value, string[]]>([
    [null, ["body email required"]],
    [[], ["body  type: object"]],
    ["text", ["body  type: object"]],
    [file, ["body  type: object"]],
  ])("with the body %j breaks %j", (body, expected) => {
    const request = { query: { source: "web" }, headers: { "x-api-version": "2" }, body };
    expect(texts(broken(parts, request))).toEqual(expected);
  });

  test("never repeats the value that was sent", () => {
    const secret = "hunter2-hunter2";
    const fields = { a: rule("integer"), b: rule("email"), c: rule("string", { maxLength: 3 }), d: rule("uuid") };
    const answer = JSON.stringify(broken({ body: fields }, { body: { a: secret, b: secret, c: secret, d: secret } }));
    expect(answer).not.toContain("hunter2");
  });

  test("is not told the secret that a header is compared with", () => {
    const violations = broken(
      { headers: { "x-webhook-token": rule("any", { equals: wanted, required: true }) } },
      { headers: { "x-webhook-token": "guess" } },
    );
    expect(texts(violations)).toEqual(["headers x-webhook-token equals"]);
    expect(JSON.stringify(violations)).not.toContain(wanted);
  });

  test.each<[string, boolean]>([
    ["authorization", true],
    ["x-api-key", true],
    ["apiKey", true],
    ["user.accessToken", true],
    ["API_KEY", true],
    ["author", false],
    ["keyword", false],
    ["monkey", false],
  ])("is told what `%s` must be unless that may be a secret: %j", (field, hidden) => {
    const [violation] = broken(
      { query: { [field]: rule("any", { equals: "expected" }) } },
      { query: { [field]: "x" } },
    );
    expect(violation?.rule).toBe(hidden ? "equals" : "equals: expected");
  });
});

describe("types", () => {
  test.each<[Rule["type"], Value[], Value[]]>([
    ["string", ["", "a"], [1, true, null, [], {}, file]],
    ["number", [0, -1.5, 1e300], ["1", Infinity, null, []]],
    ["integer", [0, 3, -2, 1e20], [1.5, "1", Infinity]],
    ["boolean", [true, false], ["true", 1, null]],
    ["date", ["2026-02-28", "2024-02-29", "2026-11-24T01:02:03Z", "2026-11-24T01:02"], ["2026-02-29", "24.11.2026", 5]],
    ["date-time", ["2026-11-24T01:02:03.123Z", "2026-11-24T01:02:03+01:00"], ["2026-11-24", "2026-11-24T01:02:03"]],
    ["email", ["a@b.co", "a.b+c@d-e.example", "jörg@bücher.example"], ["a", "a@b", "a@@b.co", "a b@c.de", "@b.co"]],
    [
      "url",
      ["https://a.example/x?y=1#z", "http://localhost:80"],
      ["a.example", "javascript:alert(1)", "https://", "http:x"],
    ],
    ["uuid", ["0190163d-8694-739b-aea5-966c26f8ad91"], ["0190163d", "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91"]],
    ["object", [{}, { a: 1 }], [[], "a", null, file]],
    ["array", [[], [1, "a"]], ["a", {}, null]],
    ["file", [file], [{ name: "a", mimeType: "b/c", size: 1, hash: "0" }, "a", null]],
    ["any", [null, 0, "", false, [], {}, file], []],
  ])("%s", (type, right, wrong) => {
    const body = { field: rule(type, { required: true }) };
    for (const value of right) expect(texts(broken({ body }, { body: { field: value } }))).toEqual([]);
    for (const value of wrong) {
      expect(texts(broken({ body }, { body: { field: value } }))).toEqual([`body field type: ${type}`]);
    }
  });

  test("nullable accepts null beside its type, its enum and its equals", () => {
    const body = {
      a: rule("email", { nullable: true }),
      b: rule("integer", { nullable: true, enum: [1, 2] }),
      c: rule("any", { nullable: true, equals: "x" }),
      d: rule("file", { nullable: true }),
      e: rule("object", { nullable: true, properties: { f: rule("any", { required: true }) } }),
    };
    expect(broken({ body }, { body: { a: null, b: null, c: null, d: null, e: null } })).toEqual([]);
    expect(texts(broken({ body }, { body: { b: 3, c: "y", d: "z" } }))).toEqual([
      "body b enum: [1, 2]",
      "body c equals: x",
      "body d type: file",
    ]);
  });

  test("every keyword has the text that the file has", () => {
    const body = {
      a: rule("number", { exclusiveMinimum: 1, exclusiveMaximum: 0, maximum: 0, multipleOf: 0.5 }),
      b: rule("string", { minLength: 3, maxLength: 1, pattern: "^x" }),
      c: rule("array", { minItems: 3, maxItems: 1, uniqueItems: true }),
      d: rule("object", { equals: { k: [1, "two"] } }),
    };
    expect(
      texts(
        broken(
          { body },
          {
            body: {
              a: 0.7,
              b: "yy",
              c: [
                { p: 1, q: 2 },
                { q: 2, p: 1 },
              ],
              d: {},
            },
          },
        ),
      ).sort(),
    ).toEqual(
      [
        "body a exclusive_maximum: 0",
        "body a exclusive_minimum: 1",
        "body a maximum: 0",
        "body a multiple_of: 0.5",
        "body b max_length: 1",
        "body b min_length: 3",
        "body b pattern: ^x",
        "body c max_items: 1",
        "body c min_items: 3",
        "body c unique_items: true",
        "body d equals: { k: [1, two] }",
      ].map((text) => text.replace("pattern: ^x", 'pattern: "^x"')),
    );
  });

  test("lengths count characters, not UTF-16 units", () => {
    expect(broken({ body: { a: rule("string", { maxLength: 2 }) } }, { body: { a: "😀😀" } })).toEqual([]);
  });

  test("prices are multiples of a cent", () => {
    const body = { price: rule("number", { multipleOf: 0.01 }) };
    expect(broken({ body }, { body: { price: 19.99 } })).toEqual([]);
    expect(broken({ body }, { body: { price: 19.995 } })).toHaveLength(1);
  });
});

describe("values that arrive as text", () => {
  const fields = {
    n: rule("number"),
    i: rule("integer", { enum: [1, 2] }),
    b: rule("boolean", { equals: false }),
    list: rule("array", { items: rule("integer") }),
    version: rule("any", { equals: 0 }),
  };

  test("are passed on with the types that their rules ask for", () => {
    const sent: ValueObject = { n: "-1.5e2", i: "2", b: "false", list: "7", version: "0", other: "9" };
    const before = { ...sent };
    const result = check(
      { query: fields, headers: fields, body: fields },
      { query: sent, headers: sent, body: sent, bodyIsText: true },
    );
    const converted = { n: -150, i: 2, b: false, list: [7], version: 0, other: "9" };
    expect(result).toEqual({ ok: true, query: converted, headers: converted, body: converted });
    expect(sent).toEqual(before);
  });

  test.each(["", " 1", "1 ", "0x10", "1_000", "01", "+1", "Infinity", "NaN", "1e999", "1,5"])(
    "%j is no number",
    (text) => {
      expect(texts(broken({ query: { n: rule("number") } }, { query: { n: text } }))).toEqual(["query n type: number"]);
    },
  );

  test.each(["1", "TRUE", "yes", ""])("%j is no boolean", (text) => {
    expect(texts(broken({ query: { b: rule("boolean") } }, { query: { b: text } }))).toEqual(["query b type: boolean"]);
  });

  test("a repeated key is a list, which only list rules accept", () => {
    const query = { list: rule("array", { items: rule("integer") }), n: rule("integer") };
    const result = check({ query }, { query: { list: ["1", "2"] } });
    expect(result.ok && result.query).toEqual({ list: [1, 2] });
    expect(texts(broken({ query }, { query: { n: ["1", "2"] } }))).toEqual(["query n type: integer"]);
  });

  test("a header is compared exactly", () => {
    const headers = { "x-v": rule("any", { equals: "2" }) };
    expect(broken({ headers }, { headers: { "x-v": "2" } })).toEqual([]);
    for (const wrong of ["2 ", "2.0", "02", "2, 2"])
      expect(broken({ headers }, { headers: { "x-v": wrong } })).toHaveLength(1);
  });

  test("JSON bodies are not converted", () => {
    expect(texts(broken({ body: fields }, { body: { i: "2" } }))).toEqual([
      "body i type: integer",
      "body i enum: [1, 2]",
    ]);
  });
});

describe("additional: reject", () => {
  const parts: Partial<RequestRules> = {
    additional: "reject",
    query: { a: rule("any") },
    body: {
      named: rule("object", { properties: { x: rule("any") } }),
      open: rule("object", { properties: { x: rule("any") }, additional: "allow" }),
      free: rule("object"),
    },
  };

  test("names each unknown field of query and body, nested ones included, but no header", () => {
    const violations = broken(parts, {
      query: { a: "1", b: "2" },
      headers: { anything: "goes" },
      body: { extra: 1, named: { x: 1, y: 2 }, open: { z: 1 }, free: { w: 1 }, constructor: 1 },
    });
    expect(texts(violations)).toEqual([
      "query b additional: reject",
      "body named.y additional: reject",
      "body extra additional: reject",
      "body constructor additional: reject",
    ]);
  });

  test("a field named like a property of every object must be sent to be there", () => {
    const body = { toString: rule("any", { required: true }), constructor: rule("any", { required: true }) };
    expect(texts(broken({ body }, { body: {} }))).toEqual(["body toString required", "body constructor required"]);
  });
});

describe("paths", () => {
  test("tell list items from fields with numeric names, and quote what needs it", () => {
    const number = rule("number");
    const body = {
      "0": rule("object", { properties: { "1": rule("array", { items: number }) } }),
      "a.b": number,
      "c/d~e": number,
      x: rule("object", { properties: { "y z": number } }),
    };
    const sent = { "0": { "1": [1, "x"] }, "a.b": "", "c/d~e": "", x: { "y z": "" } };
    expect(broken({ body }, { body: sent }).map(({ path }) => path)).toEqual([
      "0.1[1]",
      '["a.b"]',
      "c/d~e",
      'x["y z"]',
    ]);
  });
});

describe("hostile sizes", () => {
  test("a list of a hundred thousand wrong items lists a hundred and says that there are more", () => {
    const body = {
      items: rule("array", { items: rule("object", { properties: { n: rule("integer", { required: true }) } }) }),
    };
    const result = check({ body }, { body: { items: Array.from({ length: 100_000 }, () => ({})) } });
    expect(result.ok ? 0 : result.violations.length).toBe(100);
    expect(!result.ok && result.more).toBe(true);
  });

  test("unknown fields are listed up to a hundred", () => {
    const body = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`f${i}`, 1]));
    expect(broken({ additional: "reject", body: {} }, { body })).toHaveLength(100);
  });

  test("unique_items of objects takes linear time", () => {
    const body = { items: rule("array", { uniqueItems: true }) };
    const items = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    expect(broken({ body }, { body: { items } })).toEqual([]);
    expect(broken({ body }, { body: { items: [...items, { i: 5 }] } })).toHaveLength(1);
  });

  test("patterns that backtrack for years elsewhere answer at once", () => {
    const body = { a: rule("string", { pattern: "^(a+)+$" }) };
    expect(broken({ body }, { body: { a: `${"a".repeat(50_000)}!` } })).toHaveLength(1);
  });

  test.each<Rule["type"]>(["email", "url", "uuid", "date", "date-time"])("a long text is quickly no %s", (type) => {
    for (const text of [
      "a".repeat(1e6),
      "a@".repeat(5e5),
      `a@${"a.".repeat(5e5)}`,
      `http://${"@:".repeat(5e5)}`,
      "1".repeat(1e6),
    ]) {
      expect(broken({ body: { a: rule(type) } }, { body: { a: text } })).toHaveLength(1);
    }
  });
});

test("two patterns of one workflow are not taken for each other", () => {
  const body = { a: rule("string", { pattern: "^a$" }), b: rule("string", { pattern: "^b$" }) };
  expect(broken({ body }, { body: { a: "a", b: "b" } })).toEqual([]);
  expect(broken({ body }, { body: { a: "b", b: "a" } })).toHaveLength(2);
});

test("without rules any request passes", () => {
  expect(check({}, { query: { a: "1" }, body: file })).toEqual({
    ok: true,
    query: { a: "1" },
    headers: {},
    body: file,
  });
});
