/** The test URL on a real port, its captures in a real SQLite file, read through the client of the commands. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { CaptureClient } from "../../src/capture/capture-client.ts";
import type { Capture, CaptureStore } from "../../src/engine/captures.ts";
import type { CaptureBounds } from "../../src/engine/embedded/options.ts";
import { openCapturesToRead } from "../../src/engine/embedded/captures.ts";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import { interpret } from "../../src/engine/interpret.ts";
import type { Scrub } from "../../src/engine/record.ts";
import { createLog } from "../../src/log.ts";
import type { Authenticate } from "../../src/server/server-context.ts";
import { createServer } from "../../src/server/server.ts";
import { exchange, post, TOKEN } from "./server-fixture.ts";
import { NO_EFFECTS, parse } from "./workflow-fixture.ts";

const HOOK = `
trigger:
  request:
    body: { email: { type: email } }
steps: []
`;

const ANYTHING = "trigger: { request: {} }\nsteps: []\n";

interface Served {
  readonly url: string;
  readonly port: number;
  readonly captures: CaptureStore;
  readonly client: CaptureClient;
  /** Resolves with the newest captures once so many are settled. */
  readonly settled: (count: number) => Promise<readonly Capture[]>;
  readonly close: () => Promise<void>;
}

async function serve(
  directory: string,
  options: {
    yaml?: string;
    bounds?: CaptureBounds;
    authenticate?: Authenticate;
    host?: string;
    port?: number;
    scrub?: Scrub;
  } = {},
): Promise<Served> {
  const definition = parse("hook", options.yaml ?? HOOK);
  const engine = await openEmbeddedEngine({
    directory,
    walk: (one, context) => interpret(one, context, NO_EFFECTS),
    parse: (source) => parse(source.workflowId, source.yaml),
    retentionMs: 86_400_000,
    ...(options.bounds && { captures: options.bounds }),
    ...(options.scrub && { scrub: options.scrub }),
  });
  const limits = { responseTimeoutMs: 5_000, maxBodyBytes: 10_000_000, maxExecutions: 1_000, drainMs: 2_000 };
  const server = createServer({
    engine,
    captures: engine.captures,
    definitions: () => new Map([["hook", definition]]),
    isBroken: (id) => id === "broken",
    settings: { project: "demo", host: options.host ?? "127.0.0.1", port: options.port ?? 0, ...limits },
    localToken: TOKEN,
    log: createLog({ stream: { write: () => true } }),
    ...(options.authenticate && { authenticate: options.authenticate }),
  });
  const { url } = await server.listen();
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await server.close();
    await engine.close();
  };
  onTestFinished(close);
  const { captures } = engine;
  const settled = (count: number): Promise<readonly Capture[]> =>
    vi.waitFor(async () => {
      const { items } = await captures.list({ workflowId: "hook", limit: 1_000 });
      expect(items.filter(({ answer }) => answer !== null)).toHaveLength(count);
      return items;
    }, 10_000);
  const client = new CaptureClient({ url, project: "demo", token: TOKEN }, "hook");
  return { url, port: Number(new URL(url).port), captures, client, settled, close };
}

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "wf-captures-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

test("a request is kept as it came: order, case and repeats of its headers, its bytes, its query", async () => {
  const { port, client, settled } = await serve(await folder(), { yaml: ANYTHING });
  const body = Buffer.concat([
    Buffer.from('{ "email" :\t"a@b.co",  "x":"'),
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from('"}'),
  ]);
  const head = [
    "PUT /test/hook?a=1&a=%20&&b HTTP/1.1",
    "Host: localhost",
    "X-Twice: one",
    "x-TWICE: two",
    "CONTENT-type: application/octet-stream",
    `Content-Length: ${body.length}`,
    "Connection: close",
    "",
    "",
  ].join("\r\n");
  const answer = await exchange(port, Buffer.concat([Buffer.from(head), body]));
  expect(answer).toMatch(/^HTTP\/1\.1 202 /);

  const [capture] = await settled(1);
  expect(capture).toMatchObject({
    workflowId: "hook",
    method: "PUT",
    url: "/test/hook?a=1&a=%20&&b",
    headers: [
      ["Host", "localhost"],
      ["X-Twice", "one"],
      ["x-TWICE", "two"],
      ["CONTENT-type", "application/octet-stream"],
      ["Content-Length", String(body.length)],
      ["Connection", "close"],
    ],
    bodySize: body.length,
    verdict: { kind: "accepted" },
    answer: { status: 202 },
    signature: null,
    savedAs: null,
  });
  expect(await client.body(capture?.id ?? "")).toEqual(body);
});

test("chunked, empty, large and undecodable bodies of any method are kept", async () => {
  const { url, port, client, settled } = await serve(await folder(), { yaml: ANYTHING });
  const chunked =
    "POST /test/hook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
    "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n";
  await exchange(port, chunked);
  await fetch(`${url}/test/hook`);
  await fetch(`${url}/test/hook`, { method: "DELETE" });
  const large = Buffer.alloc(9_999_999, 7);
  expect((await fetch(`${url}/test/hook`, { method: "PATCH", body: large })).status).toBe(202);
  const compressed = { method: "POST", headers: { "content-encoding": "snappy" }, body: "raw" };
  expect((await fetch(`${url}/test/hook`, compressed)).status).toBe(415);

  const items = (await settled(5)).toReversed();
  const bodies = await Promise.all(items.map(({ id }) => client.body(id)));
  expect(items.map(({ method }) => method)).toEqual(["POST", "GET", "DELETE", "PATCH", "POST"]);
  expect(bodies[0]?.toString()).toBe("abcdefg");
  expect(bodies[1]).toHaveLength(0);
  expect(bodies[3]?.equals(large)).toBe(true);
  expect(bodies[4]?.toString()).toBe("raw");
  expect(items[4]?.verdict).toMatchObject({ kind: "refused", code: "ENCODING_UNSUPPORTED" });
});

test("a request that breaks a rule is answered as always, and kept with its verdict", async () => {
  const { url, settled } = await serve(await folder());
  const response = await post(`${url}/test/hook`, { email: "nobody" });
  expect(response.status).toBe(400);
  const [capture] = await settled(1);
  expect(capture?.verdict).toMatchObject({ kind: "refused", code: "REQUEST_INVALID", errors: [{ path: "email" }] });
  expect(capture?.executionId).toBeNull();
  expect(capture?.answer).toMatchObject({ status: 400, text: await response.text() });
});

test("HEAD and a browser's preflight are kept and run nothing", async () => {
  const { url, settled } = await serve(await folder());
  expect((await fetch(`${url}/test/hook`, { method: "HEAD" })).status).toBe(200);
  const preflight = { method: "OPTIONS", headers: { "access-control-request-method": "POST" } };
  expect((await fetch(`${url}/test/hook`, preflight)).status).toBe(204);
  const [second, first] = await settled(2);
  expect(first).toMatchObject({ method: "HEAD", verdict: { kind: "accepted" }, executionId: null });
  expect(second).toMatchObject({ method: "OPTIONS", verdict: { kind: "accepted" }, answer: { status: 204 } });
});

test("what reaches a workflow that never was without errors is kept; what reaches none is not", async () => {
  const { url, captures } = await serve(await folder());
  const response = await fetch(`${url}/test/broken`, { method: "POST", body: "kept" });
  expect(await response.json()).toMatchObject({ code: "WORKFLOW_INVALID", message: expect.stringContaining("broken") });
  expect((await fetch(`${url}/test/other`, { method: "POST" })).status).toBe(404);
  const items = await vi.waitFor(async () => {
    const page = await captures.list({});
    expect(page.items[0]?.answer).toMatchObject({ status: 500 });
    return page.items;
  });
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({ workflowId: "broken", verdict: { kind: "refused", code: "WORKFLOW_INVALID" } });
  expect((await captures.body(items[0]?.id ?? ""))?.toString()).toBe("kept");
});

test("a body over the limit is refused, and the rest of the request kept", async () => {
  const { url, settled } = await serve(await folder());
  const response = await fetch(`${url}/test/hook`, { method: "POST", body: Buffer.alloc(10_000_001) });
  expect(response.status).toBe(413);
  const [capture] = await settled(1);
  expect(capture).toMatchObject({ bodySize: 0, verdict: { code: "BODY_TOO_LARGE" }, answer: { status: 413 } });
});

test("the answer of a response step is kept as the caller got it", async () => {
  const yaml = `
trigger: { request: {} }
steps:
  - response: { status: 201, headers: { X-Mine: yes }, json: { hello: world } }
`.replace("yes", '"yes"');
  const { url, settled } = await serve(await folder(), { yaml });
  expect((await post(`${url}/test/hook`)).status).toBe(201);
  const [capture] = await settled(1);
  expect(capture?.answer).toMatchObject({ status: 201, text: '{"hello":"world"}', bodySize: 17 });
  expect(new Map(capture?.answer?.headers).get("x-mine")).toBe("yes");
  expect(capture?.executionId).toMatch(/^[0-9a-f-]{36}$/);
});

test("a request without the right signature still runs on this machine, and its capture says so", async () => {
  const yaml = "trigger: { request: { auth: user-token } }\nsteps: []\n";
  let answer: ReturnType<Authenticate> = { ok: false, reason: "wrong" };
  const authenticate: Authenticate = () => answer;
  const { url, settled } = await serve(await folder(), { yaml, authenticate });
  expect((await post(`${url}/test/hook`)).status).toBe(202);
  await settled(1);
  answer = { ok: true };
  await post(`${url}/test/hook`);
  await settled(2);
  answer = { ok: false, reason: "no secret is set", unchecked: true };
  await post(`${url}/test/hook`);
  expect((await settled(3)).map(({ signature }) => signature)).toEqual([null, "valid", "invalid"]);
});

test("on an address that others reach, the test URL asks for what the workflow asks for", async () => {
  const yaml = "trigger: { request: { auth: user-token } }\nsteps: []\n";
  const { port, settled } = await serve(await folder(), { yaml, host: "0.0.0.0" });
  expect((await post(`http://127.0.0.1:${port}/test/hook`)).status).toBe(401);
  expect((await settled(1))[0]).toMatchObject({ signature: "invalid", verdict: { code: "UNAUTHORIZED" } });
});

test("equal idempotency keys start an execution each on the test URL, so that a replay runs", async () => {
  const { url, client, settled } = await serve(await folder());
  await post(`${url}/test/hook?x=1`, { email: "a@b.co" }, { "idempotency-key": "k" });
  const [first] = await settled(1);
  expect((await client.replay(first?.id ?? "")).status).toBe(202);
  const [second] = await settled(2);
  expect(second).toMatchObject({ replayOf: first?.id, url: "/test/hook?x=1", bodyHash: first?.bodyHash });
  expect(second?.executionId).not.toBe(first?.executionId);
  expect(second?.headers).toEqual(first?.headers);
});

test("a replay repeats heads and bodies of every kind, and tells when there is nothing to repeat", async () => {
  const { url, port, client, settled } = await serve(await folder(), { yaml: ANYTHING });
  const head = "Host: localhost\r\nX-b: \u00e9\r\nx-A: 1\r\nX-B: 2\r\nConnection: close\r\n";
  const requests = [
    `POST /test/hook?1 HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n`,
    `GET http://localhost/test/hook?2 HTTP/1.1\r\n${head}\r\n`,
    `HEAD /test/hook?3 HTTP/1.1\r\n${head}\r\n`,
    `PUT /test/hook?4 HTTP/1.1\r\n${head}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n\u0000\u00ff\n`,
  ];
  for (const request of requests) await exchange(port, Buffer.from(request, "latin1"));
  const first = (await settled(requests.length)).toReversed();
  for (const one of first) {
    const { capture: again } = await client.replay(one.id);
    const { method, headers, bodyHash, bodySize } = one;
    expect(again).toMatchObject({ method, url: one.url, headers, bodyHash, bodySize, replayOf: one.id });
    expect(again.answer?.status).toBe(one.answer?.status);
    expect(await client.body(again.id)).toEqual(await client.body(one.id));
  }
  await fetch(`${url}/test/hook`, { method: "POST", body: Buffer.alloc(10_000_001) });
  const [tooLarge] = await settled(2 * requests.length + 1);
  await expect(client.replay(tooLarge?.id ?? "")).rejects.toMatchObject({ code: "BODY_TOO_LARGE" });
});

test("the oldest captures make room, by count and by bytes", async () => {
  const { url, client, settled } = await serve(await folder(), { bounds: { maxPerWorkflow: 4, maxBytes: 2_500 } });
  for (let i = 0; i < 6; i++) await fetch(`${url}/test/hook?${i}`, { method: "POST" });
  expect((await settled(4)).map((one) => one.url.at(-1))).toEqual(["5", "4", "3", "2"]);
  for (let i = 0; i < 3; i++) await fetch(`${url}/test/hook?b${i}`, { method: "POST", body: "x".repeat(1_000) });
  const items = await settled(2);
  expect(items.map((one) => one.url.slice(-2))).toEqual(["b2", "b1"]);
  expect(await client.body(items[0]?.id ?? "")).toHaveLength(1_000);
});

test("narrower bounds make room at the next start, and a listener's place stays known", async () => {
  const directory = await folder();
  const first = await serve(directory);
  for (let i = 0; i < 5; i++) await fetch(`${first.url}/test/hook?${i}`, { method: "POST" });
  const oldest = (await first.settled(5)).at(-1);
  await first.close();
  const second = await serve(directory, { bounds: { maxPerWorkflow: 2 } });
  expect((await second.settled(2)).map(({ url }) => url.at(-1))).toEqual(["4", "3"]);
  const { items } = await second.captures.list({ after: oldest?.id ?? "" });
  expect(items).toHaveLength(2);
});

test("a secret that the workflow answers with is not kept with the answer", async () => {
  const secret = randomUUID();
  const yaml = `trigger: { request: {} }\nsteps: [{ response: { json: { key: ${secret} } } }]\n`;
  const scrub = (text: string): string => text.replaceAll(secret, "[secret]");
  const { url, settled } = await serve(await folder(), { yaml, scrub });
  await post(`${url}/test/hook`);
  expect((await settled(1))[0]?.answer?.text).toBe('{"key":"[secret]"}');
});

test("captures outlive the server, and can be read beside it", async () => {
  const directory = await folder();
  const first = await serve(directory);
  await post(`${first.url}/test/hook`, { email: "a@b.co" });
  const [capture] = await first.settled(1);
  const beside = openCapturesToRead(directory);
  expect(await beside?.get(capture?.id ?? "")).toEqual(capture);
  beside?.close();
  await first.close();
  const second = await serve(directory);
  await post(`${second.url}/test/hook`, { email: "c@d.co" });
  expect((await second.settled(2))[1]).toEqual(capture);
});

test("a listener hears of each capture when it comes and when it is answered, also after the server was away", async () => {
  const { url, client, settled, close } = await serve(await folder());
  const heard: Capture[] = [];
  const links: boolean[] = [];
  const end = client.subscribe(
    (capture) => heard.push(capture),
    (isUp) => links.push(isUp),
  );
  onTestFinished(end);
  await vi.waitFor(() => expect(links).toEqual([true]));
  await post(`${url}/test/hook`, { email: "a@b.co" });
  await settled(1);
  await vi.waitFor(() => expect(heard).toHaveLength(2));
  expect(heard.map(({ answer }) => answer?.status)).toEqual([undefined, 202]);
  await client.markSaved(heard[0]?.id ?? "", "real");
  await vi.waitFor(() => expect(heard.at(-1)?.savedAs).toBe("real"));
  // An open stream does not keep the server from closing.
  await close();
  await vi.waitFor(() => expect(links).toEqual([true, false]));
});

test("a listener hears afterwards of what came while it could not", async () => {
  const directory = await folder();
  const first = await serve(directory);
  const heard: Capture[] = [];
  const links: boolean[] = [];
  const end = first.client.subscribe(
    (capture) => heard.push(capture),
    (isUp) => links.push(isUp),
  );
  onTestFinished(end);
  await vi.waitFor(() => expect(links).toEqual([true]));
  await first.close();
  await vi.waitFor(() => expect(links).toEqual([true, false]));
  const between = await serve(directory);
  await post(`${between.url}/test/hook?1`, { email: "a@b.co" });
  await post(`${between.url}/test/hook?2`, { email: "a@b.co" });
  await between.settled(2);
  await between.close();

  await serve(directory, { port: first.port });
  await vi.waitFor(() => expect(links.at(-1)).toBe(true), 5_000);
  expect(heard.map(({ url }) => url)).toEqual(["/test/hook?1", "/test/hook?2"]);
});

test("captures are for the commands of this machine alone", async () => {
  const { url } = await serve(await folder());
  for (const path of ["", "/stream", "/x", "/x/body"]) {
    expect((await fetch(`${url}/projects/demo/captures${path}`)).status).toBe(401);
  }
  const known = { authorization: `Bearer ${TOKEN}` };
  expect((await fetch(`${url}/projects/demo/captures/x`, { headers: known })).status).toBe(404);
  expect((await fetch(`${url}/projects/demo/captures?limit=0`, { headers: known })).status).toBe(400);
  const foreign = { ...known, origin: "http://evil.example" };
  expect((await fetch(`${url}/projects/demo/captures`, { headers: foreign })).status).toBe(403);
});
