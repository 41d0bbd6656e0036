import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hmacScheme, parseContent, type SignedContent } from "../../src/signature/hmac.ts";
import { PRESET_NAMES, SIGNATURE_PRESETS } from "../../src/signature/presets.ts";
import type { SignatureScheme, SignedRequest } from "../../src/signature/scheme.ts";
import { type Vector, VECTORS } from "./vectors.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const randomSecret = (): string => randomBytes(24).toString("base64");
const lower = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function requestOf({ headers, body, url = "https://hooks.example/triggers/x" }: Vector): SignedRequest {
  return { url, headers, body: Buffer.from(body) };
}

describe("vendors' own examples", () => {
  test.each(VECTORS.map((vector) => [vector.title, vector] as const))("%s", (_title, vector) => {
    const nowMs = (vector.at ?? 0) * 1000 + 60_000;
    const request = requestOf(vector);
    expect(vector.scheme.verify(request, [randomSecret(), vector.secret], nowMs)).toMatchObject({ ok: true });
    expect(vector.scheme.verify(request, [randomSecret()], nowMs)).toMatchObject({ ok: false });
    const changed = { ...request, body: Buffer.concat([request.body, Buffer.from(" ")]) };
    expect(vector.scheme.verify(changed, [vector.secret], nowMs)).toMatchObject({ ok: false });
    if (vector.signable === false) return;
    const id = vector.headers["webhook-id"] ?? vector.headers["svix-id"];
    const signed = vector.scheme.sign(request, vector.secret, (vector.at ?? 0) * 1000, id === undefined ? {} : { id });
    expect(Object.values(signed)).toContain(vector.signature);
  });
});

const GENERAL: SignatureScheme = hmacScheme({
  header: "X-Sig",
  algorithm: "sha384",
  encoding: "base64url",
  prefix: "mac ",
  id: "X-Id",
  timestamp: { header: "X-At", format: "iso" },
  content: parseContent("{id}|{timestamp}|{url}|{body}") as SignedContent,
});
const SCHEMES = [...PRESET_NAMES.map((name) => [name, SIGNATURE_PRESETS[name]] as const), ["hmac", GENERAL] as const];
const TIMED = SCHEMES.filter(([name]) => !["github", "shopify", "twilio"].includes(name));

const FORM_BODY = Buffer.from("b=2&a=1");
const plain: SignedRequest = {
  url: "https://hooks.example/triggers/x?y=1",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: FORM_BODY,
};
const signedBy = (scheme: SignatureScheme, secret: string, request = plain): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...lower(scheme.sign(request, secret, NOW)) },
});

describe.each(SCHEMES)("%s", (name, scheme) => {
  test("verifies what it signs, whatever the bytes", () => {
    const secret = randomSecret();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const body = name === "twilio" ? Buffer.from(`data=${Buffer.from(bytes).toString("hex")}`) : bytes;
        const request = signedBy(scheme, secret, { ...plain, body });
        expect(scheme.verify(request, [secret], NOW)).toMatchObject({ ok: true });
      }),
      { numRuns: 50 },
    );
  });

  test("takes any of several secrets, and fails without one", () => {
    const [old, next] = [randomSecret(), randomSecret()];
    expect(scheme.verify(signedBy(scheme, old), [next, old], NOW)).toMatchObject({ ok: true });
    expect(scheme.verify(signedBy(scheme, next), [next, old], NOW)).toMatchObject({ ok: true });
    expect(scheme.verify(signedBy(scheme, old), [next], NOW)).toMatchObject({ ok: false });
    expect(scheme.verify(signedBy(scheme, old), [], NOW)).toEqual({
      ok: false,
      reason: "no secret is set to check the signature with",
    });
  });

  test("refuses a request without its headers, with empty ones, or with each of them twice", () => {
    const secret = randomSecret();
    expect(scheme.verify(plain, [secret], NOW)).toMatchObject({ ok: false });
    const request = signedBy(scheme, secret);
    for (const header of scheme.headers.filter((one) => request.headers[one] !== undefined)) {
      const value = request.headers[header] as string;
      const without = { ...request, headers: { ...request.headers, [header]: "" } };
      expect(scheme.verify(without, [secret], NOW)).toMatchObject({ ok: false });
      for (const forged of ["x", `x${value}`, value.slice(0, -3)]) {
        const other = { ...request, headers: { ...request.headers, [header]: forged } };
        expect({ forged, ...scheme.verify(other, [secret], NOW) }).toMatchObject({ forged, ok: false });
      }
    }
  });

  test("says nothing of secrets or signatures in its reasons", () => {
    const secret = randomSecret();
    const request = signedBy(scheme, secret);
    const outcome = scheme.verify({ ...request, body: Buffer.from("other=1") }, [randomSecret()], NOW);
    expect(outcome.ok).toBe(false);
    const text = JSON.stringify(outcome);
    for (const header of scheme.headers) {
      const value = request.headers[header];
      if (value !== undefined) expect(text).not.toContain(value);
    }
    expect(text).not.toContain(secret);
  });
});

describe.each(TIMED)("%s ages", (_name, scheme) => {
  test("within the tolerance on both sides, and not beyond", () => {
    const secret = randomSecret();
    const request = signedBy(scheme, secret);
    for (const ok of [-299_000, 299_000])
      expect(scheme.verify(request, [secret], NOW + ok)).toMatchObject({ ok: true });
    expect(scheme.verify(request, [secret], NOW + 302_000)).toEqual({
      ok: false,
      reason: "the signed time is 302 s old; 300 s are tolerated",
    });
    expect(scheme.verify(request, [secret], NOW - 302_000)).toEqual({
      ok: false,
      reason: "the signed time is 302 s in the future; 300 s are tolerated",
    });
    expect(scheme.verify(request, [secret], NOW + 20_000, { toleranceMs: 10_000 })).toMatchObject({ ok: false });
  });

  test("the signed time cannot be moved", () => {
    const secret = randomSecret();
    const headers = Object.fromEntries(
      Object.entries(signedBy(scheme, secret).headers).map(([name, value]) => [
        name,
        String(value)
          .replace(String(NOW / 1000), String(NOW / 1000 + 1))
          .replace("04:05", "04:06"),
      ]),
    );
    expect(scheme.verify({ ...plain, headers }, [secret], NOW)).toMatchObject({ ok: false });
  });

  test("a repetition has the first delivery's id", () => {
    const secret = randomSecret();
    const request = signedBy(scheme, secret);
    const first = scheme.verify(request, [secret], NOW);
    expect(first).toMatchObject({ ok: true, deliveryId: expect.stringMatching(/.{10}/) });
    expect(scheme.verify(request, [secret], NOW + 100_000)).toEqual(first);
    const later = lower(scheme.sign(plain, secret, NOW + 1000));
    const second = scheme.verify({ ...plain, headers: { ...plain.headers, ...later } }, [secret], NOW + 1000);
    expect(second).toMatchObject({ ok: true });
    expect(second).not.toEqual(first);
  });
});

test("stripe takes no signature of the scheme that has no secret", () => {
  const { stripe } = SIGNATURE_PRESETS;
  const secret = randomSecret();
  const headers = lower(stripe.sign(plain, secret, NOW));
  const renamed = headers["stripe-signature"]?.replace("v1=", "v0=") ?? "";
  expect(stripe.verify({ ...plain, headers: { "stripe-signature": renamed } }, [secret], NOW)).toMatchObject({
    ok: false,
  });
});

test("twilio's body that is no form counts by its hash alone", () => {
  const { twilio } = SIGNATURE_PRESETS;
  const secret = randomSecret();
  const json = { ...plain, headers: { "content-type": "application/json" }, body: Buffer.from("{}") };
  expect(twilio.verify(signedBy(twilio, secret, json), [secret], NOW)).toMatchObject({
    ok: false,
    reason: "the body is no form, and the URL has no bodySHA256 that would sign it",
  });
});

test("ids that senders put on deliveries are found", () => {
  const secret = randomSecret();
  const cases = {
    github: "x-github-delivery",
    shopify: "x-shopify-webhook-id",
    "standard-webhooks": "webhook-id",
  } as const;
  for (const [name, header] of Object.entries(cases)) {
    const scheme = SIGNATURE_PRESETS[name as keyof typeof cases];
    const headers = lower(scheme.sign(plain, secret, NOW, { id: "delivery-1" }));
    expect(headers[header]).toBe("delivery-1");
    expect(scheme.verify({ ...plain, headers }, [secret], NOW)).toEqual({ ok: true, deliveryId: "delivery-1" });
  }
});

test("standard-webhooks signs with base64 secrets only, and again with the names that the request has", () => {
  const scheme = SIGNATURE_PRESETS["standard-webhooks"];
  expect(() => scheme.sign(plain, "not base64!", NOW)).toThrow(/base64/);
  expect(scheme.verify(plain, ["not base64!"], NOW)).toMatchObject({
    ok: false,
    reason: expect.stringContaining("base64"),
  });
  const svix = { ...plain, headers: { "svix-signature": "v1,old" } };
  expect(Object.keys(scheme.sign(svix, randomSecret(), NOW))).toEqual(["svix-id", "svix-timestamp", "svix-signature"]);
});

test("a content template names its parts", () => {
  expect(parseContent("v0:{timestamp}:{body}")).toEqual(["v0:", { name: "timestamp" }, ":", { name: "body" }]);
  expect(parseContent("{body}")).toEqual([{ name: "body" }]);
  expect(parseContent("{bdy}")).toEqual({ unknown: "bdy" });
});
