import { Environment } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import type { Value } from "../../src/value.ts";
import { compileExpression } from "../../src/workflow/compile.ts";
import { ExpressionSyntaxError } from "../../src/workflow/expression.ts";
import { compileTemplate } from "../../src/workflow/template.ts";

const scope = {
  a: { b: [1, { c: "x" }], "x-id": null, n: 2.5 },
  list: [1, 2, 3],
  text: "hello",
  flag: true,
};
const FRAGMENTS = [
  "a",
  "a.b",
  'a["x-id"]',
  "a.b[1].c",
  "list",
  "text",
  "flag",
  "1",
  "2.5",
  "null",
  "true",
  '"x"',
  "'}}'",
  "+",
  "-",
  "*",
  "/",
  "%",
  "==",
  "!=",
  "<",
  ">",
  "&&",
  "||",
  "!",
  "in",
  "?",
  ":",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  ".",
  ".?",
  "[?",
  "has(",
  "size(",
  ".map(x, ",
  ".exists(x, ",
  ".matches(",
  ".orValue(",
  "__proto__",
  "constructor",
  "${{",
  "}}",
  "//",
  "\n",
  "r'",
  '"""',
  "\\",
  "😀",
];

const outcome = (run: () => unknown): string => {
  try {
    run();
    return "value";
  } catch (error) {
    return error instanceof ExpressionSyntaxError || error instanceof WfError ? "told" : `threw ${String(error)}`;
  }
};

test("whatever the text, an expression or template yields a value or a told error", () => {
  const texts = fc.oneof(
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 12 }).map((parts) => parts.join("")),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 12 }).map((parts) => parts.join(" ")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect(outcome(() => compileExpression(text).evaluate(scope))).not.toContain("threw");
      expect(outcome(() => compileTemplate(`x ${text}`).evaluate(scope))).not.toContain("threw");
      expect(outcome(() => compileTemplate(`\${{${text}}}`).evaluate(scope))).not.toContain("threw");
    }),
    { numRuns: 2_000 },
  );
});

const operand = fc.constantFrom(
  "a.n",
  "1",
  "2",
  "2.5",
  "list[1]",
  "size(list)",
  "text",
  '"x"',
  "flag",
  "null",
  "list",
  "a",
  "a.b",
  "a.zip",
);
const tree = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    operand,
    fc
      .tuple(
        tie("node"),
        fc.constantFrom("+", "-", "*", "/", "%", "==", "!=", "<", "<=", "&&", "||", "in"),
        tie("node"),
      )
      .map(([l, op, r]) => `(${l} ${op} ${r})`),
    fc.tuple(fc.constantFrom("!", "-"), tie("node")).map(([op, x]) => `${op}(${x})`),
    fc.tuple(tie("node"), tie("node"), tie("node")).map(([c, y, n]) => `(${c} ? ${y} : ${n})`),
    fc
      .tuple(tie("node"), fc.constantFrom("map", "filter", "all", "exists", "exists_one"), tie("node"))
      .map(([l, m, x]) => `(${l}).${m}(v, ${x})`),
    fc
      .tuple(fc.constantFrom("size", "string", "int", "double", "json", "type", "timestamp", "duration"), tie("node"))
      .map(([f, x]) => `${f}(${x})`),
    fc.array(tie("node"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
  ),
})).node;

test("whatever the tree, it compiles, and yields a value or a told error", () => {
  fc.assert(
    fc.property(tree, (source) => {
      const expression = compileExpression(source);
      expect(
        outcome(() => expression.evaluate(scope)),
        source,
      ).not.toContain("threw");
    }),
    { numRuns: 2_000 },
  );
});

const key = fc.oneof(fc.constantFrom("a", "b", "__proto__", "toString", "x-id", "0"), fc.string({ maxLength: 4 }));
const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;

test("JSON written as an expression yields the same JSON", () => {
  fc.assert(
    fc.property(json, (value) => {
      const literal = JSON.stringify(value, (_key, item: Json) => (Object.is(item, -0) ? 0 : item));
      // Written as an integer, 1e21 would lie beyond 64 bits; CEL has no form of it but the double's.
      fc.pre(!/(?<![\d.e"])\d{16,}/.test(literal));
      expect(JSON.stringify(compileExpression(literal).evaluate({}))).toBe(literal);
    }),
  );
});

test("a template without expressions yields its own value", () => {
  fc.assert(
    fc.property(json, (value) => {
      fc.pre(!JSON.stringify(value).includes("${{"));
      expect(compileTemplate(value).evaluate({})).toEqual(value);
    }),
  );
});

test("plain paths yield what the evaluator of another implementation yields", () => {
  const other = new Environment({ unlistedVariablesAreDyn: true });
  fc.assert(
    fc.property(json, fc.array(key, { minLength: 1, maxLength: 3 }), (data, keys) => {
      const root = keys.reduceRight<Json>((inner, name) => Object.fromEntries([[name, inner]]), data);
      // What the other one takes for a type; here it is data, see the tests of ways out.
      fc.pre(!JSON.stringify(root).includes('"constructor"'));
      const source = `root${keys.map((name) => `[${JSON.stringify(name)}]`).join("")}`;
      const expected: unknown = other.parse(source)({ root });
      expect(compileExpression(source).evaluate({ root })).toEqual(expected);
    }),
  );
});

test("comparisons of numbers agree with JavaScript's", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), (x, n) => {
      const evaluate = (source: string): Value => compileExpression(source).evaluate({ x, n });
      expect(evaluate(`[x < n, x <= ${n < 0 ? `-${-n}` : n}, x == n, x > n]`)).toEqual([x < n, x <= n, x === n, x > n]);
      expect(evaluate(`${n < 0 ? `-${-n}` : n} == n`)).toBe(true);
    }),
  );
});
