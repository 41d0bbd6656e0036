import { once } from "node:events";
import { createServer as createNetServer } from "node:net";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createServer } from "../../src/server/server.ts";
import { createLog } from "../../src/log.ts";
import { definitionOf, exchange, post, ScriptedEngine, serve, TOKEN } from "./server-fixture.ts";

function bare(head: string, body = ""): string {
  return `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function optionsFor(host: string, port: number, kind: "none" | "bearer", allowUnauthenticated = false) {
  const live = new Map([
    ["w", definitionOf({ id: "w", request: { auth: kind === "none" ? { kind } : { kind, secrets: [] } } })],
  ]);
  const limits = { responseTimeoutMs: 50, maxBodyBytes: 1_000, maxExecutions: 10, drainMs: 50 };
  const server = createServer({
    engine: new ScriptedEngine(),
    definitions: () => live,
    settings: { project: "demo", host, port, allowUnauthenticated, ...limits },
    localToken: TOKEN,
    log: createLog({ stream: { write: () => true } }),
  });
  onTestFinished(() => server.close());
  return { server, live };
}

describe("paths", () => {
  test.each([
    "/triggers/lead-created/",
    "/triggers//lead-created",
    "//triggers/lead-created",
    "/triggers/lead%2dcreated",
    "/triggers/lead-created%2f",
    "/triggers/%2e%2e/triggers/lead-created",
    "/triggers/../triggers/lead-created",
    "/triggers/Lead-Created",
    "/Triggers/lead-created",
    "/triggers/__proto__",
    "/triggers/constructor",
    "/triggers/",
    "/triggers",
    "/projects/demo/sdk/triggers/lead-created/",
    "/projects/DEMO/sdk/triggers/lead-created",
    "/projects//sdk/triggers/lead-created",
    "/",
    "*",
  ])("%s is not a workflow's", async (path) => {
    const { port, engine } = await serve();
    const answer = await exchange(port, bare(`POST ${path}`));
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).toMatch(/"code":"(?:WORKFLOW|ROUTE)_NOT_FOUND"/);
    expect(engine.started).toHaveLength(0);
  });

  test("in absolute form, as proxies send them, are understood", async () => {
    const { port, engine } = await serve();
    expect(await exchange(port, bare("POST http://localhost/triggers/lead-created?a=1"))).toMatch(/^HTTP\/1\.1 202 /);
    expect(engine.started[0]?.input.query).toEqual({ a: "1" });
  });

  test("of unknown workflows answer JSON with a hint, and repeat nothing odd that was sent", async () => {
    const { url, port } = await serve();
    const unknown = await post(`${url}/triggers/no-such`);
    expect(await unknown.json()).toEqual({
      message: "There is no live workflow `no-such`.",
      code: "WORKFLOW_NOT_FOUND",
      hint: expect.any(String) as string,
    });
    expect(await exchange(port, bare("POST /triggers/<script>"))).not.toContain("script");
  });
});

describe("methods", () => {
  test("that a workflow does not take get 405 and the list of those it takes", async () => {
    const { url, engine } = await serve([definitionOf({ request: { methods: ["POST", "PUT"] } })]);
    const response = await fetch(`${url}/triggers/lead-created`, { method: "DELETE" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST, PUT, OPTIONS");
    expect(await response.json()).toMatchObject({ code: "METHOD_NOT_ALLOWED" });
    expect((await fetch(`${url}/triggers/lead-created`, { method: "PUT" })).status).toBe(202);
    expect(engine.started).toHaveLength(1);
  });

  test("OPTIONS and HEAD run nothing", async () => {
    const { url, engine } = await serve([definitionOf({ request: { methods: ["GET"] } })]);
    const options = await fetch(`${url}/triggers/lead-created`, { method: "OPTIONS" });
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect((await fetch(`${url}/triggers/lead-created`, { method: "HEAD" })).status).toBe(200);
    expect(engine.started).toHaveLength(0);
    expect((await fetch(`${url}/triggers/lead-created`)).status).toBe(202);
  });

  test("of any kind run the working copy at the test URL", async () => {
    const { url, engine } = await serve();
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"]) {
      expect((await fetch(`${url}/test/lead-created`, { method })).status).toBe(202);
    }
    expect(engine.started.map((start) => start.input.method)).toHaveLength(7);
    expect((await fetch(`${url}/test/lead-created`, { method: "HEAD" })).status).toBe(200);
    expect(engine.started).toHaveLength(7);
  });
});

describe("HTTP itself", () => {
  test("that is malformed gets 400 and the connection is closed", async () => {
    const { port, engine, url } = await serve();
    expect(await exchange(port, "this is no HTTP\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 .*BODY_MALFORMED/s);
    expect(await exchange(port, "POST /triggers/lead-created HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    const huge = `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`;
    expect(await exchange(port, huge)).toMatch(/^HTTP\/1\.1 431 /);
    expect(engine.started).toHaveLength(0);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("that frames one body in two ways runs nothing", async () => {
    const { port, engine } = await serve();
    const head = "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\n";
    const both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /x HTTP/1.1\r\n\r\n";
    expect(await exchange(port, head + both)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(port, `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(engine.started).toHaveLength(0);
  });

  test("in a pipeline is answered in order on one connection", async () => {
    const { port, engine } = await serve();
    const one = "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    const answer = await exchange(port, one + one + bare("GET /healthz"));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 202", "HTTP/1.1 202", "HTTP/1.1 200"]);
    expect(engine.started).toHaveLength(2);
  });

  test("with a body that ends early starts nothing", async () => {
    const { port, engine, url } = await serve();
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
    await once(socket, "connect");
    socket.destroy();
    await once(socket, "close");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(engine.started).toHaveLength(0);
  });
});

describe("closing", () => {
  test("finishes requests under way, refuses new ones, and then is gone", async () => {
    const { port, server, engine, url } = await serve([definitionOf({ responds: true })]);
    const { promise: replied, resolve: answer } = Promise.withResolvers<void>();
    engine.waitResponse = async () => {
      await replied;
      return { kind: "response", status: 200, headers: {}, body: { kind: "text", text: "made it" } };
    };
    engine.drain = () => replied;
    const first = fetch(`${url}/triggers/lead-created`, { method: "POST" });
    // A second connection, already open when the close begins.
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n");
    await expect.poll(() => engine.started.length).toBe(1);

    const closed = server.close();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    socket.write("Connection: keep-alive\r\n\r\n");
    const probe = await once(socket, "data");
    expect(String(probe[0])).toMatch(/^HTTP\/1\.1 200 /);
    socket.write("POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    const refused = await once(socket, "data");
    expect(String(refused[0])).toMatch(/^HTTP\/1\.1 503 /);
    expect(String(refused[0])).toMatch(/Retry-After: 1\r\nConnection: close\r\n/);
    answer();
    const response = await first;
    expect(await response.text()).toBe("made it");
    await closed;
    expect(engine.started).toHaveLength(1);
  });

  test("answers 542 to callers whose execution sleeps", async () => {
    const { server, engine, url } = await serve([definitionOf({ responds: true })]);
    engine.reply = () => undefined;
    const waiting = post(`${url}/triggers/lead-created`);
    await expect.poll(() => engine.started.length).toBe(1);
    await server.close();
    const response = await waiting;
    expect(response.status).toBe(542);
    expect(await response.json()).toMatchObject({ executionId: engine.started[0]?.id });
    expect(engine.drained).toBe(1);
  });

  test("asked for again breaks off at once", async () => {
    const { server, engine, url } = await serve([definitionOf({ responds: true })], { drainMs: 600_000 });
    engine.reply = () => undefined;
    const { promise: drained, resolve: stopped } = Promise.withResolvers<void>();
    engine.drain = () => drained;
    const waiting = post(`${url}/triggers/lead-created`);
    const failed = expect(waiting).rejects.toThrow();
    await expect.poll(() => engine.started.length).toBe(1);
    const closed = server.close();
    void server.close();
    await failed;
    stopped();
    await closed;
  });
});

describe("listening", () => {
  test("on a taken port says so", async () => {
    const other = createNetServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await expect(optionsFor("127.0.0.1", port, "none").server.listen()).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: expect.stringContaining(String(port)) as string,
    });
  });

  test("on what is no address of this machine says so", async () => {
    await expect(optionsFor("192.0.2.1", 0, "bearer").server.listen()).rejects.toMatchObject({ code: "USAGE" });
  });

  test("for everyone is refused while a workflow has no authentication, unless told so", async () => {
    await expect(optionsFor("0.0.0.0", 0, "none").server.listen()).rejects.toMatchObject({
      code: "ADDRESS_PUBLIC",
      message: expect.stringContaining("`w`") as string,
    });
    const allowed = await optionsFor("0.0.0.0", 0, "none", true).server.listen();
    expect((await post(`${allowed.url}/triggers/w`)).status).toBe(202);
  });

  test("for everyone does not serve a workflow that loses its authentication later", async () => {
    const { server, live } = optionsFor("0.0.0.0", 0, "bearer");
    const { url } = await server.listen();
    live.set("w", definitionOf({ id: "w" }));
    expect((await post(`${url}/triggers/w`)).status).toBe(401);
  });
});

test("probes tell whether the server lives and takes requests", async () => {
  const { url } = await serve();
  for (const path of ["/healthz", "/readyz"]) {
    const response = await fetch(url + path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "ok" });
  }
  expect((await fetch(`${url}/healthz`, { method: "POST" })).status).toBe(405);
});
