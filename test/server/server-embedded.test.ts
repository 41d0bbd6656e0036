/** A request's whole way: server, rules, the default engine and its interpreter, on a real port and a real file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { interpret } from "../../src/engine/interpret.ts";
import { createLog } from "../../src/log.ts";
import { createServer } from "../../src/server/server.ts";
import type { Server } from "../../src/server/server.ts";
import { post, TOKEN } from "./server-fixture.ts";
import { NO_EFFECTS, parse } from "./workflow-fixture.ts";

const HISTORY = "/projects/demo/task-history/workflow-executions";

async function serveProject(
  files: Record<string, string>,
  responseTimeoutMs = 10_000,
): Promise<{ url: string; engine: Engine; server: Server }> {
  const directory = await mkdtemp(join(tmpdir(), "wf-server-"));
  const live = new Map(Object.entries(files).map(([id, yaml]) => [id, parse(id, yaml)]));
  const engine = await openEmbeddedEngine({
    directory,
    walk: (definition, context) => interpret(definition, context, NO_EFFECTS),
    parse: (source) => parse(source.workflowId, source.yaml),
    retentionMs: 86_400_000,
  });
  const limits = { responseTimeoutMs, maxBodyBytes: 1_000_000, maxExecutions: 1_000, drainMs: 2_000 };
  const server = createServer({
    engine,
    definitions: () => live,
    settings: { project: "demo", host: "127.0.0.1", port: 0, ...limits },
    localToken: TOKEN,
    log: createLog({ stream: { write: () => true } }),
  });
  onTestFinished(async () => {
    await server.close();
    await engine.close();
    await rm(directory, { recursive: true });
  });
  return { ...(await server.listen()), engine, server };
}

async function read(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(response.status).toBe(200);
  return response.json();
}

test("one request: checked, recorded, run, answered, and found in the history", async () => {
  const { url, engine } = await serveProject({
    lead: `
trigger:
  request:
    query: { source: { required: true, enum: [web, app] } }
    body: { email: { type: email, required: true } }
steps:
  - id: pause
    delay: 1ms
  - id: reply
    response:
      status: 201
      headers: { x-source: "\${{ trigger.query.source }}" }
      json: { email: "\${{ trigger.body.email }}" }
`,
  });
  const refused = await post(`${url}/triggers/lead`, {});
  expect(refused.status).toBe(400);
  expect((await engine.list({})).items).toEqual([]);

  const response = await post(`${url}/triggers/lead?source=web`, { email: "a@b.co" });
  expect(response.status).toBe(201);
  expect(response.headers.get("x-source")).toBe("web");
  expect(await response.json()).toEqual({ email: "a@b.co" });

  const list = (await read(url + HISTORY)) as { workflowExecutions: { id: string }[]; total: number };
  expect(list.total).toBe(1);
  const id = list.workflowExecutions[0]?.id ?? "";
  await engine.waitEnd(id, 5_000);
  const one = (await read(`${url}${HISTORY}/${id}`)) as {
    status: string;
    stepExecutions: { id: string; type: string }[];
  };
  expect(one.status).toBe("SUCCEEDED");
  expect(one.stepExecutions.map(({ type }) => type)).toEqual(["TRIGGER/REQUEST", "ACTION/DELAY", "ACTION/RESPONSE"]);
  for (const step of one.stepExecutions) {
    await read(`${url}${HISTORY}/${id}/step-executions/${encodeURIComponent(step.id)}`);
  }
  expect(await read(`${url}${HISTORY}/${id}/details`)).toMatchObject({
    input: { body: { email: "a@b.co" } },
    reply: { kind: "response", status: 201 },
  });

  const replayed = await fetch(`${url}${HISTORY}/${id}/replay`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(replayed.status).toBe(201);
  const { id: again } = (await replayed.json()) as { id: string };
  expect(await engine.waitEnd(again, 5_000)).toMatchObject({ status: "SUCCEEDED", replayOf: id });
});

test("an upload comes back byte by byte", async () => {
  const { url } = await serveProject({
    echo: `
trigger: { request: {} }
steps:
  - response: { file: "\${{ trigger.file }}" }
`,
  });
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
  const response = await fetch(`${url}/triggers/echo`, {
    method: "POST",
    body: bytes,
    headers: { "content-type": "image/png" },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("image/png");
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
});

test("one idempotency key at once from many starts one execution, and all get its answer", async () => {
  const { url, engine } = await serveProject({
    order: `
trigger: { request: {} }
idempotency: trigger.body.id
steps:
  - response: { json: { execution: "\${{ execution.id }}" } }
`,
  });
  const answers = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const response = await post(`${url}/triggers/order`, { id: "o-1" });
      return { status: response.status, text: await response.text() };
    }),
  );
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]?.status).toBe(200);
  expect((await engine.list({})).items).toHaveLength(1);
});

test("a sleeping execution answers 542, and is cancelled through the API", async () => {
  const { url, engine } = await serveProject(
    { slow: "trigger: { request: {} }\nsteps:\n  - delay: 1h\n  - response: { text: late }\n" },
    50,
  );
  const response = await post(`${url}/triggers/slow`);
  expect(response.status).toBe(542);
  const { executionId } = (await response.json()) as { executionId: string };
  const cancelled = await fetch(`${url}${HISTORY}/${executionId}/cancel`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(await cancelled.json()).toEqual({ id: executionId, status: "CANCELLED", cancelled: true });
  expect((await engine.get(executionId))?.status).toBe("CANCELLED");
});

test("closing answers callers whose execution sleeps", async () => {
  const { url, engine, server } = await serveProject({
    slow: "trigger: { request: {} }\nsteps:\n  - delay: 1h\n  - response: { text: late }\n",
  });
  const waiting = post(`${url}/triggers/slow`);
  await expect.poll(async () => (await engine.list({})).items.length).toBe(1);
  await server.close();
  expect((await waiting).status).toBe(542);
});
