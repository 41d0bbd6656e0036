import fc from "fast-check";
import { expect, it } from "vitest";
import { readJson, writeJson } from "../../src/capture/exact-json.ts";
import { withField } from "../../src/capture/form-fields.ts";
import { editRequest, parseSet, parseUnset } from "../../src/capture/request-edit.ts";
import type { CapturedRequest } from "../../src/engine/captures.ts";

const JSON_HEADERS: [string, string][] = [["Content-Type", "application/json"]];

function request(body: string, headers: [string, string][] = JSON_HEADERS, url = "/test/lead"): CapturedRequest {
  return { method: "POST", url, headers, body: Buffer.from(body) };
}

function set(body: string, ...edits: string[]): string {
  return edits.reduce((one, edit) => editRequest(one, parseSet(edit)), request(body)).body.toString();
}

it.each([
  ['{"a":1}', "body.a=x", '{"a":"x"}'],
  ['{"a":1}', "body.a:=3", '{"a":3}'],
  ['{"a":1}', "body.b.c.d:=null", '{"a":1,"b":{"c":{"d":null}}}'],
  ['{"a":[1,2]}', "body.a[1]=x", '{"a":[1,"x"]}'],
  ['{"a":[1,2]}', "body.a.0:=true", '{"a":[true,2]}'],
  ['{"a":[1,2]}', "body.a[]=x", '{"a":[1,2,"x"]}'],
  ['{"a":[1,2]}', "body.a[2]=x", '{"a":[1,2,"x"]}'],
  ["{}", "body.a[0].b=x", '{"a":[{"b":"x"}]}'],
  ["", "body.a=x", '{"a":"x"}'],
  ["", "body[0]=x", '["x"]'],
  ["[1]", "body:={}", "{}"],
  ['{"a":1}', 'body["x.y=[z]"].q=1=2', '{"a":1,"x.y=[z]":{"q":"1=2"}}'],
  ['{"a":1}', "body.t:ag=x", '{"a":1,"t:ag":"x"}'],
  ["{}", "body.__proto__.polluted:=true", '{"__proto__":{"polluted":true}}'],
  ['{"a":null}', "body.a.b=", '{"a":{"b":""}}'],
])("sets in %s the part %s", (body, edit, expected) => {
  expect(set(body, edit)).toBe(expected);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

it("keeps indentation, the end of the file, and every number as it was written", () => {
  const body = '{\n  "id": 12345678901234567890,\n  "price": 1.10,\n  "email": "a@b.co"\n}\n';
  expect(set(body, "body.email=x")).toBe(body.replace("a@b.co", "x"));
});

it("writes JSON as it read it, apart from white space", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), (text) => {
      expect(JSON.parse(writeJson(readJson(text), text))).toEqual(JSON.parse(text));
    }),
  );
});

it("sets fields of a form and leaves the spelling of the others", () => {
  const form = request("a=%20x&b=1&b=2&%63=+", [["content-type", "application/x-www-form-urlencoded"]]);
  const edited = editRequest(editRequest(form, parseSet("body.b=x y")), parseSet("body.n[]:=[1,2]"));
  expect(edited.body.toString()).toBe("a=%20x&b=x+y&%63=+&n%5B%5D=1&n%5B%5D=2");
  expect(withField("a=1&b=2", "a", undefined)).toBe("b=2");
});

it("sets query and headers: the first of the name keeps its place and case", () => {
  const before = request(
    "",
    [
      ["X-Id", "1"],
      ["Accept", "*/*"],
      ["x-id", "2"],
    ],
    "/test/lead?a=%7E&b=1",
  );
  const edited = ["query.b:=2", "query.filter[name]=x", "headers.x-ID=9", "headers.x-new:=true"].reduce(
    (one, edit) => editRequest(one, parseSet(edit)),
    before,
  );
  expect(edited.url).toBe("/test/lead?a=%7E&b=2&filter%5Bname%5D=x");
  expect(edited.headers).toEqual([
    ["X-Id", "9"],
    ["Accept", "*/*"],
    ["x-new", "true"],
  ]);
});

it("takes parts away", () => {
  const before = request('{"a":{"b":1,"c":[1,2]}}', JSON_HEADERS, "/test/lead?a=1");
  const unset = (part: string): CapturedRequest => editRequest(before, parseUnset(part));
  expect(unset("body.a.b").body.toString()).toBe('{"a":{"c":[1,2]}}');
  expect(unset("body.a.c[0]").body.toString()).toBe('{"a":{"b":1,"c":[2]}}');
  expect(unset("body.x.y").body.toString()).toBe('{"a":{"b":1,"c":[1,2]}}');
  expect(unset("body").body.toString()).toBe("");
  expect(unset("query.a").url).toBe("/test/lead");
  expect(unset("headers.content-type").headers).toEqual([]);
});

it("leaves the body's bytes alone where another part changes", () => {
  const bytes = Buffer.from([0xff, 0x00, 0xfe]);
  const before = { ...request(""), body: bytes };
  expect(editRequest(before, parseSet("query.a=1")).body).toBe(bytes);
});

it.each([
  ["email=x", "names a part of the body, the query or the headers"],
  ["bodyx=1", "names a part of the body"],
  ["body.a", "--set is <part>=<value>"],
  ["body.a:={x", "takes JSON after :="],
  ["headers.a b=1", "cannot be a header's name"],
  ["headers.Content-Length=1", "content-length follows from the body"],
])("refuses to read --set %s", (text, message) => {
  expect(() => parseSet(text)).toThrow(message);
});

it("refuses what the body has no place for, and bodies that it cannot change", () => {
  expect(() => set('{"a":"x"}', "body.a.b=1")).toThrow("there is no `b` in a text");
  expect(() => set('{"a":{}}', "body.a[0]=1")).toThrow("there is no list item in an object");
  expect(() => set('{"a":[1]}', "body.a[5]=1")).toThrow("the list has 1 items; there is no [5]");
  expect(() => set('{"a":[1]}', "body.a.x=1")).toThrow("there is no `x` in a list");
  expect(() => editRequest(request("<a/>", [["content-type", "text/xml"]]), parseSet("body.a=1"))).toThrow(
    "only a JSON or form body can be changed; this one is text/xml",
  );
  const zipped: [string, string][] = [...JSON_HEADERS, ["content-encoding", "gzip"]];
  expect(() => editRequest(request("x", zipped), parseSet("body.a=1"))).toThrow("the body is encoded (gzip)");
  expect(() => editRequest(request("{}"), parseSet("headers.a=Ω"))).toThrow("cannot carry");
});
