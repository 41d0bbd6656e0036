import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import type { Rule } from "../../src/workflow/rule.ts";
import { definitionOf, exchange, post, serve } from "./server-fixture.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const rule = (more: Partial<Rule> = {}): Rule => ({ type: "any", required: false, nullable: false, ...more });

describe("a request to a workflow without a response step", () => {
  test("is answered with 202, its ids and where to find it", async () => {
    const { url, engine } = await serve();
    const response = await post(`${url}/triggers/lead-created?source=web&tag=a&tag=b`, { email: "a@b.co" });
    expect(response.status).toBe(202);
    const body = (await response.json()) as { executionId: string };
    expect(body).toEqual({
      executionId: expect.stringMatching(UUID) as string,
      workflowId: "lead-created",
      status: "EXECUTING",
    });
    expect(response.headers.get("location")).toBe(
      `/projects/demo/task-history/workflow-executions/${body.executionId}`,
    );
    expect(engine.started).toHaveLength(1);
    expect(engine.started[0]).toMatchObject({
      id: body.executionId,
      bodyText: '{"email":"a@b.co"}',
      input: {
        method: "POST",
        url: "/triggers/lead-created?source=web&tag=a&tag=b",
        query: { source: "web", tag: ["a", "b"] },
        body: { email: "a@b.co" },
      },
    });
    expect(engine.started[0]?.input.headers["content-type"]).toBe("application/json");
  });

  test("works by the long form, and not with another project's id", async () => {
    const { url, engine } = await serve();
    expect((await post(`${url}/projects/demo/sdk/triggers/lead-created`)).status).toBe(202);
    const other = await post(`${url}/projects/other/sdk/triggers/lead-created`);
    expect(other.status).toBe(404);
    expect(engine.started).toHaveLength(1);
  });

  test("that sends JSON as a form is told so, and a real form is not", async () => {
    const rules = {
      query: {},
      headers: {},
      body: { email: rule({ type: "email", required: true }) },
      additional: "allow" as const,
    };
    const { url } = await serve([definitionOf({ request: { rules } })]);
    const send = async (body: string): Promise<unknown> => {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      return (await fetch(`${url}/triggers/lead-created`, { method: "POST", body, headers })).json();
    };
    expect(await send('{"email":"a@b.co"}')).toMatchObject({
      code: "REQUEST_INVALID",
      hint: expect.stringContaining("Content-Type: application/json"),
    });
    expect(await send("email=a")).not.toHaveProperty("hint");
    expect(await send("{email=a")).not.toHaveProperty("hint");
  });

  test("that breaks rules gets all of them at once and starts nothing", async () => {
    const rules = {
      query: { source: rule({ required: true }) },
      headers: { "x-api-version": rule({ type: "string", required: true, equals: "2" }) },
      body: { email: rule({ type: "email", required: true }) },
      additional: "allow" as const,
    };
    const { url, engine } = await serve([definitionOf({ request: { rules } })]);
    const response = await post(`${url}/triggers/lead-created`, { email: 1 }, { "x-api-version": "1" });
    expect(response.status).toBe(400);
    const body = (await response.json()) as { code: string; errors: { in: string; path: string }[] };
    expect(body.code).toBe("REQUEST_INVALID");
    expect(body.errors.map((error) => `${error.in} ${error.path}`).sort()).toEqual([
      "body email",
      "headers x-api-version",
      "query source",
    ]);
    expect(engine.started).toHaveLength(0);
  });

  test("takes effect of a reload from the next request on", async () => {
    const { url, live } = await serve();
    live.set("added-later", definitionOf({ id: "added-later" }));
    live.delete("lead-created");
    expect((await post(`${url}/triggers/added-later`)).status).toBe(202);
    expect((await post(`${url}/triggers/lead-created`)).status).toBe(404);
  });
});

describe("a request to a workflow with a response step", () => {
  test("waits for the reply", async () => {
    const { url, engine } = await serve([definitionOf({ responds: true })]);
    engine.reply = () => ({
      kind: "response",
      status: 201,
      headers: { "X-Made": "yes" },
      body: { kind: "json", value: { contactId: "c-1" } },
    });
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(201);
    expect(response.headers.get("x-made")).toBe("yes");
    expect(await response.json()).toEqual({ contactId: "c-1" });
  });

  test("gets 542 with exactly five fields when the time is over", async () => {
    const { url, engine } = await serve([definitionOf({ responds: true })], { responseTimeoutMs: 20 });
    engine.reply = () => undefined;
    const before = Date.now();
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(542);
    const body = (await response.json()) as Record<string, string>;
    expect(body).toEqual({
      message: "Workflow has been enqueued but has not completed.",
      dateSubmitted: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      projectId: "demo",
      workflowId: "lead-created",
      executionId: engine.started[0]?.id,
    });
    const submitted = Date.parse(body["dateSubmitted"] ?? "");
    expect(submitted).toBeGreaterThanOrEqual(before);
    expect(submitted).toBeLessThanOrEqual(Date.now());
  });

  test.each([
    ["failed", 500, "EXECUTION_FAILED", "The workflow failed before its response."],
    ["cancelled", 500, "EXECUTION_CANCELLED", "The execution was cancelled before its response."],
  ] as const)("that %s is told so, with its execution's id", async (kind, status, code, message) => {
    const { url, engine } = await serve([definitionOf({ responds: true })]);
    engine.reply = () => ({ kind });
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ message, code, executionId: engine.started[0]?.id });
  });

  test("gets 202 when it ends on a path without a response", async () => {
    const { url, engine } = await serve([definitionOf({ responds: true })]);
    engine.reply = () => ({ kind: "none" });
    expect((await post(`${url}/triggers/lead-created`)).status).toBe(202);
  });

  test("goes on when its caller leaves", async () => {
    const { url, port, engine, logged } = await serve([definitionOf({ responds: true })]);
    engine.reply = () => undefined;
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    await expect.poll(() => engine.started.length).toBe(1);
    socket.destroy();
    await once(socket, "close");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(logged.join("")).not.toContain('"error"');
  });
});

describe("a repeated idempotency key", () => {
  test("answers with the first execution again", async () => {
    const { url, engine } = await serve();
    const first = await post(`${url}/triggers/lead-created`, { n: 1 }, { "idempotency-key": "k-1" });
    const second = await post(`${url}/triggers/lead-created`, { n: 2 }, { "idempotency-key": "k-1" });
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(second.status).toBe(202);
    expect(await second.json()).toEqual(await first.json());
    expect(engine.started).toHaveLength(1);
  });

  test("answers with the first reply again", async () => {
    const { url, engine } = await serve([definitionOf({ responds: true })]);
    engine.reply = ({ input }) => ({
      kind: "response",
      status: 200,
      headers: {},
      body: { kind: "json", value: input.body },
    });
    await post(`${url}/triggers/lead-created`, { n: 1 }, { "idempotency-key": "k-1" });
    const second = await post(`${url}/triggers/lead-created`, { n: 2 }, { "idempotency-key": "k-1" });
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(await second.json()).toEqual({ n: 1 });
  });

  test.each([
    ["", "empty"],
    ["x".repeat(256), "too long"],
    ["käse", "not ASCII"],
  ])("is refused when it is %s", async (key) => {
    const { url, engine } = await serve();
    const response = await post(`${url}/triggers/lead-created`, {}, { "idempotency-key": key });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ in: "headers", path: "idempotency-key" }] });
    expect(engine.started).toHaveLength(0);
  });

  test("comes from the workflow's own expression before the header", async () => {
    const idempotency = {
      source: "trigger.body.id",
      references: [],
      evaluate: (scope: Record<string, unknown>) =>
        (scope["trigger"] as { body: { id?: string } }).body.id ??
        (() => {
          throw new WfError("EXPRESSION_FAILED", "no such key: id");
        })(),
    };
    const { url, engine } = await serve([definitionOf({ idempotency })]);
    await post(`${url}/triggers/lead-created`, { id: "order-1" }, { "idempotency-key": "other" });
    await post(`${url}/triggers/lead-created`, { id: "x".repeat(1_000) });
    expect(engine.started[0]?.idempotencyKey).toBe("order-1");
    expect(engine.started[1]?.idempotencyKey).toMatch(/^sha256:[0-9a-f]{64}$/);
    const without = await post(`${url}/triggers/lead-created`, {});
    expect(without.status).toBe(400);
    expect(await without.json()).toMatchObject({ code: "REQUEST_INVALID" });
  });
});

describe("authentication", () => {
  const signed = definitionOf({ request: { auth: { kind: "bearer", secrets: ["TOKEN"] } } });

  test("of a kind that the server does not know fails closed, and says why in the log only", async () => {
    const { url, engine, logged } = await serve([signed]);
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="wf"');
    expect(await response.text()).not.toContain("bearer");
    expect(logged.join("")).toContain("auth `bearer` is not supported");
    expect(engine.started).toHaveLength(0);
  });

  test("sees the body's bytes as received, and names the user", async () => {
    const seen: string[] = [];
    const { url, engine } = await serve(
      [signed],
      {},
      {
        authenticate: (_definition, { raw, url: target, method }) => {
          seen.push(`${method} ${target} ${raw.toString()}`);
          return { ok: true, userId: "u-1" };
        },
      },
    );
    await post(`${url}/triggers/lead-created?a=1`, { b: 2 });
    expect(seen).toEqual(['POST /triggers/lead-created?a=1 {"b":2}']);
    expect(engine.started[0]?.input.userId).toBe("u-1");
  });
});

describe("limits", () => {
  test("over the executions that may run: 429, a time to come back, nothing recorded", async () => {
    const { url, engine } = await serve([definitionOf()], { maxExecutions: 2 });
    engine.running = 2;
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "TOO_MANY_EXECUTIONS" });
    engine.running = 1;
    expect((await post(`${url}/triggers/lead-created`)).status).toBe(202);
    expect(engine.started).toHaveLength(1);
  });

  test("large bodies under way have a bound together, and small ones still get through", async () => {
    const { url, port } = await serve([definitionOf()], { maxBodyBytes: 100_000_000 });
    const head = "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\n";
    const sockets = [];
    for (let n = 0; n < 4; n++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(`${head}Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n`);
      await once(socket, "data");
      sockets.push(socket);
    }
    const large = { text: "x".repeat(70_000) };
    const refused = await post(`${url}/triggers/lead-created`, large);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await post(`${url}/triggers/lead-created`)).status).toBe(202);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await post(`${url}/triggers/lead-created`, large)).status).toBe(202);
  });

  test("a body that is announced too large is refused, and the client sees why", async () => {
    const { port, engine } = await serve();
    const answer = await exchange(
      port,
      "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100001\r\n\r\n{",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("BODY_TOO_LARGE");
    expect(answer.toLowerCase()).toContain("connection: close");
    expect(engine.started).toHaveLength(0);
  });

  test("a body that turns out too large is refused while the client still sends", async () => {
    const { url } = await serve();
    const chunk = new Uint8Array(50_000).fill(32);
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent++;
        if (sent > 10) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await fetch(`${url}/triggers/lead-created`, {
      method: "POST",
      body,
      duplex: "half",
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: "BODY_TOO_LARGE" });
  });

  test("a body is asked for with 100 Continue only when it will be taken", async () => {
    const { port } = await serve();
    const head =
      "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n";
    expect(await exchange(port, `${head}Content-Length: 2\r\n\r\n{}`)).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /,
    );
    expect(await exchange(port, `${head}Content-Length: 200000\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe("errors", () => {
  test("of the store are 503 with a time to come back and no internals", async () => {
    const { url, engine, logged } = await serve();
    engine.onStart = () => {
      throw new WfError("STORE_FULL", "no space left on /var/lib/secret-place/wf.db");
    };
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    const text = await response.text();
    expect(text).toContain("STORE_FULL");
    expect(text).not.toContain("secret-place");
    expect(logged.join("")).toContain("secret-place");
    engine.onStart = () => {};
    expect((await post(`${url}/triggers/lead-created`)).status).toBe(202);
  });

  test("that nobody expected show a caller an id only", async () => {
    const { url, engine, logged } = await serve();
    engine.onStart = () => {
      throw new TypeError("x is not a function in the inmost place");
    };
    const response = await post(`${url}/triggers/lead-created`);
    expect(response.status).toBe(500);
    const body = (await response.json()) as { requestId: string };
    expect(body).toEqual({ message: "Internal error.", code: "INTERNAL", requestId: expect.any(String) as string });
    expect(logged.join("")).toContain(body.requestId);
  });

  test("of a malformed body keep the connection", async () => {
    const { port, engine } = await serve();
    const head = "POST /triggers/lead-created HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const answer = await exchange(
      port,
      `${head}Content-Length: 2\r\n\r\n{x${head}Content-Length: 2\r\nConnection: close\r\n\r\n{}`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 400", "HTTP/1.1 202"]);
    expect(engine.started).toHaveLength(1);
  });
});
