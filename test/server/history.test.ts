import { describe, expect, test } from "vitest";
import type { ExecutionWithSteps, StepExecution } from "../../src/engine/engine.ts";
import type { Step } from "../../src/workflow/definition.ts";
import { FileValue } from "../../src/value.ts";
import { definitionOf, exchange, serve, TOKEN } from "./server-fixture.ts";
import type { Fixture } from "./server-fixture.ts";

const BASE = "/projects/demo/task-history/workflow-executions";
const START = "2026-11-23T15:00:00.000Z";

function executionOf(id: string, more: Partial<ExecutionWithSteps> = {}): ExecutionWithSteps {
  return {
    id,
    workflowId: "lead-created",
    definitionHash: definitionOf().hash,
    userId: "u-1",
    status: "SUCCEEDED",
    dateStarted: START,
    dateEnded: "2026-11-23T15:00:01.500Z",
    taskCount: 2,
    runDurationMs: 1_500,
    error: null,
    replayOf: null,
    parentId: null,
    input: { method: "POST", url: "/triggers/lead-created", query: {}, headers: {}, body: { a: 1 } },
    reply: null,
    steps: [],
    ...more,
  };
}

function stepOf(executionId: string, path: string, stepId: string, more: Partial<StepExecution> = {}): StepExecution {
  return {
    id: `${executionId}:${path}`,
    stepId,
    path,
    kind: "http",
    name: null,
    status: "SUCCEEDED",
    start: START,
    end: START,
    input: { url: "x" },
    output: { ok: true },
    error: null,
    attempts: [],
    logs: [],
    ...more,
  };
}

function definedStep(id: string, more: object = {}): Step {
  return { id, named: true, kind: "delay", onError: "fail", line: 1, ...more } as unknown as Step;
}

function api(
  fixture: Fixture,
  path: string,
  init: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(fixture.url + path, { ...init, headers: { authorization: `Bearer ${TOKEN}`, ...init.headers } });
}

describe("the list", () => {
  test("has the reference's shape", async () => {
    const fixture = await serve();
    fixture.engine.executions.push(executionOf("e-1"));
    const response = await api(fixture, BASE);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      workflowExecutions: [
        {
          id: "e-1",
          userId: "u-1",
          taskCount: 2,
          runDuration: 1_500,
          workflowId: "lead-created",
          status: "SUCCEEDED",
          dateStarted: START,
          dateEnded: "2026-11-23T15:00:01.500Z",
        },
      ],
      nextLink: null,
      total: 1,
    });
  });

  test("leads through every page by its links, each execution once", async () => {
    const fixture = await serve();
    for (let n = 0; n < 250; n++) fixture.engine.executions.push(executionOf(`e-${n}`));
    const ids: string[] = [];
    let link: string | null = `${fixture.url}${BASE}?offset=10&status=SUCCEEDED`;
    while (link !== null) {
      const response: Response = await fetch(link, { headers: { authorization: `Bearer ${TOKEN}` } });
      const page = (await response.json()) as { workflowExecutions: { id: string }[]; nextLink: string | null };
      ids.push(...page.workflowExecutions.map(({ id }) => id));
      link = page.nextLink;
    }
    expect(ids).toEqual(Array.from({ length: 240 }, (_, n) => `e-${n + 10}`));
  });

  test("understands every filter", async () => {
    const fixture = await serve();
    let filter: unknown;
    fixture.engine.list = async (given) => {
      filter = given;
      return { items: [] };
    };
    const query =
      "userId=u&workflowId=w&status=DELAYED&beforeDate=2026-11-23&afterDate=2026-11-22T10:00:00%2B02:00&sortBy=ASC";
    expect((await api(fixture, `${BASE}?${query}`)).status).toBe(200);
    expect(filter).toEqual({
      userId: "u",
      workflowId: "w",
      status: "DELAYED",
      before: "2026-11-23T00:00:00.000Z",
      after: "2026-11-22T08:00:00.000Z",
      order: "ASC",
      limit: 100,
    });
    expect(await (await api(fixture, `${BASE}?integration=salesforce`)).json()).toMatchObject({
      workflowExecutions: [],
    });
  });

  test.each([
    ["status=DONE", "status"],
    ["sortBy=asc", "sortBy"],
    ["beforeDate=yesterday", "beforeDate"],
    ["afterDate=2026-02-31", "afterDate"],
    ["offset=-1", "offset"],
    ["offset=10001", "offset"],
    ["offset=1e3", "offset"],
    ["state=FAILED", "state"],
    ["userId=a&userId=b", "userId"],
  ])("refuses %s by name", async (query, name) => {
    const fixture = await serve();
    const response = await api(fixture, `${BASE}?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "REQUEST_INVALID", errors: [{ in: "query", path: name }] });
  });
});

describe("one execution", () => {
  const definition = definitionOf({
    steps: [
      definedStep("first"),
      definedStep("loop", { kind: "foreach", steps: [definedStep("send"), definedStep("check")] }),
      definedStep("choose", { kind: "switch", cases: [{ steps: [definedStep("yes")] }] }),
      definedStep("last"),
    ],
  });

  async function recorded(): Promise<Fixture> {
    const fixture = await serve([definition]);
    await fetch(`${fixture.url}/triggers/lead-created`, { method: "POST" });
    const file = new FileValue({ name: "a", mimeType: "b/c", size: 1, hash: "0".repeat(64) });
    const steps = [
      stepOf("e-1", "first", "first", { input: null, output: file }),
      stepOf("e-1", "loop", "loop", { kind: "foreach" }),
      stepOf("e-1", "loop[0].send", "send"),
      stepOf("e-1", "loop[1].send", "send"),
      stepOf("e-1", "loop[1].check", "check"),
      stepOf("e-1", "choose", "choose", { kind: "switch" }),
      stepOf("e-1", "yes", "yes"),
      stepOf("e-1", "last", "last", {
        status: "FAILED",
        output: null,
        error: { code: "HTTP_STATUS", message: "answered 500" },
      }),
    ];
    fixture.engine.executions.push(executionOf("e-1", { steps }));
    return fixture;
  }

  test("shows the path that it took", async () => {
    const response = await api(await recorded(), `${BASE}/e-1`);
    const { stepExecutions, id } = (await response.json()) as {
      id: string;
      stepExecutions: { id: string; prev: string | null; next: string[] }[];
    };
    expect(id).toBe("e-1");
    expect(stepExecutions.map((one) => [one.id.slice(4), one.prev?.slice(4)])).toEqual([
      ["$trigger", undefined],
      ["first", "$trigger"],
      ["loop", "first"],
      ["loop[0].send", "loop"],
      ["loop[1].send", "loop"],
      ["loop[1].check", "loop[1].send"],
      ["choose", "loop"],
      ["yes", "choose"],
      ["last", "choose"],
    ]);
    expect(stepExecutions[2]?.next).toEqual(["e-1:loop[0].send", "e-1:loop[1].send", "e-1:choose"]);
    expect(stepExecutions[0]).toMatchObject({ type: "TRIGGER/REQUEST", stepId: "trigger", inputSize: "0" });
    expect(stepExecutions[3]).toEqual({
      id: "e-1:loop[0].send",
      stepId: "send",
      workflowExecutionId: "e-1",
      status: "SUCCEEDED",
      type: "ACTION/REQUEST",
      start: START,
      end: START,
      next: [],
      prev: "e-1:loop",
      inputSize: "11",
      outputSize: "11",
    });
  });

  test("shows a step's data, the trigger's and a failure's text included", async () => {
    const fixture = await recorded();
    const data = async (id: string): Promise<unknown> =>
      (await api(fixture, `${BASE}/e-1/step-executions/${encodeURIComponent(id)}`)).json();
    expect(await data("e-1:loop[0].send")).toEqual({
      isLargeInput: false,
      isLargeOutput: false,
      input: { url: "x" },
      output: { ok: true },
    });
    expect(await data("e-1:last")).toMatchObject({ output: "HTTP_STATUS: answered 500" });
    expect(await data("e-1:first")).toMatchObject({ output: { name: "a", mimeType: "b/c", size: 1 } });
    expect(await data("e-1:$trigger")).toMatchObject({ input: null, output: { body: { a: 1 } } });
    expect(await data("e-1:none")).toMatchObject({ code: "EXECUTION_NOT_FOUND" });
  });

  test("shows everything to the commands, without where files lie", async () => {
    const text = await (await api(await recorded(), `${BASE}/e-1/details`)).text();
    expect(JSON.parse(text)).toMatchObject({
      id: "e-1",
      input: { body: { a: 1 } },
      steps: [{ path: "first" }, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(text).not.toContain('hash"');
  });

  test("that nobody knows is 404", async () => {
    const fixture = await serve();
    for (const path of ["e-9", "e-9/details", "e-9/step-executions/x", "%2e%2e", "__proto__"]) {
      const response = await api(fixture, `${BASE}/${path}`);
      expect(response.status).toBe(404);
    }
    expect((await api(fixture, `${BASE}/e-9/cancel`, { method: "POST" })).status).toBe(404);
    expect((await api(fixture, `${BASE}/e-9/replay`, { method: "POST" })).status).toBe(404);
  });

  test("replays on the version that it ran, or on the live one", async () => {
    const fixture = await recorded();
    const live = definitionOf({ hash: "2".repeat(64) });
    fixture.live.set("lead-created", live);
    const response = await api(fixture, `${BASE}/e-1/replay`, { method: "POST" });
    expect(response.status).toBe(201);
    const body = (await response.json()) as { id: string };
    expect(body).toMatchObject({ userId: "u-1", workflowId: "lead-created", status: "EXECUTING" });
    const json = { "content-type": "application/json" };
    await api(fixture, `${BASE}/e-1/replay?definition=current`, { method: "POST" });
    await api(fixture, `${BASE}/e-1/replay`, { method: "POST", body: '{"definition":"current"}', headers: json });
    await api(fixture, `${BASE}/e-1/replay`, { method: "POST", body: "", headers: json });
    const replays = fixture.engine.started.slice(1);
    expect(replays.map((start) => start.definition.hash.slice(0, 1))).toEqual([
      definition.hash.slice(0, 1),
      "2",
      "2",
      definition.hash.slice(0, 1),
    ]);
    expect(replays[0]).toMatchObject({ id: body.id, replayOf: "e-1", input: { body: { a: 1 } } });
    const wrong = await api(fixture, `${BASE}/e-1/replay?definition=old`, { method: "POST" });
    expect(wrong.status).toBe(400);
  });

  test("is cancelled once", async () => {
    const fixture = await serve();
    fixture.engine.executions.push(executionOf("e-1", { status: "EXECUTING" }), executionOf("e-2"));
    const running = await api(fixture, `${BASE}/e-1/cancel`, { method: "POST" });
    expect(await running.json()).toMatchObject({ id: "e-1", cancelled: true });
    const ended = await api(fixture, `${BASE}/e-2/cancel`, { method: "POST" });
    expect(await ended.json()).toEqual({ id: "e-2", status: "SUCCEEDED", cancelled: false });
  });
});

describe("access", () => {
  test.each([undefined, "Bearer", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN}, Bearer x`])(
    "needs the key: %s",
    async (authorization) => {
      const { url } = await serve();
      const response = await fetch(url + BASE, { headers: authorization === undefined ? {} : { authorization } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe('Bearer realm="wf"');
    },
  );

  test("is for this host and its own pages only", async () => {
    const { port } = await serve();
    const ask = async (host: string, more = ""): Promise<string | undefined> => {
      const head = `GET ${BASE} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\n${more}\r\n`;
      return /^HTTP\/1\.1 (\d+)/.exec(await exchange(port, head))?.[1];
    };
    expect(await ask(`localhost:${port}`)).toBe("200");
    expect(await ask(`127.0.0.1:${port}`)).toBe("200");
    expect(await ask("[::1]")).toBe("200");
    expect(await ask("evil.example")).toBe("403");
    expect(await ask("localhost.evil.example")).toBe("403");
    expect(await ask("localhost@evil.example")).toBe("403");
    expect(await ask(`localhost:${port}`, "Origin: http://evil.example\r\n")).toBe("403");
    expect(await ask(`localhost:${port}`, "Origin: null\r\n")).toBe("403");
    expect(await ask(`localhost:${port}`, `Origin: http://localhost:${port}\r\n`)).toBe("200");
  });

  test("ends with the project", async () => {
    const fixture = await serve();
    const response = await api(fixture, "/projects/other/task-history/workflow-executions");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "ROUTE_NOT_FOUND" });
  });

  test("to broken bodies and paths is a clear 400", async () => {
    const fixture = await serve();
    const headers = { "content-type": "application/json" };
    const broken = await api(fixture, `${BASE}/e-1/replay`, { method: "POST", body: "{", headers });
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ code: "BODY_MALFORMED" });
    expect((await api(fixture, `${BASE}/%zz`)).status).toBe(400);
  });
});
