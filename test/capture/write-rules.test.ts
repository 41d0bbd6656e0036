import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { inferFrom } from "../../src/capture/infer-rules.ts";
import { findViolations } from "../../src/capture/rules-drift.ts";
import { writeRules, type WriteOptions } from "../../src/capture/write-rules.ts";
import type { Value, ValueObject } from "../../src/value.ts";
import { readWorkflow } from "../../src/workflow/parse.ts";
import { parseRules } from "../../src/workflow/parse-rules.ts";
import type { RequestRules } from "../../src/workflow/rule.ts";

const SAMPLE = { email: "ada@example.com", customer: { id: 1, name: "Ada" }, lines: [{ sku: "a" }], tags: ["x"] };

function inferred(body: Value = SAMPLE, more: { query?: ValueObject; headers?: ValueObject } = {}): RequestRules {
  return inferFrom([{ query: {}, headers: {}, body, ...more }]).rules;
}

function write(text: string, rules: RequestRules, options?: WriteOptions): string {
  return writeRules("workflows/w.yaml", text, rules, options).text;
}

function errorsOf(text: string): string[] {
  return readWorkflow("w", "workflows/w.yaml", text)
    .problems.filter(({ severity }) => severity === "error")
    .map(({ message }) => message);
}

test("inferred rules are written as people write them", () => {
  const request = { query: { page: "1" }, headers: { "x-event": "a" }, body: SAMPLE };
  expect(inferFrom([request]).yaml).toBe(`query:
  page: { type: integer, required: true }
headers:
  x-event: { required: true }
body:
  email: { type: email, required: true }
  customer:
    type: object
    required: true
    properties:
      id: { type: integer, required: true }
      name: { type: string, required: true }
  lines:
    type: array
    required: true
    items:
      type: object
      properties:
        sku: { type: string, required: true }
  tags: { type: array, required: true, items: string }
`);
});

test("a file without a trigger gets one, behind its name", () => {
  const text = `# yaml-language-server: $schema=x
name:   'Lead'   # the lead
steps:
    - id: a        # odd indentation stays
      fail: no
`;
  expect(write(text, inferred({ email: "a@b.co" }))).toBe(`# yaml-language-server: $schema=x
name:   'Lead'   # the lead
trigger:
  request:
    body:
      email: { type: email, required: true }
steps:
    - id: a        # odd indentation stays
      fail: no
`);
  expect(write("# about\nsteps: []\n", inferred({ a: true }))).toBe(
    "# about\ntrigger:\n  request:\n    body:\n      a: { type: boolean, required: true }\nsteps: []\n",
  );
});

describe("a trigger without rules gets them", () => {
  const rest = "steps: []\n";
  test.each([
    ["trigger:\n", "trigger:\n  request:\n    body:\n      a: { type: boolean, required: true }\n"],
    [
      "trigger: { request: {} } # open\n",
      "trigger: # open\n  request:\n    body:\n      a: { type: boolean, required: true }\n",
    ],
    [
      "trigger:\n    request: {}\n",
      "trigger:\n    request:\n        body:\n            a: { type: boolean, required: true }\n",
    ],
    [
      "trigger:\n  request:\n    auth: none # yet\n",
      "trigger:\n  request:\n    auth: none # yet\n    body:\n      a: { type: boolean, required: true }\n",
    ],
    [
      "trigger:\n  request:\n    body: # fields\n",
      "trigger:\n  request:\n    body: # fields\n      a: { type: boolean, required: true }\n",
    ],
    [
      "trigger:\n  request:\n    body: {}\n    auth: none\n",
      "trigger:\n  request:\n    body:\n      a: { type: boolean, required: true }\n    auth: none\n",
    ],
    [
      "trigger: { request: { auth: none } }\n",
      "trigger: { request: { auth: none, body: { a: { type: boolean, required: true } } } }\n",
    ],
    [
      "trigger: { request: { auth: none, body: {}, } }\n",
      "trigger: { request: { auth: none, body: { a: { type: boolean, required: true } }, } }\n",
    ],
  ])("%j", (before, after) => {
    expect(write(before + rest, inferred({ a: true }))).toBe(after + rest);
  });
});

const LEAD = `name: Lead created
trigger:
  request:
    query:
      source: { required: true, enum: [web, app] }   # where from
    body:
      # who it is
      email: {type: 'email'}
      customer:
        type: object # the account
        properties:
          name: string # as typed

      # last
steps:
  - id: reply
    response: { status: 200, json: { a: "\${{ trigger.body.email }}" } }
`;

test("rules of the file stay as they are, missing ones are added beside them", () => {
  const result = writeRules("w.yaml", LEAD, inferred(SAMPLE, { query: { source: "web", page: "2" } }));
  expect(result.text).toBe(`name: Lead created
trigger:
  request:
    query:
      source: { required: true, enum: [web, app] }   # where from
      page: { type: integer, required: true }
    body:
      # who it is
      email: {type: 'email'}
      customer:
        type: object # the account
        properties:
          name: string # as typed
          id: { type: integer, required: true }
      lines:
        type: array
        required: true
        items:
          type: object
          properties:
            sku: { type: string, required: true }
      tags: { type: array, required: true, items: string }

      # last
steps:
  - id: reply
    response: { status: 200, json: { a: "\${{ trigger.body.email }}" } }
`);
  expect(result.added).toEqual(["query.page", "body.customer.id", "body.lines", "body.tags"]);
  expect(result.kept.map(({ path }) => path)).toEqual([
    "query.source",
    "body.email",
    "body.customer",
    "body.customer.name",
  ]);
  expect(result.kept[1]).toEqual({ path: "body.email", inFile: "email", inferred: "{ type: email, required: true }" });
  expect(errorsOf(result.text)).toEqual([]);
});

/** The paths of the file's rules that requests break. */
function brokenBy(text: string, ...bodies: Value[]): ReadonlySet<string> {
  const requests = bodies.map((body) => ({ query: {}, headers: {}, body }));
  return new Set(findViolations(requests, parseRules("w.yaml", text).rules).map(({ path }) => path));
}

test("rules that are to give way do, others, comments and other fields stay", () => {
  const rules = inferFrom([
    { query: { source: "tv" }, headers: {}, body: { email: "a@b.co", customer: { id: 1, name: 5 } } },
    { query: {}, headers: {}, body: { email: "a@b.co" } },
  ]).rules;
  const replace = new Set(["query.source", "body.customer", "body.customer.name"]);
  const text = LEAD.replace("# the account", "# the account\n        required: true");
  const result = writeRules("w.yaml", text, rules, { replace });
  expect(result.text).toBe(`name: Lead created
trigger:
  request:
    query:
      source: string   # where from
    body:
      # who it is
      email: {type: 'email'}
      customer:
        type: object # the account
        required: false
        properties:
          name: { type: integer, required: true } # as typed
          id: { type: integer, required: true }

      # last
steps:
  - id: reply
    response: { status: 200, json: { a: "\${{ trigger.body.email }}" } }
`);
  expect(result.kept.map(({ path }) => path)).toEqual(["body.email"]);
  expect(result.replaced.map(({ path }) => path)).toEqual(["query.source", "body.customer", "body.customer.name"]);
});

test("a required field that no request had is required no longer, if it is to give way", () => {
  const text =
    "trigger:\n  request:\n    body:\n      seats: { type: integer, required: true, minimum: 1 }\n      a: string\nsteps: []\n";
  const rules = inferred({ a: "x" });
  expect(write(text, rules)).toBe(text);
  expect(write(text, rules, { replace: brokenBy(text, { a: "x" }) })).toBe(
    text.replace("required: true", "required: false"),
  );
});

test("short and long forms replace each other", () => {
  const before =
    "trigger:\n  request:\n    body:\n      a: integer # short\n      b:\n        type: object\n        properties:\n          c: any\n    additional: allow\nsteps: []\n";
  const after =
    "trigger:\n  request:\n    body:\n      a: # short\n        type: object\n        required: true\n        properties:\n          x: { type: integer, required: true }\n      b: { type: string, required: true }\n    additional: allow\nsteps: []\n";
  const body = { a: { x: 1 }, b: "" };
  expect(write(before, inferred(body), { replace: brokenBy(before, body) })).toBe(after);
});

test("after it, the file's rules accept what they were widened for", () => {
  const text =
    "trigger:\n  request:\n    body:\n      plan: { enum: [free], required: true }\n      lines: { type: array, items: { type: object, properties: { sku: { type: integer } } } }\n      tags: { type: array, items: integer }\nsteps: []\n";
  const bodies = [
    { lines: [{ sku: "a" }, null], tags: ["x"] },
    { plan: "pro", lines: null },
  ];
  const rules = inferFrom(bodies.map((body) => ({ query: {}, headers: {}, body }))).rules;
  const after = write(text, rules, { replace: brokenBy(text, ...bodies) });
  expect(brokenBy(after, ...bodies)).toEqual(new Set());
  expect(after).toContain("plan: string\n");
});

test("header names count in any case", () => {
  const text = "trigger:\n  request:\n    headers:\n      X-Event: { required: true }\nsteps: []\n";
  expect(write(text, inferred(null, { headers: { "x-event": "a" } }))).toBe(text);
});

test("line ends of Windows, a byte order mark and a missing last line end stay", () => {
  const text = "\uFEFFname: a\r\ntrigger:\r\n  request:\r\n    body:\r\n      a: string\r\nsteps: []\r\n";
  expect(write(text, inferred({ a: "x", b: 1, c: { d: 1 } }))).toBe(
    "\uFEFFname: a\r\ntrigger:\r\n  request:\r\n    body:\r\n      a: string\r\n      b: { type: integer, required: true }\r\n" +
      "      c:\r\n        type: object\r\n        required: true\r\n        properties:\r\n          d: { type: integer, required: true }\r\nsteps: []\r\n",
  );
  expect(
    write("steps: []\ntrigger:\n  request:\n    body:\n      a: string", inferred({ b: 1 }, { query: { q: "x" } })),
  ).toBe(
    "steps: []\ntrigger:\n  request:\n    body:\n      a: string\n      b: { type: integer, required: true }\n    query:\n      q: { type: string, required: true }",
  );
});

test("nothing inferred changes nothing", () => {
  expect(write(LEAD, inferred(null))).toBe(LEAD);
});

test("rules that are shared by an alias are left to their author", () => {
  const shared = "trigger:\n  request:\n    body: &fields\n      a: string\nsteps:\n  - response: { json: *fields }\n";
  expect(() => write(shared, inferred({ b: 1 }))).toThrow("other parts use its rules");
  const alias = "trigger:\n  request:\n    query: &fields\n      a: string\n    body: *fields\nsteps: []\n";
  expect(() => write(alias, inferred({ b: 1 }))).toThrow("not written out as a map");
});

test("every shipped workflow takes rules and stays right", () => {
  const folder = new URL("../../workflows/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  for (const file of files) {
    const before = readFileSync(new URL(file, folder), "utf8");
    const after = write(
      before,
      inferred({ ...SAMPLE, brandNew: { a: [{ b: null }] } }, { query: { newParameter: "1" } }),
    );
    expect(errorsOf(after), file).toEqual(errorsOf(before));
    expect(parseRules(file, after).rules.body, file).toHaveProperty("brandNew.properties.a.items.properties.b");
    const added = new Set(after.split("\n"));
    expect(
      before.split("\n").filter((line) => !added.has(line) && !line.includes("request: {}")),
      file,
    ).toEqual([]);
  }
  expect(files.length).toBeGreaterThan(0);
});

test("a file with mistakes in its rules is refused with their place", () => {
  expect(() => write("trigger:\n  request:\n    body:\n      a: strin\nsteps: []\n", inferred({ b: 1 }))).toThrow(
    "`strin`",
  );
  expect(() => write("a: [\n", inferred({ b: 1 }))).toThrow("Rules cannot be written");
});

test("whatever fields are called, they are read back as they were, and all else stays", () => {
  const name = fc
    .oneof(
      fc.constantFrom(
        "true",
        "null",
        "~",
        "1",
        "1.0",
        "a b",
        "a: b",
        "#x",
        "- a",
        "<<",
        "*a",
        "&a",
        "y",
        "0x1",
        "constructor",
        "é",
        "😀",
        "{",
        "'",
        '"',
        "\\",
        "\t",
        "\u0085",
        "\u2028",
        "",
      ),
      fc.string({ maxLength: 12, unit: "grapheme" }),
    )
    .filter((one) => one !== "__proto__");
  const value = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Value>(1, 1.5, true, null, "x", "a@b.co"),
      fc.array(tie("value"), { maxLength: 2 }),
      fc.dictionary(name, tie("value"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).value;
  const body = fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true });
  const file = fc.constantFrom(
    LEAD,
    LEAD.replaceAll("\n", "\r\n"),
    "steps: []\n",
    "trigger: { request: { body: { x: string, y: { type: object, properties: { z: any } } } } }\nsteps: []\n",
    "trigger:\n  request: {}\nsteps: []",
    "trigger:\r\n  request:\r\n    body: {} # none\r\n    query:\r\n      # none\r\nsteps: []\r\n",
    "---\nname: |\n  a\n\n  b\n\nsteps: []\n...\n",
    "{ name: a, steps: [] }\n",
    "steps: []\ntrigger: { request: { auth: none,\n    body: { x: string, # c\n      y: any, }\n  } }\n",
    "steps: []\ntrigger:\n      request:\n        body:\n              email: email # c\n        # end\n",
  );
  fc.assert(
    fc.property(file, fc.array(body, { minLength: 1, maxLength: 3 }), fc.boolean(), (text, bodies, replace) => {
      const rules = inferFrom(bodies.map((one) => ({ query: {}, headers: {}, body: one }))).rules;
      const broken = replace ? brokenBy(text, ...bodies) : new Set<string>();
      const after = write(text, rules, { replace: broken });
      if (rules.body === undefined) {
        expect(after).toBe(text);
        return true;
      }
      expect(errorsOf(after)).toEqual(errorsOf(text).filter((message) => !message.includes("trigger")));
      const read = parseRules("w.yaml", after).rules;
      for (const [field, rule] of Object.entries(rules.body ?? {})) {
        const own = parseRules("w.yaml", text).rules.body ?? {};
        if (!Object.hasOwn(own, field)) expect(read.body?.[field]).toMatchObject(rule);
        else expect(Object.hasOwn(read.body ?? {}, field)).toBe(true);
      }
      if (replace) expect(brokenBy(after, ...bodies)).toEqual(new Set());
      else expect(isSubsequence(text.replace(/ *(?:\{\}|\bnull)/g, ""), after)).toBe(true);
      expect(outside(after)).toEqual(outside(text));
      return true;
    }),
    { numRuns: 150 },
  );

  function outside(text: string): unknown {
    const { trigger: _, ...rest } = parseDocument(text).toJS() as Record<string, unknown>;
    return rest;
  }

  /** All of the first text stands in the second, in order. */
  function isSubsequence(part: string, whole: string): boolean {
    let at = 0;
    for (const character of whole) if (part.startsWith(character, at)) at += character.length;
    return at === part.length;
  }
});
