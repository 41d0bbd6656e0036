import { request as send } from "node:http";
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readReceived } from "../../src/server/received-request.ts";
import { FileValue } from "../../src/value.ts";

const LIMIT = 100_000;

function post(headers: readonly (readonly [string, string])[], body: string | Buffer, url = "/test/w") {
  return readReceived({ method: "POST", url, headers, body: Buffer.from(body) }, LIMIT);
}

test("reads query, headers and body as the server does", async () => {
  const request = await post(
    [
      ["Content-Type", "application/json"],
      ["X-A", "1"],
      ["x-a", "2"],
    ],
    '{"a":[1]}',
    "/test/w?q=1&q=2&b=%20#c",
  );
  expect(request).toEqual({
    query: { q: ["1", "2"], b: " " },
    headers: { "content-type": "application/json", "x-a": "1, 2" },
    body: { a: [1] },
    bodyIsText: false,
  });
});

test("joins repeated headers as Node does", async () => {
  const list = [
    ["Host", "127.0.0.1"],
    ["Cookie", "a=1"],
    ["cookie", "b=2"],
    ["Content-Type", "text/plain"],
    ["content-type", "application/json"],
    ["Accept", "a"],
    ["accept", "b"],
    ["Connection", "close"],
  ] as const;
  const { createServer } = await import("node:http");
  const server = createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const outgoing = send({ port, host: "127.0.0.1", headers: list.flat() });
  outgoing.end();
  const [incoming] = (await once(outgoing, "response")) as [AsyncIterable<Buffer>];
  let text = "";
  for await (const piece of incoming) text += String(piece);
  server.close();
  expect(
    (await readReceived({ method: "GET", url: "/", headers: list, body: Buffer.alloc(0) }, LIMIT)).headers,
  ).toEqual(JSON.parse(text));
});

test("undoes content encodings, up to the limit", async () => {
  const headers = [
    ["content-type", "application/json"],
    ["content-encoding", "gzip"],
  ] as const;
  expect((await post(headers, gzipSync('{"a":1}'))).body).toEqual({ a: 1 });
  await expect(post(headers, gzipSync(Buffer.alloc(LIMIT + 1, "1")))).rejects.toMatchObject({ code: "BODY_TOO_LARGE" });
});

test("knows forms, files and requests without a body", async () => {
  expect(await post([["content-type", "application/x-www-form-urlencoded"]], "a=1")).toMatchObject({
    body: { a: "1" },
    bodyIsText: true,
  });
  expect((await post([["content-type", "image/png"]], Buffer.from([0x89, 1]))).body).toBeInstanceOf(FileValue);
  const get = {
    method: "GET",
    url: "/test/w",
    headers: [["content-type", "application/json"]] as const,
    body: Buffer.alloc(0),
  };
  expect((await readReceived(get, LIMIT)).body).toBeNull();
});

test("refuses what the server refuses", async () => {
  await expect(post([["content-type", "application/json"]], "{")).rejects.toMatchObject({ code: "BODY_MALFORMED" });
  await expect(post([], "", "/test/w?%zz")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
});
