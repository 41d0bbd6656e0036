import { describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import { FileValue } from "../../src/value.ts";
import type { Value } from "../../src/value.ts";
import { compileExpression } from "../../src/workflow/compile.ts";
import { ExpressionSyntaxError } from "../../src/workflow/expression.ts";
import type { Scope } from "../../src/workflow/expression.ts";
import { compileTemplate, compileText, compileUrl, constantTemplate, templateOf } from "../../src/workflow/template.ts";

const file = new FileValue({ name: "r.pdf", mimeType: "application/pdf", size: 12, hash: "a".repeat(64) });
const scope: Scope = {
  trigger: {
    body: { id: "c-1", seats: 3, price: 2.5, ok: true, nothing: null, tags: ["a", "b"], user: { name: "Ann" } },
    file,
  },
};

function evaluate(value: Json): Value {
  return compileTemplate(value).evaluate(scope);
}

describe("a template", () => {
  test.each<[string, Value]>([
    ["${{ trigger.body.seats }}", 3],
    ["${{trigger.body.ok}}", true],
    ["${{ trigger.body.nothing }}", null],
    ["${{ trigger.body.tags }}", ["a", "b"]],
    ["${{ trigger.body.seats + 1 }}", 4],
  ])("of exactly one expression keeps its type: %s", (source, expected) => {
    expect(evaluate(source)).toEqual(expected);
  });

  test.each([
    ["id=${{ trigger.body.id }}", "id=c-1"],
    [" ${{ trigger.body.seats }}", " 3"],
    ["${{ trigger.body.price }}/${{ trigger.body.seats + 1 }}", "2.5/4"],
    ["ok: ${{ trigger.body.ok }}", "ok: true"],
    ["[${{ trigger.body.nothing }}]", "[]"],
    ["tags ${{ trigger.body.tags }}", 'tags ["a","b"]'],
    ["user ${{ trigger.body.user }}!", 'user {"name":"Ann"}!'],
    ["", ""],
    ["no expression", "no expression"],
    ["a } b }} c {{ d", "a } b }} c {{ d"],
    ["$${{ trigger.body.id }}", "${{ trigger.body.id }}"],
    ["$$${{ x }}", "$${{ x }}"],
    ["cost: $5 and ${{ trigger.body.id }}", "cost: $5 and c-1"],
    ["a $${{ b }} ${{ trigger.body.id }}", "a ${{ b }} c-1"],
  ])("with text around becomes text: %s", (source, expected) => {
    expect(evaluate(source)).toBe(expected);
  });

  test.each<[string, Value]>([
    ['${{ "}}" }}', "}}"],
    ["${{ '}}' + \"}}\" }}", "}}}}"],
    ['${{ "\\"}}" }}', '"}}'],
    ["${{ r'\\d}}\\'' }}", "\\d}}\\'"],
    ['${{ """a"}}b""" }}', 'a"}}b'],
    ['${{ {"a": {"b": 1}} }}', { a: { b: 1 } }],
    ['${{ {"a": {"b": 1}}}}', { a: { b: 1 } }],
    ['x${{ {"a": "}}"}.a }}y', "x}}y"],
    ["${{ 1 // }} not the end\n + 1 }}", 2],
    ["${{\n  trigger.body.seats\n}}", 3],
  ])("is not ended by braces inside the expression: %s", (source, expected) => {
    expect(evaluate(source)).toEqual(expected);
  });

  test("walks lists and objects, and leaves keys alone", () => {
    const template = compileTemplate({
      "${{ key }}": ["${{ trigger.body.id }}", 1, null, { deep: "a${{ trigger.body.seats }}" }],
    });
    expect(template.constant).toBe(false);
    expect(template.expressions.map(({ source }) => source)).toEqual(["trigger.body.id", "trigger.body.seats"]);
    expect(template.evaluate(scope)).toEqual({ "${{ key }}": ["c-1", 1, null, { deep: "a3" }] });
  });

  test("without an expression is constant", () => {
    const template = compileTemplate({ a: [1, "b", { c: null }] });
    expect(template.constant).toBe(true);
    expect(template.evaluate({})).toEqual({ a: [1, "b", { c: null }] });
  });

  test("keeps `__proto__` as an own key", () => {
    const value = evaluate(
      JSON.parse('{"__proto__": {"polluted": "${{ trigger.body.id }}"}, "constructor": 1}') as Json,
    );
    expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":"c-1"},"constructor":1}');
    expect((value as Record<string, Value>)["polluted"]).toBeUndefined();
  });

  test("passes a file on, but not into text", () => {
    expect(evaluate("${{ trigger.file }}")).toBe(file);
    expect(evaluate("${{ trigger.file.name }}!")).toBe("r.pdf!");
    expect(() => evaluate("see ${{ trigger.file }}")).toThrow(/`trigger.file` is a file/);
    expect(() => evaluate("see ${{ [trigger.file] }}")).toThrow(WfError);
  });

  test("does not evaluate what its values hold", () => {
    const value = compileTemplate("x ${{ trigger.body }}").evaluate({ trigger: { body: "${{ secrets.TOKEN }}" } });
    expect(value).toBe("x ${{ secrets.TOKEN }}");
  });

  test("stops a text that grows too long", () => {
    const template = compileTemplate("${{ t }}".repeat(20));
    expect(() => template.evaluate({ t: "x".repeat(1_000_000) })).toThrow(/more than 10000000 characters/);
  });
});

describe("a mistake in a template", () => {
  test.each([
    ["a ${{ trigger.body.id", 2, "has no `}}`"],
    ["${{ 'x }}", 0, "has no `}}`"],
    ["${{ a // }}", 0, "has no `}}`"],
    ["ab ${{ 1 + }}", 10, "unexpected token"],
    ["ab ${{ sise(x) }}", 7, "no function sise"],
    ["ok ${{ a }} ${{ }}", 16, "empty"],
  ])("is told with its place: %s", (source, offset, message) => {
    let caught: unknown;
    try {
      compileTemplate(source);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ExpressionSyntaxError);
    const error = caught as ExpressionSyntaxError;
    expect(error.message).toContain(message);
    expect(error.offset).toBe(offset);
  });
});

describe("templates put together", () => {
  test("from templates, JSON, lists and objects", () => {
    const template = templateOf({
      id: compileText("${{ trigger.body.id }}"),
      list: [compileTemplate("n=${{ trigger.body.seats }}"), 1],
      literal: "${{ not compiled }}",
      fixed: constantTemplate({ a: "${{ b }}" }),
    });
    expect(template.expressions).toHaveLength(2);
    expect(template.evaluate(scope)).toEqual({
      id: "c-1",
      list: ["n=3", 1],
      literal: "${{ not compiled }}",
      fixed: { a: "${{ b }}" },
    });
  });

  test("JSON that looks like a template is data", () => {
    const fake = { constant: true, expressions: [], evaluate: "x" };
    expect(templateOf(fake).evaluate(scope)).toEqual(fake);
  });

  test("a text tells where each of its expressions stands", () => {
    const source = "a $${{ b }} ${{  x.y }}-${{z}}";
    const { expressions, offsets } = compileText(source);
    expect(
      expressions.map((expression, index) =>
        source.slice(offsets[index], (offsets[index] ?? 0) + expression.source.length),
      ),
    ).toEqual(["x.y", "z"]);
  });

  test("one value, one expression: the same as compiling it alone", () => {
    expect(evaluate("${{ trigger.body.user }}")).toBe(compileExpression("trigger.body.user").evaluate(scope));
  });
});

describe("a URL", () => {
  const urlWith = (url: string, id: Value): Value => compileUrl(url).evaluate({ id });

  test.each([
    ["https://api.example.com/items/${{ id }}", "a/../b?x=1#y", "https://api.example.com/items/a%2F..%2Fb%3Fx%3D1%23y"],
    ["https://api.example.com/items?after=${{ id }}", "a&b=c", "https://api.example.com/items?after=a%26b%3Dc"],
    ["https://${{ id }}.example.com/", "eu", "https://eu.example.com/"],
    ["${{ id }}/items", "http://127.0.0.1:1/base", "http://127.0.0.1:1/base/items"],
    ["${{ id }}", "https://example.com/a?b=c", "https://example.com/a?b=c"],
    ["${{ id }}/items/${{ id }}", "x/y", "x/y/items/x%2Fy"],
  ])("%s keeps its shape with %j", (url, id, expected) => expect(urlWith(url, id)).toBe(expected));

  test.each([".", ".."])("refuses %j as a piece of its path", (id) => {
    expect(() => urlWith("https://api.example.com/items/${{ id }}/", id)).toThrow(/would lead to another path/);
  });
});
