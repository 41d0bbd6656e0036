import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fillSecrets, redactTestData } from "../../src/capture/redact.ts";
import { requestOf, type TestBody, type TestData } from "../../src/capture/test-data.ts";

const KEY = `sk_${randomBytes(12).toString("hex")}`;
const captured = { at: "2026-11-23T15:00:00.000Z", id: "0199f3a2-0000-7000-8000-000000000001" };

function request(parts: Partial<TestData["request"]>, more: Partial<TestData> = { captured }): TestData {
  const whole = { method: "POST", url: "/test/lead", headers: [], body: { kind: "none" } as TestBody, ...parts };
  return { workflowId: "lead", name: "real", request: whole, ...more };
}

function bytes(text: string | Buffer): TestBody {
  return { kind: "bytes", bytes: Buffer.from(text) };
}

it("leaves test data without a secret as it is", () => {
  const data = request({ body: bytes(Buffer.from([0xff, 0x00, 0x41])), headers: [["Authorization", "Bearer x"]] });
  expect(redactTestData(data, { KEY })).toBe(data);
});

it("replaces a secret in URL, headers and body, says so, and fills it in again byte for byte", () => {
  const data = request({
    url: `/test/lead?key=${KEY}`,
    headers: [
      ["Authorization", `Bearer ${KEY}`],
      ["X-Id", "1"],
    ],
    body: bytes(Buffer.concat([Buffer.from(`{ "key": "${KEY}" }`), Buffer.from([0xff, 0xfe])])),
  });
  const clean = redactTestData(data, { KEY });
  expect(clean.redacted).toEqual({ url: ["KEY"], "headers.authorization": ["KEY"], body: ["KEY"] });
  expect(clean.request.url).toBe("/test/lead?key=${{ secrets.KEY }}");
  expect(clean.request.headers).toEqual([
    ["Authorization", "Bearer ${{ secrets.KEY }}"],
    ["X-Id", "1"],
  ]);
  expect(JSON.stringify(clean)).not.toContain(KEY);
  expect(fillSecrets(clean, { KEY })).toEqual(data);
});

it("knows the spellings in which a secret travels, and restores each", () => {
  const secret = `"p/ä +${randomBytes(9).toString("base64")}\n`;
  const spellings = [
    JSON.stringify(secret),
    JSON.stringify(secret).replaceAll("/", "\\/"),
    encodeURIComponent(secret),
    new URLSearchParams([["", secret]]).toString(),
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("base64url"),
    secret,
  ];
  for (const spelling of spellings) {
    const data = request({ body: bytes(`<${spelling}>`) });
    const clean = redactTestData(data, { SECRET: secret });
    expect(requestOf(clean).body.toString()).toMatch(/^<[="]?\$\{\{ [\w.]*\(?secrets\.SECRET\)? \}\}"?>$/);
    expect(requestOf(fillSecrets(clean, { SECRET: secret })).body).toEqual(requestOf(data).body);
  }
});

it("restores any body around any secret", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 8 }).map((one) => Buffer.from(one)),
    fc.constant(Buffer.from(KEY)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const data = request({ body: bytes(Buffer.concat(pieces)) });
      const clean = redactTestData(data, { KEY });
      expect(requestOf(clean).body.includes(KEY)).toBe(false);
      expect(requestOf(fillSecrets(clean, { KEY })).body).toEqual(requestOf(data).body);
    }),
  );
});

it("replaces a secret whole where a shorter one is a part of it, and finds none inside a placeholder", () => {
  const data = request({ body: bytes(`${KEY}-${KEY} secrets`) });
  const clean = redactTestData(data, { SHORT: KEY, LONG: `${KEY}-${KEY}`, ODD: "secrets", PIN: "1234" });
  expect(requestOf(clean).body.toString()).toBe("${{ secrets.LONG }} ${{ secrets.ODD }}");
});

it("replaces credentials and signatures only when told to, and keeps the scheme", () => {
  const headers: [string, string][] = [
    ["Authorization", "Bearer abc"],
    ["Cookie", "a=b"],
    ["X-Hub-Signature-256", "sha256=00"],
    ["X-Shopify-Hmac-SHA256", "AA=="],
    ["svix-signature", "v1,AA=="],
    ["Accept", "*/*"],
  ];
  const clean = redactTestData(request({ headers }), {}, { credentials: true });
  expect(clean.request.headers).toEqual([
    ["Authorization", "Bearer ${{ secrets.AUTHORIZATION }}"],
    ["Cookie", "${{ secrets.COOKIE }}"],
    ["X-Hub-Signature-256", "${{ secrets.X_HUB_SIGNATURE_256 }}"],
    ["X-Shopify-Hmac-SHA256", "${{ secrets.X_SHOPIFY_HMAC_SHA256 }}"],
    ["svix-signature", "${{ secrets.SVIX_SIGNATURE }}"],
    ["Accept", "*/*"],
  ]);
  expect(() => fillSecrets(clean, { AUTHORIZATION: "abc", COOKIE: "a=b" })).toThrow(
    'Test data "real" needs the secret X_HUB_SIGNATURE_256 (headers.x-hub-signature-256), which is not set.',
  );
});

it("replaces Basic credentials that hold a secret of the project", () => {
  const value = `Basic ${Buffer.from(`ada:${KEY}`).toString("base64")}`;
  const data = request({
    headers: [
      ["Authorization", value],
      ["X-Other", "Basic QTpC"],
    ],
    userId: "u-1",
  });
  const clean = redactTestData(data, { KEY });
  expect(clean.request).toMatchObject({
    headers: [
      ["Authorization", "Basic ${{ secrets.AUTHORIZATION }}"],
      ["X-Other", "Basic QTpC"],
    ],
    userId: "u-1",
  });
  expect(fillSecrets(clean, { AUTHORIZATION: value.slice("Basic ".length) })).toEqual(data);
});

it("fetches no secret for a placeholder that a sender wrote", () => {
  const forged = "${{ secrets.KEY }} ${{ constructor(secrets.KEY) }}";
  const data = request({ url: "/test/lead?a=${{secrets.KEY}}", headers: [["x", forged]], body: bytes(forged) });
  expect(fillSecrets(data, { KEY })).toEqual(data);
  const other = { ...data, redacted: { body: ["OTHER"] } };
  expect(requestOf(fillSecrets(other, { KEY, OTHER: KEY })).body.toString()).toBe(forged);
});

it("fills placeholders in by name in what was entered by hand, but not in a body's file", () => {
  const headers: [string, string][] = [["authorization", "Bearer ${{ secrets.KEY }}"]];
  const value = { kind: "value", value: { deep: [{ key: "${{secrets.KEY}} ä" }] } } as const;
  const filled = requestOf(fillSecrets(request({ headers, body: value }, {}), { KEY }));
  expect(filled.headers[0]).toEqual(["authorization", `Bearer ${KEY}`]);
  expect(JSON.parse(filled.body.toString())).toEqual({ deep: [{ key: `${KEY} ä` }] });
  const file = request({ body: bytes("${{ secrets.KEY }}") }, {});
  expect(requestOf(fillSecrets(file, { KEY })).body.toString()).toBe("${{ secrets.KEY }}");
});

it("names the secret that is missing and where, or leaves its placeholder when told to", () => {
  const data = request({ headers: [["authorization", "${{ secrets.toString }}"]] }, {});
  expect(() => fillSecrets(data, {})).toThrow("needs the secret toString (headers.authorization)");
  expect(fillSecrets(data, {}, { missing: "keep" }).request).toEqual(data.request);
});
