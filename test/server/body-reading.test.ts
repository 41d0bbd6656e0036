import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import { readBody, type ReceivedBody } from "../../src/server/body.ts";

const LIMIT = 1_000;

type Outcome = ReceivedBody | { readonly error: unknown };

let server: Server;
let outcomes: Outcome[] = [];
let waiting: (() => void)[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    readBody(request, LIMIT)
      .then(
        (received): Outcome => received,
        (error: unknown): Outcome => ({ error }),
      )
      .then((result) => {
        outcomes.push(result);
        waiting.shift()?.();
        const failed = "error" in result && result.error instanceof WfError ? result.error : undefined;
        response.writeHead(failed?.status ?? 200, { Connection: "close" }).end(failed?.code);
      })
      .catch((error: unknown) => response.destroy(error as Error));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends bytes of HTTP as they are. */
async function raw(...pieces: (string | Buffer)[]): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return socket;
}

function outcome(): Promise<Outcome> {
  return new Promise((resolve) => {
    const take = (): void => resolve(outcomes.shift() as Outcome);
    if (outcomes.length > 0) take();
    else waiting.push(take);
  });
}

async function send(head: string, ...pieces: (string | Buffer)[]): Promise<Outcome> {
  outcomes = [];
  waiting = [];
  const socket = await raw(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`, ...pieces);
  const result = await outcome();
  socket.destroy();
  return result;
}

function sized(bytes: Buffer, encoding: string): Promise<Outcome> {
  return send(`Content-Length: ${bytes.length}\r\nContent-Encoding: ${encoding}`, bytes);
}

function code(result: Outcome): string {
  return "error" in result ? (result.error as WfError).code : "none";
}

describe("reading a body", () => {
  test("keeps the bytes exactly, in one piece or many", async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    expect(await send("Content-Length: 5", bytes)).toEqual({ raw: bytes, decoded: bytes });
    const chunked = await send("Transfer-Encoding: chunked", "3\r\nabc\r\n", "2\r\nde\r\n", "0\r\n\r\n");
    expect(chunked).toEqual({ raw: Buffer.from("abcde"), decoded: Buffer.from("abcde") });
    expect(await send("Content-Length: 0")).toEqual({ raw: Buffer.alloc(0), decoded: Buffer.alloc(0) });
  });

  test("refuses an announced size before any byte of it came", async () => {
    expect(code(await send("Content-Length: 1001"))).toBe("BODY_TOO_LARGE");
  });

  test("takes exactly the limit, and refuses one byte more while it streams", async () => {
    expect(code(await send("Content-Length: 1000", "x".repeat(1_000)))).toBe("none");
    expect(code(await send("Transfer-Encoding: chunked", `3e9\r\n${"x".repeat(1_001)}\r\n`))).toBe("BODY_TOO_LARGE");
  });

  test("answers a client that is still sending too much", async () => {
    outcomes = [];
    const socket = await raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n", "x".repeat(20_000));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 [^]*BODY_TOO_LARGE/);
    socket.destroy();
  });

  test("rejects when the client goes away, and the server lives on", async () => {
    outcomes = [];
    const socket = await raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n", "half");
    socket.resetAndDestroy();
    expect(code(await outcome())).toBe("BODY_MALFORMED");
    expect(code(await send("Content-Length: 1", "x"))).toBe("none");
  });
});

describe("content encodings", () => {
  const text = Buffer.from("hello ".repeat(20));

  test.each<[string, Buffer]>([
    ["gzip", gzipSync(text)],
    ["X-GZIP", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["deflate", deflateRawSync(text)],
    ["br", brotliCompressSync(text)],
    ["identity", text],
    ["gzip, br", brotliCompressSync(gzipSync(text))],
  ])("%s is undone and the raw bytes are kept", async (encoding, bytes) => {
    expect(await sized(bytes, encoding)).toEqual({ raw: bytes, decoded: text });
  });

  test("a bomb is refused by what comes out of it", async () => {
    for (const [encoding, bytes] of [
      ["gzip", gzipSync(Buffer.alloc(100_000))],
      ["br", brotliCompressSync(Buffer.alloc(10_000_000))],
      ["deflate", deflateSync(Buffer.alloc(100_000))],
    ] as const) {
      expect(code(await sized(bytes, encoding))).toBe("BODY_TOO_LARGE");
    }
  });

  test("unknown or too many encodings are refused, as are cut off and wrong ones", async () => {
    expect(code(await sized(text, "zip"))).toBe("ENCODING_UNSUPPORTED");
    expect(code(await sized(text, "gzip, gzip, gzip"))).toBe("ENCODING_UNSUPPORTED");
    expect(code(await sized(gzipSync(text).subarray(0, -9), "gzip"))).toBe("BODY_MALFORMED");
    expect(code(await sized(text, "gzip"))).toBe("BODY_MALFORMED");
    expect(code(await sized(text, "br"))).toBe("BODY_MALFORMED");
  });
});
