import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { testDataFromCapture } from "../../src/capture/test-data.ts";
import { writeTestData } from "../../src/capture/test-data-file.ts";
import { send } from "../../src/commands/send.ts";
import { buildRequest, type TriggerRequestOptions } from "../../src/commands/trigger-request.ts";
import type { Capture, CapturedRequest } from "../../src/engine/captures.ts";
import { SIGNATURE_PRESETS, PRESET_NAMES } from "../../src/signature/presets.ts";
import { hmacScheme } from "../../src/signature/hmac.ts";
import { startEcho, type Echo } from "../echo.ts";
import { createProject, type TestProject } from "../project.ts";

const SECRET = randomBytes(24).toString("base64");
let echo: Echo;
let project: TestProject;
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  echo = await startEcho();
  project = await createProject({
    "workflows/lead.yaml": "trigger: { request: {} }\nsteps: []\n",
    "workflows/payment.yaml": `trigger:
  request:
    auth: { signature: { header: X-Sig, prefix: "v9=", encoding: base64, secret: [SIGNING, OLD] } }
steps: []
`,
    "workflows/call.yaml": `trigger:
  request:
    auth: { signature: { preset: twilio, origin: "https://hooks.example.com", secret: SIGNING } }
steps: []
`,
    "workflows/broken.yaml": "trigger: []\n",
    ".env": `SIGNING=${SECRET}\n`,
  });
});
afterAll(async () => {
  agent.destroy();
  await echo[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
});
beforeEach(() => echo.requests.splice(0));

async function save(request: Partial<CapturedRequest>, name = "real"): Promise<void> {
  const { body = Buffer.alloc(0), ...rest } = request;
  const capture = {
    workflowId: "lead",
    id: "0199f3a2-0000-7000-8000-000000000001",
    receivedAt: "2026-11-23T15:00:00.000Z",
    method: "POST",
    url: "/test/lead",
    headers: [],
    ...rest,
  } as unknown as Capture;
  await writeTestData(project.root, testDataFromCapture(capture, body, name), { overwrite: true });
}

async function trigger(options: TriggerRequestOptions): Promise<CapturedRequest> {
  const request = await buildRequest(echo.url, "lead", { dir: project.root, ...options });
  expect((await send({ ...request, agent })).status).toBe(202);
  const seen = echo.requests.at(-1);
  if (!seen) throw new Error("nothing arrived");
  const own = ["host", "content-length", "connection"];
  return { ...seen, headers: seen.headers.filter(([name]) => !own.includes(name.toLowerCase())) };
}

const boundary = "----x";
const MULTIPART = Buffer.concat([
  Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n`),
  Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="f"; filename="ä.bin"\r\n\r\n`),
  randomBytes(500),
  Buffer.from(`\r\n--${boundary}--\r\n`),
]);

it.each<[string, string, Buffer]>([
  ["JSON with odd white space", "application/json", Buffer.from('\r\n{ "a" :\t1.0e0,"b":"\\u00e4" }\n\n')],
  ["invalid UTF-8", "application/json", Buffer.from([0x7b, 0xff, 0xfe, 0x0d, 0x0a, 0x7d])],
  ["a byte order mark", "text/plain", Buffer.from("\uFEFFhello\r\n")],
  ["binary", "application/octet-stream", randomBytes(2_000)],
  ["multipart with a file", `multipart/form-data; boundary=${boundary}`, MULTIPART],
  ["gzip", "application/json", gzipSync("{}")],
  ["nothing", "text/plain", Buffer.alloc(0)],
])("sends saved %s byte for byte", async (_what, type, body) => {
  const headers: [string, string][] = [
    ["X-Many", "1"],
    ["Content-Type", type],
    ["x-many", "2"],
    ["X-Latin", "caf\u00e9"],
  ];
  await save({ headers, body, url: "/test/lead?a=%7e&b=%22x'&c=\"<{^&&d" });
  const seen = await trigger({ testData: "real" });
  expect(seen).toEqual({ method: "POST", url: "/triggers/lead?a=%7e&b=%22x'&c=\"<{^&&d", headers, body });
});

it("sends any saved request as it came: query, header list and body", async () => {
  const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/).map((name) => `X-${name}`);
  const value = fc.stringMatching(/^(?:[!-~\u00a1-\u00ff](?:[\t -~\u00a1-\u00ff]{0,20}[!-~\u00a1-\u00ff])?)?$/);
  const query = fc.stringMatching(/^[!"$-~]{0,30}$/);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(token, value), { maxLength: 5 }),
      query,
      fc.uint8Array({ maxLength: 60 }),
      async (headers, search, bytes) => {
        const body = Buffer.from(bytes);
        await save({ headers, url: `/test/lead?${search}`, body });
        const url = search === "" ? "/triggers/lead" : `/triggers/lead?${search}`;
        expect(await trigger({ testData: "real" })).toEqual({ method: "POST", url, headers, body });
      },
    ),
    { numRuns: 60 },
  );
});

it("leaves the old connection's fields away and measures the body anew", async () => {
  const headers: [string, string][] = [
    ["Host", "old.example.com"],
    ["Connection", "close, X-Hop"],
    ["X-Hop", "1"],
    ["Transfer-Encoding", "chunked"],
    ["Expect", "100-continue"],
    ["X-Kept", "1"],
  ];
  await save({ headers, body: Buffer.from("hello") });
  expect((await trigger({ testData: "real" })).headers).toEqual([["X-Kept", "1"]]);
  const all = new Map(echo.requests.at(-1)?.headers.map(([name, value]) => [name.toLowerCase(), value]));
  expect(all.get("host")).toBe(echo.url.host);
  expect(all.get("content-length")).toBe("5");
});

it("changes saved data by options", async () => {
  await save({
    headers: [
      ["Content-Type", "application/json"],
      ["X-Id", "1"],
    ],
    body: Buffer.from('{"email":"a@b.co","tags":["x"]}'),
    url: "/test/lead?source=web&page=1",
  });
  const seen = await trigger({
    testData: "real",
    method: "put",
    query: ["page=2", "page=3"],
    header: ["x-id: 9"],
    set: ["body.email=c@d.co", "body.seats:=3", "query.source=app"],
    unset: ["body.tags"],
    idempotencyKey: "k-1",
  });
  expect(seen).toEqual({
    method: "PUT",
    url: "/triggers/lead?source=app&page=2&page=3",
    headers: [
      ["Content-Type", "application/json"],
      ["x-id", "9"],
      ["idempotency-key", "k-1"],
    ],
    body: Buffer.from('{"email":"c@d.co","seats":3}'),
  });
  const other = await trigger({ testData: "real", data: "<lead/>", header: ["content-type: text/xml"] });
  expect(other.body.toString()).toBe("<lead/>");
});

it("builds a JSON body from nothing but --set", async () => {
  const seen = await trigger({ set: ["body.email=a@b.co", "body.items[0].qty:=2"] });
  expect(seen.body.toString()).toBe('{"email":"a@b.co","items":[{"qty":2}]}');
  expect(seen.headers).toEqual([["content-type", "application/json"]]);
});

it.each([...PRESET_NAMES, "hmac:X-Signature"] as const)("signs saved data anew: %s", async (preset) => {
  const body = Buffer.from('{ "amount": 1.0 }\n');
  const stale: [string, string][] = [
    ["Stripe-Signature", "t=1,v1=00"],
    ["X-Hub-Signature-256", "sha256=00"],
    ["X-Slack-Request-Timestamp", "1"],
    ["X-Slack-Signature", "v0=00"],
    ["X-Twilio-Signature", "AA=="],
    ["webhook-signature", "v1,AA=="],
    ["X-Signature", "00"],
  ];
  const form = preset === "twilio";
  const type = form ? "application/x-www-form-urlencoded" : "application/json";
  await save({ headers: [["Content-Type", type], ...stale], body: form ? Buffer.from("b=2&a=1") : body });
  const edit = form ? "body.a=2" : "body.amount:=2";
  const seen = await trigger({ testData: "real", set: [edit], sign: preset, secret: "SIGNING" });
  const scheme = preset === "hmac:X-Signature" ? hmacScheme({ header: "X-Signature" }) : SIGNATURE_PRESETS[preset];
  const headers = Object.fromEntries(seen.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const received = { url: echo.url.origin + seen.url, headers, body: seen.body };
  expect(scheme.verify(received, [SECRET], Date.now())).toMatchObject({ ok: true });
  expect(scheme.verify(received, [randomBytes(24).toString("base64")], Date.now())).toMatchObject({ ok: false });
  for (const name of scheme.headers) {
    expect(seen.headers.filter(([one]) => one.toLowerCase() === name).length, name).toBeLessThan(2);
  }
});

it("signs as the workflow's auth says", async () => {
  const request = await buildRequest(echo.url, "payment", { dir: project.root, data: "{}", sign: true });
  const scheme = hmacScheme({ header: "X-Sig", prefix: "v9=", encoding: "base64" });
  const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const body = Buffer.from("{}");
  expect(scheme.verify({ url: "", headers, body }, [SECRET], Date.now())).toMatchObject({ ok: true });
});

it("takes the secret, and the address that the sender calls, from the workflow's auth where only a preset is named", async () => {
  const request = await buildRequest(echo.url, "call", { dir: project.root, query: ["a=1"], sign: "twilio" });
  const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const received = { url: "https://hooks.example.com/triggers/call?a=1", headers, body: Buffer.alloc(0) };
  expect(SIGNATURE_PRESETS.twilio.verify(received, [SECRET], Date.now())).toMatchObject({ ok: true });
});

it.each([
  ["lead", "USAGE"],
  ["paymnet", "WORKFLOW_NOT_FOUND"],
  ["broken", "WORKFLOW_INVALID"],
])("cannot sign as the auth of %s says", async (workflow, code) => {
  const built = buildRequest(echo.url, workflow, { dir: project.root, data: "{}", sign: true });
  await expect(built).rejects.toMatchObject({ code });
});

it("needs no secret for a signature that is made anew", async () => {
  const headers: [string, string][] = [["X-Hub-Signature-256", "${{ secrets.X_HUB_SIGNATURE_256 }}"]];
  await project.write(
    "workflows/lead.testdata/redacted.yaml",
    `request: { headers: ${JSON.stringify(headers)} }
captured: { at: 2026-11-23T15:00:00.000Z, id: x }
redacted: { headers.x-hub-signature-256: [X_HUB_SIGNATURE_256] }
`,
  );
  await expect(trigger({ testData: "redacted" })).rejects.toMatchObject({
    code: "SECRET_MISSING",
    hint: expect.stringContaining("--sign") as string,
  });
  expect(echo.requests).toEqual([]);
  const seen = await trigger({ testData: "redacted", sign: "github", secret: "SIGNING" });
  expect(seen.headers[0]?.[1]).toMatch(/^sha256=[0-9a-f]{64}$/);
});

it.each<[string, TriggerRequestOptions, string, string]>([
  ["an unknown preset", { sign: "stripey", secret: "SIGNING" }, "USAGE", "Did you mean `stripe`?"],
  ["a preset without a secret", { sign: "stripe" }, "USAGE", "Add --secret NAME"],
  ["a secret without a preset", { secret: "SIGNING" }, "USAGE", "options"],
  ["a secret that is not set", { sign: "stripe", secret: "NOT_SET_HERE" }, "SECRET_MISSING", ".env"],
  ["test data that is not there", { testData: "rael" }, "TEST_DATA_NOT_FOUND", "Did you mean `real`?"],
])("refuses %s", async (_what, options, code, hint) => {
  await save({});
  await expect(buildRequest(echo.url, "lead", { dir: project.root, ...options })).rejects.toMatchObject({
    code,
    hint: expect.stringContaining(hint) as string,
  });
});

it("names the nearest workflow when test data is asked of one that is not there", async () => {
  const build = buildRequest(echo.url, "laed", { dir: project.root, testData: "real" });
  await expect(build).rejects.toMatchObject({ code: "WORKFLOW_NOT_FOUND", hint: "Did you mean `lead`?" });
});
