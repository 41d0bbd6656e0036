import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import { compileExpression } from "../../src/workflow/compile.ts";
import { ExpressionSyntaxError } from "../../src/workflow/expression.ts";
import type { Scope } from "../../src/workflow/expression.ts";
import { FileValue } from "../../src/value.ts";
import type { Value } from "../../src/value.ts";
import { syntaxErrorOf } from "./syntax-error.ts";

const token = randomBytes(12).toString("hex");
const file = new FileValue({ name: "r.pdf", mimeType: "application/pdf", size: 12, hash: "a".repeat(64) });

const scope: Scope = {
  trigger: {
    method: "POST",
    query: { source: "web" },
    headers: { "x-id": "q1" },
    body: {
      email: "ann@example.com",
      seats: 3,
      price: 2.5,
      big: 7,
      active: true,
      nothing: null,
      none: [],
      tags: ["a", "b"],
      items: [
        { id: 1, ok: true },
        { id: 2, ok: false },
      ],
      at: "2026-01-02T00:00:00Z",
      constructor: "mine",
      toString: 5,
    },
    file,
  },
  steps: { contact: { statusCode: 201, body: { items: [{ id: "i-1" }] } }, skipped: null },
  secrets: Object.assign(Object.create(null) as Record<string, Value>, { TOKEN: token }),
  tag: "one",
  tag_index: 0,
};

function evaluate(source: string, over: Scope = scope): Value {
  return compileExpression(source).evaluate(over);
}

function failureOf(source: string, over: Scope = scope): WfError {
  const expression = compileExpression(source);
  try {
    expression.evaluate(over);
  } catch (error) {
    if (error instanceof WfError) return error;
    throw error;
  }
  throw new Error(`${source} did not fail`);
}

describe("the operators of the reference", () => {
  test.each([
    ["string contains", 'trigger.body.email.contains("@example")', true],
    ["string does not contain", '!trigger.body.email.contains("x@")', true],
    ["string equals", 'trigger.query.source == "web"', true],
    ["string does not equal", 'trigger.query.source != "app"', true],
    ["string in", 'trigger.query.source in ["web", "app"]', true],
    ["string not in", '!(trigger.query.source in ["app"])', true],
    ["string starts with", 'trigger.body.email.startsWith("ann@")', true],
    ["string does not start with", '!trigger.body.email.startsWith("bob")', true],
    ["string ends with", 'trigger.body.email.endsWith(".com")', true],
    ["string does not end with", '!trigger.body.email.endsWith(".org")', true],
    ["string matches", 'trigger.body.email.matches("^[^@]+@[^@]+$")', true],
    ["number >", "trigger.body.seats > 2", true],
    ["number >=", "trigger.body.seats >= 3", true],
    ["number <", "trigger.body.seats < 3", false],
    ["number <=", "trigger.body.price <= 2.5", true],
    ["number ==", "trigger.body.seats == 3", true],
    ["number !=", "trigger.body.seats != 3", false],
    ["number in", "trigger.body.seats in [1, 3]", true],
    ["date-time after", 'timestamp(trigger.body.at) > timestamp("2026-01-01T00:00:00Z")', true],
    ["date-time before", 'timestamp(trigger.body.at) < timestamp("2026-01-02T00:00:00+01:00")', false],
    ["date-time equals", 'timestamp(trigger.body.at) == timestamp("2026-01-02T01:00:00.000+01:00")', true],
    ["boolean is true", "trigger.body.active", true],
    ["boolean is false", "!trigger.body.active", false],
    ["array is empty", "size(trigger.body.none) == 0", true],
    ["array is not empty", "size(trigger.body.tags) > 0", true],
    ["array contains", '"a" in trigger.body.tags', true],
    ["array does not contain", '!("z" in trigger.body.tags)', true],
    ["exists", "has(trigger.body.email)", true],
    ["does not exist", "!has(trigger.body.phone)", true],
    ["null", "trigger.body.nothing == null", true],
    ["not null", "trigger.body.email != null", true],
    ["an OR of ANDs", '(trigger.body.seats > 5 && trigger.body.active) || trigger.query.source == "web"', true],
  ])("%s", (_name, source, expected) => {
    expect(evaluate(source)).toBe(expected);
  });
});

describe("numbers", () => {
  test.each<[string, Value]>([
    ["trigger.body.seats + 1", 4],
    ["1 + trigger.body.seats", 4],
    ["trigger.body.seats - 0.5", 2.5],
    ["trigger.body.seats * 2", 6],
    ["trigger.body.big / 2", 3.5],
    ["7 / 2", 3],
    ["int(trigger.body.big) / 2", 3],
    ["trigger.body.big % 2", 1],
    ["-trigger.body.seats", -3],
    ["trigger.body.items[trigger.body.seats - 2].id", 2],
    ["trigger.body.tags[1]", "b"],
    ["size(trigger.body.tags) == 2", true],
    ["trigger.body.seats > 2 ? size(trigger.body.tags) : 0", 2],
    ["string(trigger.body.seats)", "3"],
    ["string(1.5)", "1.5"],
    ['int("42") + 1', 43],
    ['double("2.5")', 2.5],
    ["math.round(2.5)", 3],
    ["math.greatest(1, trigger.body.seats, 2.5)", 3],
    ["[1, trigger.body.seats, 2.5]", [1, 3, 2.5]],
    ["1 == 1.0", true],
    ["[1, 2] == [1.0, 2.0]", true],
    ["trigger.body.seats == '3'", false],
  ])("%s", (source, expected) => {
    expect(evaluate(source)).toEqual(expected);
  });

  test.each(["1 / 0", "trigger.body.seats / 0", "5 % 0", "trigger.body.seats % 0"])(
    "%s says that it divides by zero",
    (source) => {
      expect(failureOf(source).message).toContain("divides by zero");
    },
  );

  test("an integer that JSON cannot hold exactly is an error, and text keeps its digits", () => {
    expect(failureOf("9007199254740993").code).toBe("EXPRESSION_FAILED");
    expect(evaluate("string(9007199254740993)")).toBe("9007199254740993");
    expect(failureOf("9223372036854775807 + 1").message).toContain("64 bits");
    expect(failureOf("1e308 * 10.0").message).toContain("Infinity");
  });

  test("text and number do not mix by chance", () => {
    const error = failureOf('"seats: " + trigger.body.seats');
    expect(error.message).toContain("`trigger.body.seats`, which is a number");
    expect(error.hint).toContain("string(trigger.body.seats)");
  });
});

describe("functions", () => {
  test.each<[string, Value]>([
    ['"ÄbC".lowerAscii()', "Äbc"],
    ['"äbc".upperAscii()', "äBC"],
    ['"  x ".trim()', "x"],
    ['"a-b-c".replace("-", "+")', "a+b+c"],
    ['"a-b-c".replace("-", "+", 1)', "a+b-c"],
    ['"abc".replace("", "-")', "-a-b-c-"],
    ['"a,b,c".split(",")', ["a", "b", "c"]],
    ['"a,b,c".split(",", 2)', ["a", "b,c"]],
    ['["a", "b"].join("; ")', "a; b"],
    ['"hello".substring(1, 3)', "el"],
    ['"hello".indexOf("l")', 2],
    ['size("😀")', 1],
    ["json(trigger.body.tags)", '["a","b"]'],
    ['parseJson("{\\"a\\": [1]}").a[0]', 1],
    ['base64.encode("hé")', "aMOp"],
    ['string(base64.decode("aMOp"))', "hé"],
    ['urlEncode("a/b c?")', "a%2Fb%20c%3F"],
    ['timestamp("2026-03-01T10:00:00Z") + duration("1h30m")', "2026-03-01T11:30:00.000Z"],
    ['timestamp("2026-03-01T10:00:00Z") - timestamp("2026-03-01T09:59:30Z")', "30s"],
    ['duration("90m") == duration("1h30m")', true],
    ['timestamp("2026-07-01T23:30:00Z").getHours("Europe/Berlin")', 1],
    ['timestamp("2026-07-01T23:30:00Z").getHours("-02:30")', 21],
    ['timestamp("2026-07-01").getDayOfWeek()', 3],
    ["timestamp(0)", "1970-01-01T00:00:00.000Z"],
    ["type(trigger.body.tags) == list", true],
    ["type(trigger.body)", "map"],
    ["trigger.body.items.exists(i, i.ok)", true],
    ["trigger.body.items.all(i, i.ok)", false],
    ["trigger.body.items.exists_one(i, i.id == 2)", true],
    ["trigger.body.items.filter(i, i.ok).map(i, i.id)", [1]],
    ["trigger.body.items.map(i, i.ok, i.id * 10)", [10]],
    ["trigger.query.map(key, key)", ["source"]],
    [
      "[1, 2].map(x, [10, 20].map(y, x * y))",
      [
        [10, 20],
        [20, 40],
      ],
    ],
    ["[1, 2].map(x, [3].map(x, x)[0] + x)", [4, 5]],
    ["cel.bind(n, trigger.body.seats * 2, n + n)", 12],
    ["trigger.body.?phone.orValue('none')", "none"],
    ["trigger.body.?email.orValue('none')", "ann@example.com"],
    ["steps.skipped.?body.?id", null],
    ["trigger.body.tags[?9].orValue('z')", "z"],
    ["trigger.body.?phone.hasValue()", false],
    ["trigger.body.?phone.or(trigger.body.?email).value()", "ann@example.com"],
    ["trigger.file.name", "r.pdf"],
    ["trigger.file.size > 10", true],
    ['{"a": 1, "b": [tag, tag_index]}', { a: 1, b: ["one", 0] }],
  ])("%s", (source, expected) => {
    expect(evaluate(source)).toEqual(expected);
  });

  test("a file passes through as itself, and its hash stays inside", () => {
    expect(evaluate("trigger.file")).toBe(file);
    expect(evaluate('{"f": trigger.file}')).toEqual({ f: file });
    expect(failureOf("trigger.file.hash").message).toContain("has no `hash`");
    expect(failureOf("json(trigger.file)").message).toContain("a file cannot become text");
  });

  test("data that came as JSON is handed on without a copy", () => {
    const { body } = scope["trigger"] as { body: Value };
    expect(evaluate("trigger.body.seats > 0 ? trigger.body : null")).toBe(body);
  });

  test.each([
    'timestamp("2026-02-30T00:00:00Z")',
    'timestamp("yesterday")',
    'duration("1 hour")',
    'int("1.5")',
    'parseJson("{")',
    'base64.decode("%%")',
    'bytes("x")',
  ])("%s fails with a message that tells what to do", (source) => {
    const error = failureOf(source);
    expect(error.code).toBe("EXPRESSION_FAILED");
    expect(error.hint).not.toBe("");
  });

  test("a request's text does not appear in the error that it causes", () => {
    const leaky: Scope = { trigger: { body: { x: "{private" } } };
    for (const source of [
      "parseJson(trigger.body.x)",
      "int(trigger.body.x)",
      "timestamp(trigger.body.x)",
      "trigger.body.x + 1",
    ]) {
      const error = failureOf(source, leaky);
      expect(`${error.message} ${error.hint}`).not.toContain("private");
    }
  });
});

describe("names that are not there", () => {
  test.each([
    ["steps.contact.body.id", "steps.contact.body has no `id`; it has `items`"],
    ["steps.skipped.body", "steps.skipped is null, so it has no `body`"],
    ["steps.contact.body.items[3].id", "steps.contact.body.items has no [3]: it has 1 item"],
    ["steps.contact.body.items.id", "steps.contact.body.items is a list"],
    ["trigger.body.email.domain", "trigger.body.email is text"],
    ['trigger.headers["x-other"]', "trigger.headers has no `x-other`; it has `x-id`"],
    ["unknown.name", "there is no variable `unknown` here"],
    // The same through the evaluator, which plain paths do not use.
    ["steps.contact.body.id + 1", "steps.contact.body has no `id`; it has `items`"],
    ["unknown.name == 1", "there is no variable `unknown` here"],
  ])("%s", (source, message) => {
    const error = failureOf(source);
    expect(error.code).toBe("EXPRESSION_FAILED");
    expect(error.message).toContain(message);
  });

  test("the error shows how to guard the name, and the guard works", () => {
    const { hint } = failureOf("steps.contact.body.id");
    expect(hint).toContain("has(steps.contact.body.id)");
    expect(hint).toContain('steps.contact.body.?id.orValue("…")');
    expect(evaluate('steps.contact.body.?id.orValue("…")')).toBe("…");
    expect(failureOf('trigger.headers["x-other"]').hint).toContain('trigger.headers[?"x-other"].orValue');
  });

  test("at most ten key names are shown, and no value", () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`key${index}`, `value${index}`]));
    const { message } = failureOf("trigger.x", { trigger: many });
    expect(message).toContain("`key9` and 2 more");
    expect(message).not.toContain("value");
  });

  test("has is false wherever the path breaks off, and true for null", () => {
    expect(evaluate("has(trigger.body.user.name)")).toBe(false);
    expect(evaluate("has(steps.skipped.body)")).toBe(false);
    expect(evaluate("has(error.code)")).toBe(false);
    expect(evaluate("has(trigger.body.nothing)")).toBe(true);
    expect(evaluate('has(trigger.headers["x-id"])')).toBe(true);
  });

  test("an operand that decides hides the error of the other one", () => {
    expect(evaluate("trigger.body.phone == 1 || trigger.body.active")).toBe(true);
    expect(evaluate("trigger.body.phone == 1 && !trigger.body.active")).toBe(false);
    expect(failureOf("trigger.body.phone == 1 && trigger.body.active").message).toContain("no `phone`");
    expect(evaluate("trigger.body.items.exists(i, i.missing == 1 || i.id == 2)")).toBe(true);
  });

  test("a variable may be inherited from an outer scope", () => {
    const inner = Object.assign(Object.create(scope) as Record<string, Value>, { turn: 1 });
    expect(evaluate("trigger.body.seats + turn", inner)).toBe(4);
    expect(evaluate("tag", inner)).toBe("one");
  });
});

describe("secrets", () => {
  test("are read by name", () => {
    expect(evaluate("secrets.TOKEN")).toBe(token);
    expect(evaluate('"Bearer " + secrets["TOKEN"]')).toBe(`Bearer ${token}`);
  });

  test.each(["secrets.OTHER", '"x" + secrets.OTHER'])("%s is missing, and no other name is told", (source) => {
    const error = failureOf(source);
    expect(error.code).toBe("SECRET_MISSING");
    expect(error.message).toBe("the secret `OTHER` is not set");
    expect(error.hint).not.toContain("TOKEN");
  });

  test.each([
    "secrets",
    "json(secrets)",
    "secrets[trigger.body.email]",
    "secrets.map(k, k)",
    '"A" in secrets',
    "[secrets][0].TOKEN",
    "cel.bind(s, secrets, s.TOKEN)",
  ])("%s is refused, because a request could choose the name", (source) => {
    expect(syntaxErrorOf(source).message).toContain("secrets are read one by one");
  });
});

describe("ways out of the data", () => {
  test.each([
    '"".constructor',
    '"".constructor.constructor("return process")',
    'steps["con" + "structor"]',
    'steps["__proto__"]',
    'steps["__pro" + "to__"].polluted',
    "steps.contact.__proto__",
    "steps.contact.__proto__.constructor",
    "steps.toString",
    "toString",
    "constructor",
    "hasOwnProperty",
    "[].map",
    "[].length",
    'trigger.body.tags["length"]',
    "trigger.body.tags.map(x, x.constructor)",
    "steps.map(k, steps[k].constructor)",
    "({}).constructor",
    "{}.valueOf",
    "trigger.file.constructor",
    'timestamp("2026-01-01T00:00:00Z").ms',
    "type(1).name",
    "__proto__",
    "google.protobuf",
    "globalThis.process",
    "this",
    'parseJson("{}").constructor',
  ])("%s fails as any other missing name does", (source) => {
    expect(outcomeOf(source)).toBe("failed");
  });

  test("own keys with such names are data like any other", () => {
    expect(evaluate("trigger.body.constructor")).toBe("mine");
    expect(evaluate("trigger.body.constructor + '!'")).toBe("mine!");
    expect(evaluate("trigger.body.toString + 1")).toBe(6);
    const made = evaluate('{"__proto__": {"polluted": true}, "constructor": 1}') as Record<string, Value>;
    expect(Object.keys(made)).toEqual(["__proto__", "constructor"]);
    expect(made["polluted"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("inherited keys do not count in comparisons", () => {
    expect(evaluate('"toString" in steps')).toBe(false);
    expect(evaluate('{"a": 1} == {"toString": 1}')).toBe(false);
    expect(evaluate("has(steps.toString)")).toBe(false);
    expect(evaluate("steps.?constructor")).toBe(null);
    expect(evaluate("optional.of(1).constructor")).toBe(null);
  });

  function outcomeOf(source: string): string {
    try {
      const value = evaluate(source);
      return value === null ? "null" : "value";
    } catch (error) {
      return error instanceof WfError || error instanceof ExpressionSyntaxError ? "failed" : `threw ${String(error)}`;
    }
  }
});

test("names what an absent name may have meant", () => {
  expect(() => compileExpression("trigger.body.emial").evaluate({ trigger: { body: { email: "a" } } })).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("Did you mean `email`?") }),
  );
});
