import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { Reply } from "../../src/engine/engine.ts";
import { FileValue } from "../../src/value.ts";
import { definitionOf, exchange, post, serve } from "./server-fixture.ts";
import type { Fixture } from "./server-fixture.ts";

type Body = Extract<Reply, { kind: "response" }>["body"];

async function replying(
  body: Body,
  more: { status?: number; headers?: Record<string, string> } = {},
): Promise<Fixture & { readonly trigger: string }> {
  const fixture = await serve([definitionOf({ responds: true, request: { methods: ["POST", "GET"] } })]);
  fixture.engine.reply = () => ({ kind: "response", status: 200, headers: {}, body, ...more });
  return { ...fixture, trigger: `${fixture.url}/triggers/lead-created` };
}

async function withFile(bytes: Buffer, about: { name: string; mimeType: string }, headers = {}) {
  const fixture = await replying({ kind: "empty" });
  const file = await fixture.engine.files.write(bytes, about);
  fixture.engine.reply = () => ({ kind: "response", status: 200, headers, body: { kind: "file", file } });
  return { ...fixture, file };
}

describe("a JSON reply", () => {
  test("shows files by name, type and size, never where their bytes lie", async () => {
    const file = new FileValue({ name: "a.pdf", mimeType: "application/pdf", size: 3, hash: "f".repeat(64) });
    const { trigger } = await replying({ kind: "json", value: { list: [file], text: "ü\n" } });
    const response = await post(trigger);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await response.json()).toEqual({
      list: [{ name: "a.pdf", mimeType: "application/pdf", size: 3 }],
      text: "ü\n",
    });
  });

  test("may be any JSON", async () => {
    for (const value of [null, false, 0, "", [], {}]) {
      const { trigger } = await replying({ kind: "json", value });
      expect(await (await post(trigger)).json()).toEqual(value);
    }
  });
});

describe("a text reply", () => {
  test("is UTF-8 text unless its headers say otherwise", async () => {
    const plain = await post((await replying({ kind: "text", text: "grün" })).trigger);
    expect(plain.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(plain.headers.get("content-length")).toBe("5");
    expect(await plain.text()).toBe("grün");
    const csv = await replying({ kind: "text", text: "a,b" }, { headers: { "Content-Type": "text/csv" } });
    expect((await post(csv.trigger)).headers.get("content-type")).toBe("text/csv");
  });

  test("that is a page runs in a sandbox", async () => {
    const { trigger } = await replying({ kind: "text", text: "<b>" }, { headers: { "content-type": "text/html" } });
    expect((await post(trigger)).headers.get("content-security-policy")).toBe("sandbox");
  });
});

describe("a reply's headers", () => {
  test("cannot split the answer or frame it anew", async () => {
    const headers = {
      "x-good": "kept",
      "x-split": "a\r\nset-cookie: b=1",
      "bad name": "x",
      "content-length": "1",
      "transfer-encoding": "chunked",
      connection: "close",
    };
    const { trigger, logged } = await replying({ kind: "text", text: "whole" }, { headers });
    const response = await post(trigger);
    expect(await response.text()).toBe("whole");
    expect(response.headers.get("x-good")).toBe("kept");
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(response.headers.get("x-split")).toBeNull();
    expect(logged.join("")).toContain("x-split");
  });
});

describe("a reply without a body", () => {
  test.each([204, 304])("is what status %i always is", async (status) => {
    const { port } = await replying({ kind: "json", value: { a: 1 } }, { status });
    const answer = await exchange(
      port,
      "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.toLowerCase()).not.toMatch(/\ncontent-(?:length|type):/);
    expect(answer.endsWith("\r\n\r\n")).toBe(true);
  });

  test("says so by its length", async () => {
    const { trigger } = await replying({ kind: "empty" }, { status: 201 });
    const response = await post(trigger);
    expect(response.status).toBe(201);
    expect(response.headers.get("content-length")).toBe("0");
  });
});

describe("a file reply", () => {
  test("is the exact bytes under the file's own type, to be saved and not shown", async () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256));
    const { trigger } = await withFile(bytes, { name: "r.pdf", mimeType: "application/pdf" });
    const response = await post(trigger);
    expect(response.headers.get("content-type")).toBe("application/pdf");
    expect(response.headers.get("content-length")).toBe("200000");
    expect(response.headers.get("content-disposition")).toBe("attachment; filename=r.pdf");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toBe("sandbox");
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test("cannot smuggle anything in by its name or its type", async () => {
    const { trigger } = await withFile(Buffer.from("x"), {
      name: '../../etc/a"\r\nX-Bad: 1\u202e.html',
      mimeType: "text/html\r\nX-Bad: 1",
    });
    const response = await post(trigger);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("x-bad")).toBeNull();
    expect(response.headers.get("content-disposition")).not.toMatch(/\.\.|etc|%0D|%E2%80%AE/);
  });

  test("is shown in place where the workflow says so", async () => {
    const { trigger } = await withFile(
      Buffer.from("x"),
      { name: "a.png", mimeType: "image/png" },
      { "Content-Disposition": "inline" },
    );
    expect((await post(trigger)).headers.get("content-disposition")).toBe("inline");
  });

  test("whose bytes are gone is an error before anything is sent", async () => {
    const { trigger, engine } = await withFile(Buffer.from("x"), { name: "a", mimeType: "text/plain" });
    engine.files.bytes.clear();
    const response = await post(trigger);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "STORE_FAILED" });
  });

  test.each([
    ["fewer", 5],
    ["more", 50],
  ])("with %s bytes than announced never looks whole", async (_name, length) => {
    const { trigger, engine, file, url } = await withFile(Buffer.alloc(20, 1), { name: "a", mimeType: "text/plain" });
    engine.files.bytes.set(file.hash, Buffer.alloc(length, 1));
    await expect(post(trigger).then((response) => response.text())).rejects.toThrow();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("waits for a slow reader instead of piling up", async () => {
    const { port, engine, file } = await withFile(Buffer.alloc(50_000_000, 7), { name: "big", mimeType: "a/b" });
    let read = 0;
    const open = engine.files.open.bind(engine.files);
    engine.files.open = async (wanted) => {
      const stream = await open(wanted);
      stream?.on("data", (chunk: Buffer) => (read += chunk.length));
      stream?.pause();
      return stream;
    };
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    await once(socket, "readable");
    socket.pause();
    await expect.poll(() => read).toBeGreaterThan(0);
    let before = -1;
    await expect
      .poll(() => {
        const settled = before === read;
        before = read;
        return settled;
      })
      .toBe(true);
    expect(read).toBeLessThan(file.size / 2);
    socket.destroy();
  });
});
