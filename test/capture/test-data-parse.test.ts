import { expect, it } from "vitest";
import { parseTestData } from "../../src/capture/test-data-parse.ts";
import { requestOf, type TestData } from "../../src/capture/test-data.ts";

function parse(text: string): ReturnType<typeof parseTestData> {
  return parseTestData({ workflowId: "lead", name: "real", file: "workflows/lead.testdata/real.yaml", text });
}

function problemsOf(text: string): string[] {
  return parse(text)
    .reader.problems()
    .map(
      ({ place, check, message, hint }) =>
        `${place.line}:${place.column} ${check}: ${message}${hint ? ` (${hint})` : ""}`,
    );
}

function sent(text: string): { method: string; url: string; headers: unknown; body: string } {
  expect(problemsOf(text)).toEqual([]);
  const { body, ...rest } = requestOf(parse(text).data as TestData);
  return { ...rest, body: body.toString() };
}

it("reads test data entered by hand: what is left out has a default", () => {
  expect(sent("request: { body: { email: a@b.co } }\n")).toEqual({
    method: "POST",
    url: "/test/lead",
    headers: [["content-type", "application/json"]],
    body: '{"email":"a@b.co"}',
  });
});

it("lets placeholders of secrets stand in a URL", () => {
  expect(sent('request: { url: "/test/lead?key=${{ secrets.KEY }}&a=1" }').url).toBe(
    "/test/lead?key=${{ secrets.KEY }}&a=1",
  );
  expect(problemsOf('request: { url: "/test/lead?key={ KEY }" }')).toHaveLength(1);
});

it("reads query and headers as maps, with values as they are written", () => {
  const text = `request:
  method: GET
  url: /test/lead?a=1
  query: { page: 007, q: "x y", tag: [a, b], exact: true }
  headers: { X-Id: 1.50, x-many: [a, b] }
`;
  expect(sent(text)).toEqual({
    method: "GET",
    url: "/test/lead?a=1&page=007&q=x+y&tag=a&tag=b&exact=true",
    headers: [
      ["X-Id", "1.50"],
      ["x-many", "a"],
      ["x-many", "b"],
    ],
    body: "",
  });
});

it("sends a text as it is, a map as a form where the headers say so, and tells null from nothing", () => {
  expect(sent('request: { body: "a\\nb" }')).toMatchObject({
    headers: [["content-type", "text/plain; charset=utf-8"]],
    body: "a\nb",
  });
  const form =
    "request:\n  headers: { content-type: application/x-www-form-urlencoded }\n  body: { a: x y, b: [1, 2] }\n";
  expect(sent(form).body).toBe("a=x+y&b=1&b=2");
  expect(sent("request: { body: null }").body).toBe("null");
  expect(sent("request:\n  body:\n")).toMatchObject({ headers: [], body: "" });
});

it("hands mocks and expectations on as nodes with their places", () => {
  const {
    mocks,
    expect: expected,
    reader,
  } = parse("request: {}\nmocks: { crm: { status: 201 } }\nexpect: { status: 200 }\n");
  expect(mocks && reader.place(mocks)).toMatchObject({ line: 2, column: 8 });
  expect(expected && reader.place(expected)).toMatchObject({ line: 3, column: 9 });
});

it("names the place of everything it cannot read", () => {
  expect(problemsOf("request:\n  methd: POST\nexpects: {}\n")).toEqual([
    "2:3 unknown-key: `request` has no key `methd` (Did you mean `method`?)",
    "3:1 unknown-key: test data has no key `expects` (Did you mean `expect`?)",
  ]);
  const text = `request:
  method: post
  url: test/lead
  headers:
    - [content-type]
    - [bad name, x]
    - [x-id, "a\\nb"]
  body: {}
  body_file: ../../.env
captured: { at: yesterday }
redacted: { bodies: [KEY], body: [a b] }
`;
  expect(problemsOf(text).map((one) => one.split(": ")[0])).toEqual([
    "2:11 bad-method",
    "3:8 bad-url",
    "5:7 wrong-type",
    "6:8 bad-header",
    "7:14 bad-header",
    "9:3 two-bodies",
    "9:14 bad-path",
    "10:11 missing-key",
    "10:17 bad-time",
    "11:13 unknown-key",
    "11:35 bad-secret",
  ]);
  expect(problemsOf("")).toEqual([
    "1:1 empty-file: the file holds no test data (It needs at least `request: { body: … }`.)",
  ]);
  expect(problemsOf("captured: {at: x")[0]).toContain("yaml-syntax");
  expect(parse(text).data).toBeUndefined();
});

it.each(["..", ".", "../x", "a/b", "a\\b", "C:x", "/etc/passwd"])("refuses the body file %s", (name) => {
  expect(problemsOf(`request: { body_file: '${name}' }`)).toHaveLength(1);
});
