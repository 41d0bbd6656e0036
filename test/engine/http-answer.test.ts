import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import { FileValue } from "../../src/value.ts";
import {
  computed,
  effectCall,
  failureFrom,
  httpStep,
  literal,
  openHttp,
  outputOf,
  startPeer,
} from "./effect-fixture.ts";
import type { Peer } from "./effect-fixture.ts";

function answering(headers: Record<string, string | string[]>, body: string | Buffer, status = 200): Promise<Peer> {
  return startPeer((_request, response) => {
    response.writeHead(status, headers).end(body);
  });
}

test.each([
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["deflate", deflateRawSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
  ["gzip, br", (bytes: Buffer) => brotliCompressSync(gzipSync(bytes))],
])("decodes %s", async (encoding, encode) => {
  const peer = await answering(
    { "content-type": "application/json", "content-encoding": encoding },
    encode(Buffer.from('{"a":[1]}')),
  );
  const { http } = openHttp();
  expect(outputOf(await http(httpStep(peer.url), effectCall())).body).toEqual({ a: [1] });
});

test("the limit counts decoded bytes", async () => {
  const peer = await answering(
    { "content-type": "text/plain", "content-encoding": "gzip" },
    gzipSync(Buffer.alloc(50_000_000)),
  );
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(peer.url, { maxResponseBytes: 100_000 }), effectCall()));
  expect(outcome).toMatchObject({ error: { code: "HTTP_RESPONSE_TOO_LARGE" }, retryable: false });
});

test("a file over the limit leaves nothing behind", async () => {
  const peer = await answering({ "content-type": "application/pdf" }, Buffer.alloc(300_000));
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(peer.url, { maxResponseBytes: 100_000 }), effectCall()));
  expect(outcome.error.code).toBe("HTTP_RESPONSE_TOO_LARGE");
});

test.each([
  ["JSON", "application/json", '{"a":', "not valid JSON"],
  ["UTF-8", "application/json", Buffer.from([0x22, 0xff, 0x22]), "not valid utf-8"],
  ["depth", "application/json", "[".repeat(300) + "]".repeat(300), "nested deeper"],
  ["charset", "text/plain; charset=nonsense", "x", "nonsense"],
])("malformed %s is a failure that is not tried again", async (_name, type, body, message) => {
  const peer = await answering({ "content-type": type }, body);
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(peer.url), effectCall()));
  expect(outcome).toMatchObject({ error: { code: "HTTP_RESPONSE_MALFORMED" }, retryable: false });
  expect(outcome.error.message).toContain(message);
});

test.each(["gzip", "br", "zstd", "deflate", "rot13", "gzip,gzip,gzip,gzip"])(
  "a broken %s encoding is a failure",
  async (encoding) => {
    const peer = await answering({ "content-type": "text/plain", "content-encoding": encoding }, "plainly not encoded");
    const { http } = openHttp();
    expect(failureFrom(await http(httpStep(peer.url), effectCall())).error.code).toBe("HTTP_RESPONSE_MALFORMED");
  },
);

test("reads text in its charset, +json as JSON, and everything else as a file", async () => {
  const { http, files } = openHttp();
  const latin = await answering({ "content-type": "text/plain; charset=iso-8859-1" }, Buffer.from([0xe9]));
  expect(outputOf(await http(httpStep(latin.url), effectCall())).body).toBe("é");
  const problem = await answering({ "content-type": "application/problem+json; charset=utf-8" }, '\ufeff{"a":1}');
  expect(outputOf(await http(httpStep(problem.url), effectCall())).body).toEqual({ a: 1 });
  const pdf = await answering(
    { "content-type": "application/pdf", "content-disposition": 'attachment; filename="../../etc/pass\\\\wd.pdf"' },
    "%PDF",
  );
  const file = outputOf(await http(httpStep(`${pdf.url}/x/report.pdf`), effectCall())).body;
  expect(file).toBeInstanceOf(FileValue);
  expect(file).toMatchObject({ name: "wd.pdf", mimeType: "application/pdf", size: 4 });
  expect((await files.read(file as FileValue)).toString()).toBe("%PDF");
  const unnamed = await answering({}, "bytes");
  expect(outputOf(await http(httpStep(`${unnamed.url}/a/b%20c.bin`), effectCall())).body).toMatchObject({
    name: "b c.bin",
    mimeType: "application/octet-stream",
  });
});

test("`response` forces a kind; an empty answer is null", async () => {
  const { http } = openHttp();
  const json = await answering({ "content-type": "application/json" }, "{}");
  expect(outputOf(await http(httpStep(json.url, { response: "text" }), effectCall())).body).toBe("{}");
  expect(outputOf(await http(httpStep(json.url, { response: "file" }), effectCall())).body).toBeInstanceOf(FileValue);
  const empty = await answering({ "content-type": "application/json", "set-cookie": ["a=1", "b=2"] }, "");
  const output = outputOf(await http(httpStep(empty.url), effectCall()));
  expect(output.body).toBeNull();
  expect(output.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(outputOf(await http(httpStep(json.url, { method: "HEAD" }), effectCall())).body).toBeNull();
});

test.each([
  [404, false],
  [408, true],
  [429, true],
  [503, true],
])("status %i is a failure, tried again: %s", async (status, retryable) => {
  const peer = await answering({ "content-type": "application/json", "retry-after": "7" }, '{"why":"no"}', status);
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(`${peer.url}/?token=hush`), effectCall()));
  expect(outcome).toMatchObject({
    error: { code: "HTTP_STATUS", details: { statusCode: status, body: { why: "no" } } },
    retryable,
    retryAfterMs: 7000,
  });
  expect(outcome.error.message).toBe(`GET 127.0.0.1:${peer.port} answered ${status}.`);
});

test("a large error body is cut", async () => {
  const peer = await answering({ "content-type": "text/html" }, "x".repeat(500_000), 500);
  const { http } = openHttp();
  const { error } = failureFrom(await http(httpStep(peer.url), effectCall()));
  expect(error.details?.["body"]).toHaveLength(64_000);
});

test("names host and reason when nobody answers, and lets it be tried again", async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => {
    closed.listen(0, "127.0.0.1", resolve);
  });
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => {
    closed.close(resolve);
  });
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(`http://127.0.0.1:${port}/?q=hush`), effectCall()));
  expect(outcome.error).toEqual({
    code: "HTTP_FAILED",
    message: `GET 127.0.0.1:${port} failed: connection refused (ECONNREFUSED).`,
  });
  expect(outcome.retryable).toBe(true);
});

test.each([
  ["breaks off", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"],
  ["is not HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
  ["says nothing", ""],
])("an answer that %s is a network failure", async (_name, bytes) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => void server.close());
  const { http } = openHttp();
  const { port } = server.address() as AddressInfo;
  const outcome = failureFrom(await http(httpStep(`http://127.0.0.1:${port}`), effectCall()));
  expect(outcome).toMatchObject({ error: { code: "HTTP_FAILED" }, retryable: true });
});

test("a signal ends the request with its own error", async () => {
  const control = new AbortController();
  const peer = await startPeer(() => control.abort(new WfError("STEP_TIMEOUT", "late")));
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(peer.url), effectCall({ signal: control.signal })));
  expect(outcome).toMatchObject({ error: { code: "STEP_TIMEOUT", message: "late" }, retryable: true });
});

test("a signal ends an answer that never ends", async () => {
  const control = new AbortController();
  const peer = await startPeer((_request, response) => {
    response.writeHead(200, { "content-type": "application/pdf" }).write("x", () => control.abort());
  });
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(peer.url), effectCall({ signal: control.signal })));
  expect(outcome).toMatchObject({ error: { code: "EXECUTION_CANCELLED" }, retryable: false });
});

test("joins pages until no token comes, each with a key of its own", async () => {
  const peer = await startPeer((request, response) => {
    const at = Number(new URL(request.url, "http://h").searchParams.get("cursor") ?? "0");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ list: [at, at + 0.5], ...(at < 3 ? { next: at + 1 } : {}) }));
  });
  const { http } = openHttp();
  const page = (key: string) =>
    computed((scope) => {
      const body = (scope["page"] as { body: Record<string, unknown> }).body;
      if (!(key in body)) throw new WfError("EXPRESSION_FAILED", `no ${key}`);
      return body[key] as never;
    });
  const paginate = {
    items: page("list"),
    token: page("next"),
    in: { kind: "query", name: "cursor" },
    maxPages: 100,
  } as const;
  const step = httpStep(`${peer.url}/?a=1`, { paginate });
  expect(outputOf(await http(step, effectCall())).body).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]);
  expect(peer.received.map(({ url }) => url)).toEqual(["/?a=1", "/?a=1&cursor=1", "/?a=1&cursor=2", "/?a=1&cursor=3"]);
  expect(peer.received.map(({ headers }) => headers["idempotency-key"])).toEqual([
    "e-1:call",
    "e-1:call:page-2",
    "e-1:call:page-3",
    "e-1:call:page-4",
  ]);
  const short = await http(httpStep(peer.url, { paginate: { ...paginate, maxPages: 2 } }), effectCall());
  expect(outputOf(short).body).toEqual([0, 0.5, 1, 1.5]);
  expect(short.logs).toEqual(["Stopped after 2 pages (max_pages); the server has more."]);
  const until = computed((scope) => scope["pages"] === 3);
  expect(
    outputOf(await http(httpStep(peer.url, { paginate: { ...paginate, until } }), effectCall())).body,
  ).toHaveLength(6);
  expect(failureFrom(await http(httpStep(peer.url, { paginate, maxResponseBytes: 60 }), effectCall())).error.code).toBe(
    "HTTP_RESPONSE_TOO_LARGE",
  );
  const stuck = { ...paginate, token: computed(() => "same") };
  expect(failureFrom(await http(httpStep(peer.url, { paginate: stuck }), effectCall())).error.message).toContain(
    "twice",
  );
  const noList = { ...paginate, items: computed(() => "x") };
  expect(failureFrom(await http(httpStep(peer.url, { paginate: noList }), effectCall())).error.code).toBe(
    "STEP_INVALID",
  );
});

test("a next URL on another origin gets no credentials and no private address", async () => {
  const other = await startPeer((_request, response) => {
    response.setHeader("content-type", "application/json").end("{}");
  });
  const peer = await startPeer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ next: request.url === "/" ? "/2" : `${other.url}/3` }));
  });
  const paginate = {
    items: computed(() => []),
    token: computed((scope) => (scope["page"] as { body: { next?: string } }).body.next ?? null),
    in: { kind: "url" },
    maxPages: 100,
  } as const;
  const step = httpStep(peer.url, { paginate, auth: { kind: "bearer", token: literal("t") } });
  expect(failureFrom(await openHttp().http(step, effectCall())).error.code).toBe("ADDRESS_REFUSED");
  expect(peer.received.map(({ headers }) => headers.authorization)).toEqual(["Bearer t", "Bearer t"]);
  outputOf(await openHttp({ allowPrivate: [`127.0.0.1:${other.port}`] }).http(step, effectCall()));
  expect(other.received.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});
