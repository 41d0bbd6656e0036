import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeTestData } from "../../src/capture/test-data-text.ts";
import { parseTestData } from "../../src/capture/test-data-parse.ts";
import { nameProblem, requestOf, type TestData } from "../../src/capture/test-data.ts";
import type { Json } from "../../src/json.ts";

const token = fc.string({
  unit: fc.constantFrom(..."!#$%&'*+-.^_`|~0129abzABZ".split("")),
  minLength: 1,
  maxLength: 12,
});
const headerValue = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f && (code < 0x7f || code >= 0x80))
    .map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const url = fc.stringMatching(/^[!"$-~]{0,60}$/).map((rest) => `/test/lead?${rest}`);
const json: fc.Arbitrary<Json> = fc.jsonValue({ stringUnit: "binary" }) as fc.Arbitrary<Json>;
const body = fc.oneof(
  fc.constant({ kind: "none" } as const),
  fc
    .uint8Array({ minLength: 1, maxLength: 80 })
    .map((bytes) => ({ kind: "bytes", bytes: Buffer.from(bytes) }) as const),
  json.map((value) => ({ kind: "value", value }) as const),
);
const testData: fc.Arbitrary<TestData> = fc.record(
  {
    workflowId: fc.constant("lead"),
    name: fc.constant("real"),
    description: fc.string(),
    request: fc.record(
      {
        method: fc.constantFrom("POST", "GET", "DELETE", "M-SEARCH"),
        url,
        headers: fc.array(fc.tuple(token, headerValue), { maxLength: 6 }),
        body,
        userId: fc.string(),
      },
      { requiredKeys: ["method", "url", "headers", "body"] },
    ),
    captured: fc.record({ at: fc.constant("2026-11-23T15:00:00.000Z"), id: fc.uuid() }),
    redacted: fc.constant({ body: ["API_KEY"], "headers.authorization": ["AUTHORIZATION"] }),
  },
  { requiredKeys: ["workflowId", "name", "request"] },
);

function decode(text: string, bytes?: Buffer): TestData | undefined {
  const { data, bodyFile, reader } = parseTestData({ workflowId: "lead", name: "real", file: "real.yaml", text });
  expect(reader.problems()).toEqual([]);
  if (!bodyFile || !data) return data;
  expect(bytes).toBeDefined();
  return { ...data, request: { ...data.request, body: { kind: "bytes", bytes: bytes as Buffer } } };
}

it("decodes what it encodes: the same method, URL, header list and body bytes", () => {
  fc.assert(
    fc.property(testData, (data) => {
      const { text, body: file } = encodeTestData(data);
      const again = decode(text, file?.bytes);
      expect(requestOf(again as TestData)).toEqual(requestOf(data));
      expect(again?.request.userId).toBe(data.request.userId);
      const { request: _, ...rest } = data;
      expect(again).toMatchObject(rest);
    }),
    { numRuns: 500 },
  );
});

it("keeps values that YAML holds exactly in the YAML, and others as JSON bytes beside it", () => {
  const entered = (value: Json): ReturnType<typeof encodeTestData> =>
    encodeTestData({
      workflowId: "lead",
      name: "real",
      request: { method: "POST", url: "/test/lead", headers: [], body: { kind: "value", value } },
    });
  expect(entered({ email: "a@b.co", seats: 3 }).text).toContain("  body:\n    email: a@b.co\n    seats: 3\n");
  expect(entered({ email: "a@b.co" }).body).toBeUndefined();
  expect(entered({ id: 2 ** 60 }).body?.bytes.toString()).toBe('{"id":1152921504606847000}');
  expect(entered(JSON.parse('{"__proto__": 1}') as Json).body?.bytes.toString()).toBe('{"__proto__":1}');
});

it("writes a captured request as the documentation shows it", () => {
  const { text, body: file } = encodeTestData({
    workflowId: "lead",
    name: "real",
    request: {
      method: "POST",
      url: "/test/lead?source=web",
      headers: [
        ["Content-Type", "application/json"],
        ["X-API-Version", "2"],
      ],
      body: { kind: "bytes", bytes: Buffer.from("{}") },
    },
    captured: { at: "2026-11-23T15:00:00.000Z", id: "0199f3a2-0000-7000-8000-000000000001" },
  });
  expect(file?.file).toBe("real.body.json");
  expect(text).toBe(`request:
  method: POST
  url: /test/lead?source=web
  headers:
    - [Content-Type, application/json]
    - [X-API-Version, "2"]
  body_file: real.body.json
captured: { at: 2026-11-23T15:00:00.000Z, id: 0199f3a2-0000-7000-8000-000000000001 }
`);
});

it("names body files after their content type", () => {
  const fileFor = (...headers: [string, string][]): string | undefined =>
    encodeTestData({
      workflowId: "lead",
      name: "x",
      request: { method: "POST", url: "/", headers, body: { kind: "bytes", bytes: Buffer.from("1") } },
    }).body?.file;
  expect(fileFor(["content-type", "application/vnd.api+json; charset=utf-8"])).toBe("x.body.json");
  expect(fileFor(["CONTENT-TYPE", "multipart/form-data; boundary=x"])).toBe("x.body.multipart");
  expect(fileFor(["content-type", "application/x-www-form-urlencoded"])).toBe("x.body.form");
  expect(fileFor(["content-type", "application/soap+xml"])).toBe("x.body.xml");
  expect(fileFor(["content-type", "application/json"], ["content-encoding", "gzip"])).toBe("x.body.bin");
  expect(fileFor()).toBe("x.body.bin");
  expect(fileFor(["content-type", "constructor"])).toBe("x.body.bin");
});

it("accepts names that are safe on every system and no others", () => {
  for (const name of ["real", "order-2", "invalid.email", "a_b", "0", "console", "com10x"]) {
    expect(nameProblem(name), name).toBeUndefined();
  }
  const refused = [
    "",
    "Real",
    ".x",
    "-x",
    "a/b",
    "..",
    "a\\b",
    "nul",
    "con.real",
    "lpt1",
    "x.",
    "a.body",
    "a.body.b",
    "ä",
  ];
  for (const name of [...refused, "x".repeat(65)]) expect(nameProblem(name), name).toBeDefined();
});
