import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inferFrom as infer, type InferOptions } from "../../src/capture/infer-rules.ts";
import { FileValue, type Value, type ValueObject } from "../../src/value.ts";
import type { RequestRules, Rule, RuleSet } from "../../src/workflow/rule.ts";
import { RuleCompiler, type RuledRequest } from "../../src/workflow/rules.ts";

const compiler = new RuleCompiler();

function request(parts: Partial<RuledRequest>): RuledRequest {
  return { query: {}, headers: {}, body: null, ...parts };
}

function inferFrom(requests: readonly RuledRequest[], options?: InferOptions): RequestRules {
  return infer(requests, options).rules;
}

function bodyRules(...bodies: Value[]): RuleSet | undefined {
  return inferFrom(bodies.map((body) => request({ body }))).body;
}

/** `type`, with `!` where required and `?` where nullable. */
function brief(rules: RuleSet | undefined): Record<string, string> | undefined {
  const mark = (rule: Rule): string => `${rule.type}${rule.required ? "!" : ""}${rule.nullable ? "?" : ""}`;
  return rules && Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, mark(rule)]));
}

function rejected(rules: RequestRules, requests: readonly RuledRequest[]): unknown[] {
  const validator = compiler.compile(rules);
  return requests.flatMap((one) => {
    const result = validator.validate(one);
    return result.ok ? [] : [{ request: one, violations: result.violations }];
  });
}

const file = new FileValue({ name: "a.txt", mimeType: "text/plain", size: 1, hash: "0".repeat(64) });

describe("the inferred rules accept every request that they came from", () => {
  const word = fc.constantFrom(
    "open",
    "closed",
    "1",
    "2.50",
    "true",
    "a@b.co",
    "2026-11-25",
    "2026-11-25T10:00:00Z",
    "",
  );
  const name = fc.oneof(
    fc.constantFrom(
      "id",
      "status",
      "type",
      "email",
      "amount",
      "items",
      "constructor",
      "toString",
      "length",
      "a b",
      "1",
    ),
    fc.string({ maxLength: 8 }),
  );
  const leaf = fc.oneof(
    word,
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(file),
  );
  const { value } = fc.letrec<{ value: Value; list: Value; object: Value }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 5 }),
    object: fc.dictionary(name, tie("value"), { maxKeys: 6 }),
  }));
  const object = fc.dictionary(name, value, { maxKeys: 6 });
  const textFields = fc.dictionary(name, fc.oneof(word, fc.string(), fc.array(word, { minLength: 2, maxLength: 3 })), {
    maxKeys: 5,
  }) as fc.Arbitrary<ValueObject>;
  const headers = fc.dictionary(
    fc.constantFrom("content-type", "x-github-event", "x-api-version", "host", "x-token"),
    fc.oneof(fc.constantFrom("application/json", "application/json; charset=utf-8", "push", "2"), fc.string()),
  );
  const jsonRequest = fc.record({
    query: textFields,
    headers,
    body: fc.oneof({ weight: 9, arbitrary: object }, { weight: 1, arbitrary: value }),
  });
  const formRequest = fc.record({ query: textFields, headers, body: textFields, bodyIsText: fc.constant(true) });
  const anyRequest = fc.oneof(jsonRequest, formRequest) as fc.Arbitrary<RuledRequest>;

  test.each([
    ["JSON", jsonRequest as fc.Arbitrary<RuledRequest>, 40],
    ["forms", formRequest as fc.Arbitrary<RuledRequest>, 40],
    ["both", anyRequest, 40],
  ])("%s", (_, one, numRuns) => {
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 14 }),
        fc.constantFrom("allow", "reject"),
        (requests, additional) => {
          const plain = requests.map((given) => ({
            ...given,
            query: own(given.query),
            body: own(given.body),
          }));
          expect(rejected({ ...inferFrom(plain), additional }, plain)).toEqual([]);
        },
      ),
      { numRuns },
    );
  });

  /** fast-check's objects may have no prototype, or `__proto__` as a field, which the server refuses before. */
  function own<T>(given: T): T {
    if (given === null || typeof given !== "object" || given instanceof FileValue) return given;
    if (Array.isArray(given)) return given.map(own) as T;
    return Object.fromEntries(
      Object.entries(given).flatMap(([key, one]) => (key === "__proto__" ? [] : [[key, own(one as unknown)]])),
    ) as T;
  }
});

describe("types", () => {
  test("are what all requests have in common", () => {
    const rules = bodyRules(
      {
        id: 1,
        price: 2,
        ratio: 1.5,
        on: true,
        when: "2026-11-25",
        at: "2026-11-25T10:00:00Z",
        mail: "a@b.co",
        note: "x",
      },
      { id: 2, price: 3, ratio: 2, on: false, when: "2026-11-26", at: "2026-11-25T10:00:00+01:00", mail: null },
    );
    expect(brief(rules)).toEqual({
      id: "integer!",
      price: "number!",
      ratio: "number!",
      on: "boolean!",
      when: "date!",
      at: "date-time!",
      mail: "email!?",
      note: "string",
    });
  });

  test("are `any` where requests differ, and where there was nothing but null", () => {
    expect(brief(bodyRules({ a: 1, b: null, c: [] }, { a: "x", b: null, c: {} }))).toEqual({
      a: "any!",
      b: "any!",
      c: "any!",
    });
  });

  test("free text is text, whatever it looks like", () => {
    expect(brief(bodyRules({ title: "a@b.co", comment: "https://example.com" }))).toEqual({
      title: "string!",
      comment: "string!",
    });
  });

  test("of nested objects and the items of lists are merged", () => {
    const rules = bodyRules(
      { customer: { id: 1 }, lines: [{ sku: "a" }, { sku: "b", gift: true }], tags: ["x", null] },
      { customer: { id: 2, vip: true }, lines: [], tags: [] },
    );
    expect(brief(rules)).toEqual({ customer: "object!", lines: "array!", tags: "array!" });
    expect(brief(rules?.["customer"]?.properties)).toEqual({ id: "integer!", vip: "boolean" });
    expect(rules?.["lines"]?.items?.type).toBe("object");
    expect(brief(rules?.["lines"]?.items?.properties)).toEqual({ sku: "string!", gift: "boolean" });
    expect(rules?.["tags"]?.items).toEqual({ type: "string", required: false, nullable: true });
  });

  test("an object with ids as names has no properties", () => {
    expect(bodyRules({ prices: { "17": 1, "18": 2 } })?.["prices"]).toEqual({
      type: "object",
      required: true,
      nullable: false,
    });
  });

  test("a body that is no object has no rules", () => {
    expect(bodyRules([1, 2])).toBeUndefined();
    expect(bodyRules({ a: 1 }, "text")).toBeUndefined();
    expect(bodyRules(null, null)).toBeUndefined();
  });

  test("a request without a body has no required fields", () => {
    expect(brief(bodyRules({ a: 1 }, null))).toEqual({ a: "integer" });
  });

  test("there are at most a thousand rules: what is deepest gives way", () => {
    const leafs = (count: number): ValueObject =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, at]));
    const wide = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`group${at}x`, leafs(30)]));
    const rules = bodyRules({ a: 1, inner: wide });
    expect(Object.keys(rules?.["inner"]?.properties ?? {})).toHaveLength(50);
    expect(rules?.["inner"]?.properties?.["group0x"]?.properties).toBeUndefined();
  });

  test("levels can be limited", () => {
    const rules = inferFrom([request({ body: { a: { b: { c: 1 } } } })], { levels: 2 });
    expect(rules.body?.["a"]?.properties?.["b"]).toEqual({ type: "object", required: true, nullable: false });
  });
});

describe("enum", () => {
  const many = (times: number, body: (at: number) => Value): RuleSet | undefined =>
    bodyRules(...Array.from({ length: times }, (_, at) => body(at)));
  const three = (at: number): string => ["open", "closed", "draft"][at % 3] ?? "";

  test("lists words that came again and again under the name of a choice", () => {
    expect(many(12, (at) => ({ status: three(at) }))?.["status"]?.enum).toEqual(["closed", "draft", "open"]);
  });

  test("needs many requests, repeats and such a name", () => {
    expect(many(9, (at) => ({ status: three(at) }))?.["status"]?.enum).toBeUndefined();
    expect(many(12, (at) => ({ status: at === 0 ? "rare" : "open" }))?.["status"]?.enum).toBeUndefined();
    expect(many(12, () => ({ status: "open" }))?.["status"]?.enum).toBeUndefined();
    for (const name of ["id", "userId", "name", "title", "token", "login", "login_token_type"]) {
      expect(many(12, (at) => ({ [name]: three(at) }))?.[name]?.enum, name).toBeUndefined();
    }
  });
});

describe("query and form fields", () => {
  const query = (...all: ValueObject[]): RuleSet => inferFrom(all.map((one) => request({ query: one }))).query;

  test("have the types that their texts convert to without a loss", () => {
    expect(
      brief(
        query({ page: "1", ratio: "1.5", deep: "true", q: "7" }, { page: "22", ratio: "2", deep: "false", q: "8" }),
      ),
    ).toEqual({
      page: "integer!",
      ratio: "number!",
      deep: "boolean!",
      q: "string!",
    });
  });

  test("ids, codes and phone numbers stay text", () => {
    expect(brief(query({ id: "7", zip: "90210", phone: "15550100", user_id: "42" }))).toEqual({
      id: "string!",
      zip: "string!",
      phone: "string!",
      user_id: "string!",
    });
  });

  test("are lists where a name came twice in a request", () => {
    const rules = query({ tag: ["1", "2"] }, { tag: "3" });
    expect(rules["tag"]).toMatchObject({ type: "array", required: true, items: { type: "integer" } });
  });

  test("forms with files", () => {
    const rules = inferFrom([request({ body: { seats: "2", upload: file }, bodyIsText: true })]).body;
    expect(brief(rules)).toEqual({ seats: "integer!", upload: "file!" });
  });
});

describe("headers", () => {
  const headers = (times: number, one: (at: number) => ValueObject): RuleSet =>
    inferFrom(Array.from({ length: times }, (_, at) => request({ headers: one(at) }))).headers;

  test("a workflow has a say in some only", () => {
    const rules = headers(2, () => ({
      host: "127.0.0.1",
      "user-agent": "GitHub-Hookshot/1",
      accept: "*/*",
      "accept-encoding": "gzip",
      "content-length": "2",
      authorization: "Bearer x",
      cookie: "a=b",
      date: "Wed, 25 Nov 2026 10:00:00 GMT",
      traceparent: "00-0",
      "stripe-signature": "t=1",
      "x-hub-signature-256": "sha256=0",
      "x-shopify-hmac-sha256": "0",
      "x-gitlab-token": "0",
      "x-slack-request-timestamp": "1",
      "x-forwarded-for": "10.0.0.1",
      "x-real-ip": "10.0.0.1",
      "x-request-id": "1",
      "x-api-key": "1",
      "x-github-delivery": "d9b2d63d-a233-4123-847a-7090a0f2a8c3",
      "x-github-hook-id": "1",
      "webhook-id": "1",
      "webhook-timestamp": "1",
      "idempotency-key": "1",
      "x-github-event": "push",
      "x-shopify-topic": "orders/create",
      "linear-event": "Issue",
      "x-api-version": "2",
    }));
    expect(Object.keys(rules)).toEqual(["x-github-event", "x-shopify-topic", "linear-event", "x-api-version"]);
    expect(brief(rules)?.["x-github-event"]).toBe("any!");
  });

  test("what may be absent is not ruled", () => {
    expect(headers(2, (at) => (at === 0 ? { "x-github-event": "push" } : {}))).toEqual({});
  });

  test("a kind that never changed over many requests is fixed; several are listed", () => {
    expect(headers(9, () => ({ "x-github-event": "push" }))["x-github-event"]).toEqual({
      type: "any",
      required: true,
      nullable: false,
    });
    expect(headers(10, () => ({ "x-github-event": "push" }))["x-github-event"]?.equals).toBe("push");
    expect(headers(10, (at) => ({ "x-github-event": at % 2 === 0 ? "push" : "ping" }))["x-github-event"]?.enum).toEqual(
      ["ping", "push"],
    );
    expect(headers(10, () => ({ "x-shop": "a" }))["x-shop"]?.equals).toBeUndefined();
  });

  test("of Content-Type the media type counts, not its parameters", () => {
    const rules = inferFrom([
      request({ headers: { "content-type": "multipart/form-data; boundary=a" } }),
      request({ headers: { "content-type": "Multipart/Form-Data;boundary=b" } }),
    ]);
    const accepts = (type: string): boolean =>
      rejected(rules, [request({ headers: { "content-type": type } })]).length === 0;
    expect(accepts("multipart/form-data; boundary=c")).toBe(true);
    expect(accepts("multipart/form-data")).toBe(true);
    expect(accepts("multipart/form-data2")).toBe(false);
    expect(accepts("application/json")).toBe(false);
    expect(headers(2, (at) => ({ "content-type": at === 0 ? "application/json" : "text/plain" }))).toEqual({});
  });
});
