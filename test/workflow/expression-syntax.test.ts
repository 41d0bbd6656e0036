import { describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import { MAX_WORK } from "../../src/workflow/cel-value.ts";
import { compileExpression } from "../../src/workflow/compile.ts";
import { ExpressionSyntaxError } from "../../src/workflow/expression.ts";
import type { Scope } from "../../src/workflow/expression.ts";
import { syntaxErrorOf } from "./syntax-error.ts";

describe("references", () => {
  test("of a path carry the place of each name", () => {
    const source = 'steps.contact.body["x-id"][0].name == trigger.body.a';
    const { references } = compileExpression(source);
    expect(references.map(({ path, optional }) => ({ path, optional }))).toEqual([
      { path: ["steps", "contact", "body", "x-id"], optional: false },
      { path: ["trigger", "body", "a"], optional: false },
    ]);
    for (const { path, offsets } of references) {
      expect(path.map((name, index) => source.slice(offsets[index], (offsets[index] ?? 0) + name.length))).toEqual(
        path,
      );
    }
  });

  test.each<[string, readonly string[]]>([
    ["trigger.body.items.map(i, i.id + tag)", ["trigger.body.items", "tag"]],
    ["trigger.body.items.exists(i, i.tags.all(t, t == i.name && t != other))", ["trigger.body.items", "other"]],
    ["i + [1].map(i, i)[0]", ["i"]],
    ["cel.bind(n, trigger.a, n + m)", ["trigger.a", "m"]],
    ["steps[trigger.body.step].body", ["trigger.body.step", "steps"]],
    ["base64.encode(tag) + math.abs(1)", ["tag"]],
    ["type(tag) == string", ["tag"]],
    ['tag.matches("x") && matches(name, "y")', ["tag", "name"]],
    ['{"a": b}', ["b"]],
    ["[a, -b, !c, d ? e : f]", ["a", "b", "c", "d", "e", "f"]],
    ["trigger.body.name.trim().size()", ["trigger.body.name"]],
    ["1 + 2", []],
  ])("of %s", (source, paths) => {
    expect(compileExpression(source).references.map(({ path }) => path.join("."))).toEqual(paths);
  });

  test.each([
    "has(trigger.body.x)",
    "trigger.body.?x",
    "trigger.?body.x",
    'trigger.body[?"x"]',
    "trigger.body.?x.orValue(1)",
  ])("of %s are optional", (source) => {
    expect(compileExpression(source).references).toMatchObject([{ path: ["trigger", "body", "x"], optional: true }]);
  });
});

describe("a mistake is told with its place", () => {
  test.each([
    ["", 0, "empty"],
    ["   ", 0, "empty"],
    ["trigger.body.a = 1", 15, "unexpected character"],
    ["a === b", 4, "unexpected"],
    ["size(a", 6, "expected `)`"],
    ["a +", 3, "unexpected token: the end"],
    ['"abc', 0, ""],
    ["a.maches('x')", 2, "there is no method maches"],
    ["sise(a)", 0, "there is no function sise"],
    ["size()", 0, "size(…) takes 1"],
    ["a.contains()", 0, "contains(…) takes 1"],
    ["a.matches('(')", 10, "the pattern is not valid"],
    ["matches(a, '(?<=x)y')", 11, "the pattern is not valid"],
    ["a.map(1, 2)", 6, ""],
    ["has(a)", 0, "has(…) takes a path"],
    ["1u", 0, "unsigned"],
    ["now()", 0, "no function now"],
    ["a.getTime()", 2, "no method getTime"],
    ["a b", 2, ""],
  ])("%s", (source, offset, message) => {
    const error = syntaxErrorOf(source);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("\n");
    expect(error.offset).toBe(offset);
    expect(error.length).toBeGreaterThanOrEqual(1);
  });

  test.each([
    ["a.maches('x')", "matches"],
    ["a = b", "=="],
    ["now()", "execution.startedAt"],
    ["contains(a, 'b')", "It is a method"],
    ["has(a)", "a != null"],
  ])("%s comes with a hint", (source, hint) => {
    expect(syntaxErrorOf(source).hint).toContain(hint);
  });
});

describe("bounds", () => {
  test.each([
    ["a long source", `"${"x".repeat(70_000)}"`],
    ["many `!`", `${"!".repeat(60_000)}true`],
    ["many `-`", `${"-".repeat(60_000)}1`],
    ["many brackets", `${"(".repeat(20_000)}1${")".repeat(20_000)}`],
    ["many lists", `${"[".repeat(20_000)}1${"]".repeat(20_000)}`],
    ["a long sum", Array(20_000).fill("1").join("+")],
    ["a long choice", `${"true ? 1 : ".repeat(5_000)}2`],
    ["nested loops", `${"[1].map(x, ".repeat(5_000)}x${")".repeat(5_000)}`],
    ["a long path", `a${".b".repeat(20_000)}`],
    ["a long chain of calls", `"a"${".trim()".repeat(8_000)}`],
  ])("%s is refused", (_name, source) => {
    expect(() => compileExpression(source)).toThrow(ExpressionSyntaxError);
  });

  test("deep trees within the bounds run", () => {
    expect(compileExpression(Array(450).fill("1").join("+")).evaluate({})).toBe(450);
  });

  test.each([
    ["loops in loops", "l.map(a, l.map(b, l.map(c, l.map(d, l.map(e, 1)))))"],
    ["loops in loops behind ||", "l.exists(a, l.all(b, l.all(c, l.all(d, l.all(e, true)))) && false) || true"],
    [
      "a list that doubles",
      `${"[l, l].map(x, x + x).map(x, x + x)".replace("[l, l]", "[l + l + l + l]")}${".map(x, x + x)".repeat(20)}`,
    ],
    ["a value that contains itself many times", `json([l]${".map(x, [x, x, x, x, x, x, x, x])".repeat(9)})`],
    [
      "equality of such values",
      `[0, 1].map(i, [l + [i]]${".map(x, [x, x, x, x, x, x, x, x])".repeat(9)}).map(v, v).all(v, [[0]] == v || v == [l + [0]]${".map(x, [x, x, x, x, x, x, x, x])".repeat(9)})`,
    ],
    ["a text that doubles", `["0123456789"]${".map(x, x + x)".repeat(30)}`],
    ["replace that multiplies", `["aaaaaaaaaa"]${'.map(x, x.replace("a", x))'.repeat(6)}`],
    ["join that multiplies", `["aaaaaaaaaa"]${".map(x, [x, x, x, x, x, x, x, x, x, x].join(x))".repeat(8)}`],
  ])("%s is stopped", (_name, source) => {
    const scope: Scope = { l: Array.from({ length: 50 }, (_, index) => index) };
    const expression = compileExpression(source);
    expect(() => expression.evaluate(scope)).toThrow(WfError);
  });

  test("a loop over a large list is not", () => {
    const l = Array.from({ length: 100_000 }, (_, index) => ({ index, name: `n${index}` }));
    expect(l.length * 10).toBeLessThan(MAX_WORK);
    expect(compileExpression("l.filter(x, x.index % 2 == 0).map(x, x.name).size()").evaluate({ l })).toBe(50_000);
  });

  test("a deeply nested value gets an error, not an overflow", () => {
    const [deep, other] = [0, 1].map(() => JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`) as []);
    for (const source of ["[l]", "json(l)", "l == m"]) {
      expect(() => compileExpression(source).evaluate({ l: deep ?? null, m: other ?? null }), source).toThrow(WfError);
    }
    expect(compileExpression("l").evaluate({ l: deep ?? null })).toBe(deep);
  });

  test("patterns that make other engines backtrack end at once, literal or not", () => {
    const text = `${"a".repeat(50)}!`;
    for (const source of [
      't.matches("^(a+)+$")',
      'matches(t, "^(a+)+$")',
      "t.matches(p)",
      "matches(t, p)",
      "[t].exists(x, x.matches(p))",
    ]) {
      expect(compileExpression(source).evaluate({ t: text, p: "^(a+)+$" }), source).toBe(false);
    }
  });

  test("a computed pattern that is not valid fails, and more than are kept still work", () => {
    const expression = compileExpression("t.matches(p)");
    expect(() => expression.evaluate({ t: "x", p: "(" })).toThrow(WfError);
    for (let index = 0; index < 250; index++)
      expect(expression.evaluate({ t: `x${index}`, p: `^x${index}$` })).toBe(true);
    expect(expression.evaluate({ t: "x0", p: "^x0$" })).toBe(true);
  });
});
