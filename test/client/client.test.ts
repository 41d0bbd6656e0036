/** The client SDK against the real server, and against one that misbehaves by script. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { describe, expect, onTestFinished, test } from "vitest";
import { ClientError } from "../../src/client/client-error.ts";
import { createClient } from "../../src/client/client.ts";
import type { Client, ClientOptions } from "../../src/client/client.ts";
import { openApiKeys } from "../../src/engine/embedded/api-keys.ts";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { interpret } from "../../src/engine/interpret.ts";
import { createLog } from "../../src/log.ts";
import { createAuthenticate } from "../../src/server/auth/authenticate.ts";
import { UserTokens } from "../../src/server/auth/user-tokens.ts";
import { createServer as createTriggerServer } from "../../src/server/server.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import { DEFAULT_USER_TOKENS } from "../../src/workflow/settings-auth.ts";
import type { Definition } from "../../src/workflow/definition.ts";

const WORKFLOWS = {
  greet: `
trigger:
  request:
    auth: api-key
    query: { source: { enum: [web, app] } }
    body: { email: { type: email, required: true } }
steps:
  - response:
      status: 201
      json: { greeting: "Hello \${{ trigger.body.email }}", source: "\${{ trigger.query.source }}", flag: "\${{ trigger.headers['x-flag'] }}" }
`,
  quiet: "trigger: { request: { auth: api-key } }\nsteps: [{ delay: 1ms }]\n",
  slow: "trigger: { request: { auth: api-key } }\nsteps: [{ delay: 150ms }, { response: { text: late } }]\n",
  broken: "trigger: { request: { auth: api-key } }\nsteps: [{ fail: no }, { response: { text: never } }]\n",
  gone: "trigger: { request: { auth: api-key } }\nsteps: [{ response: { status: 503, json: { message: closed } } }]\n",
  user: `
trigger: { request: { auth: api-key, body: { n: { type: integer } } } }
steps: [{ response: { text: "n is \${{ trigger.body.n }}" } }]
`,
};

function parse(workflowId: string, yaml: string): Definition {
  const { definition, problems } = parseWorkflow({ workflowId, file: `${workflowId}.yaml`, yaml, modules: {} });
  if (definition === undefined) throw new Error(JSON.stringify(problems));
  return definition;
}

interface Project {
  readonly client: Client;
  readonly engine: Engine;
  with(options: Partial<ClientOptions>): Client;
}

async function serveProject(responseTimeoutMs = 5_000): Promise<Project> {
  const directory = await mkdtemp(join(tmpdir(), "wf-client-"));
  const live = new Map(Object.entries(WORKFLOWS).map(([id, yaml]) => [id, parse(id, yaml)]));
  const unused = (): Promise<never> => Promise.reject(new Error("not here"));
  const effects = { secrets: {}, http: unused, function: unused, workflow: unused };
  const engine = await openEmbeddedEngine({
    directory,
    walk: (definition, context) => interpret(definition, context, effects),
    parse: (source) => parse(source.workflowId, source.yaml),
    retentionMs: 86_400_000,
  });
  const keys = openApiKeys(directory);
  const key = keys.create({ name: "k", scopes: ["trigger", "history:read", "history:write"], expiresAt: null });
  const log = createLog({ stream: { write: () => true } });
  const findApiKey = (secret: string) => keys.find(secret);
  const userTokens = new UserTokens({ settings: DEFAULT_USER_TOKENS, project: "demo", root: directory, log });
  const server = createTriggerServer({
    engine,
    definitions: () => live,
    settings: {
      project: "demo",
      host: "127.0.0.1",
      port: 0,
      responseTimeoutMs,
      maxBodyBytes: 100_000,
      maxExecutions: 100,
      drainMs: 1_000,
    },
    localToken: "unused-by-these-tests",
    log,
    authenticate: createAuthenticate({ secrets: () => ({}), userTokens, findApiKey }),
    findApiKey,
  });
  onTestFinished(async () => {
    await server.close();
    await engine.close();
    keys.close();
    await rm(directory, { recursive: true });
  });
  const { url } = await server.listen();
  const options = { baseUrl: `${url}/`, projectId: "demo", token: key?.secret ?? "" };
  return { client: createClient(options), engine, with: (more) => createClient({ ...options, ...more }) };
}

/** A server that answers by script, one entry a request; the last one stays. */
async function serveScript(...script: RequestListener[]): Promise<{ client: Client; keys: (string | undefined)[] }> {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers["idempotency-key"] as string | undefined);
    const answer = script[Math.min(keys.length, script.length) - 1];
    answer?.(request, response);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { client: createClient({ baseUrl, projectId: "demo", token: "t" }), keys };
}

const hangUp: RequestListener = (request) => void request.socket.destroy();
const answer =
  (status: number, headers: Record<string, string> = {}, body: unknown = {}): RequestListener =>
  (_request, response) =>
    void response
      .writeHead(status, { "content-type": "application/json", "retry-after": "0", ...headers })
      .end(JSON.stringify(body));
const accepted = answer(202, {}, { executionId: "x", workflowId: "w", status: "EXECUTING" });

async function errorOf(promise: Promise<unknown>): Promise<ClientError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ClientError);
  return error as ClientError;
}

describe("trigger", () => {
  test("sends query, headers and body, and yields the workflow's own answer", async () => {
    const { client, engine } = await serveProject();
    const result = await client.trigger<{ greeting: string }>("greet", {
      query: { source: "web", unused: undefined, list: [1, 2] },
      headers: { "X-Flag": "yes" },
      body: { email: "ada@example.com" },
    });
    expect(result).toMatchObject({ kind: "answered", status: 201, replayed: false });
    if (result.kind !== "answered") return;
    expect(result.body).toEqual({ greeting: "Hello ada@example.com", source: "web", flag: "yes" });
    const execution = await engine.get(result.executionId);
    expect(execution?.input).toMatchObject({ query: { source: "web", list: ["1", "2"] } });
  });

  test("sends forms and text under their own type", async () => {
    const { client, engine } = await serveProject();
    expect(await client.trigger("user", { body: new URLSearchParams({ n: "3" }) })).toMatchObject({
      kind: "answered",
      body: "n is 3",
    });
    const text = await client.trigger("quiet", { body: "a text", headers: { "content-type": "text/plain" } });
    const json = await client.trigger("quiet", { body: "a text" });
    const form = new FormData();
    form.set("a", "1");
    const parts = await client.trigger("quiet", { body: form });
    const bodies = [text, json, parts].map(async ({ executionId }) => (await engine.get(executionId))?.input.body);
    expect(await Promise.all(bodies)).toEqual(["a text", "a text", { a: "1" }]);
  });

  test("tells apart what runs and answers nothing, and what answers later", async () => {
    const { client } = await serveProject(20);
    expect(await client.trigger("quiet")).toMatchObject({ kind: "accepted", status: 202, workflowId: "quiet" });
    const pending = await client.trigger("slow");
    expect(pending).toMatchObject({ kind: "pending", status: 542, workflowId: "slow", replayed: false });
    expect(pending.kind === "pending" && Date.parse(pending.dateSubmitted)).toBeGreaterThan(0);
    expect(await client.wait(pending.executionId)).toMatchObject({ id: pending.executionId, status: "SUCCEEDED" });
  });

  test("throws what the server says: the code, and every broken rule", async () => {
    const { client } = await serveProject();
    const error = await errorOf(client.trigger("greet", { query: { source: "fax" }, body: {} }));
    expect(error).toMatchObject({ status: 400, code: "REQUEST_INVALID", name: "ClientError" });
    expect(error.errors.map((one) => [one.in, one.path])).toEqual([
      ["query", "source"],
      ["body", "email"],
    ]);
    expect(await errorOf(client.trigger("nobody"))).toMatchObject({ status: 404, code: "WORKFLOW_NOT_FOUND" });
  });

  test("throws what a workflow failed or answered with, with the execution's id", async () => {
    const { client, engine } = await serveProject();
    const failed = await errorOf(client.trigger("broken"));
    expect(failed).toMatchObject({ status: 500, code: "EXECUTION_FAILED" });
    expect((await engine.get(failed.executionId ?? ""))?.status).toBe("FAILED");
    const own = await errorOf(client.trigger("gone"));
    expect(own).toMatchObject({ status: 503, code: "WORKFLOW_REPLY", message: "closed", body: { message: "closed" } });
    // What a workflow says is final, whatever its status.
    expect((await engine.list({ workflowId: "gone" })).items.map(({ id }) => id)).toEqual([own.executionId]);
  });

  test("asks for the token before every request, and passes on why there is none", async () => {
    const project = await serveProject();
    expect(await errorOf(project.with({ token: "wrong" }).trigger("quiet"))).toMatchObject({ status: 401 });
    let asked = 0;
    const token = async (): Promise<string> => Promise.reject(new Error(`signed out ${++asked}`));
    await expect(project.with({ token }).trigger("quiet")).rejects.toThrow("signed out 1");
    expect(asked).toBe(1);
  });
});

describe("retries", () => {
  test("an answer that got lost starts no second execution", async () => {
    const project = await serveProject();
    let calls = 0;
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (++calls < 3) throw new TypeError("the connection broke");
      return response;
    };
    const result = await project.with({ fetch }).trigger("user", { body: { n: 4 } });
    expect(result).toMatchObject({ kind: "answered", body: "n is 4", replayed: true });
    expect(calls).toBe(3);
    expect((await project.engine.list({})).items).toHaveLength(1);
  });

  test("go through broken connections and busy servers under one key, another for each call", async () => {
    const { client, keys } = await serveScript(hangUp, answer(503), answer(429), accepted);
    expect(await client.trigger("w")).toMatchObject({ kind: "accepted", executionId: "x" });
    await client.trigger("w");
    expect(keys).toHaveLength(5);
    expect(new Set(keys.slice(0, 4)).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[4]).not.toBe(keys[0]);
  });

  test("end after the fourth attempt", async () => {
    const { client, keys } = await serveScript(answer(503, {}, { message: "busy", code: "DRAINING" }));
    expect(await errorOf(client.trigger("w", { idempotencyKey: "mine" }))).toMatchObject({ code: "DRAINING" });
    expect(keys).toEqual(["mine", "mine", "mine", "mine"]);
  });

  test("are not made without a key, of a replay, for other errors, or when the server asks for more patience", async () => {
    const without = await serveScript(hangUp, accepted);
    expect(await errorOf(without.client.trigger("w", { idempotencyKey: null }))).toMatchObject({
      status: 0,
      code: "NETWORK",
    });
    expect(without.keys).toEqual([undefined]);
    const replay = await serveScript(answer(503));
    await errorOf(replay.client.history.replay("x"));
    expect(replay.keys).toHaveLength(1);
    for (const refuse of [answer(500), answer(400), answer(503, { "retry-after": "31" })]) {
      const refused = await serveScript(refuse);
      expect(await errorOf(refused.client.trigger("w"))).toMatchObject({ code: "HTTP" });
      expect(refused.keys).toHaveLength(1);
    }
  });

  test("stop when the signal aborts, and so do requests and waits, with its reason", async () => {
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    const busy = await serveScript(answer(503, { "retry-after": "20" }));
    await expect(busy.client.trigger("w", { signal: aborted })).rejects.toBe(reason);
    expect(busy.keys).toHaveLength(0);
    const controller = new AbortController();
    const paused = await serveScript((request, response) => {
      answer(503, { "retry-after": "20" })(request, response);
      response.on("close", () => setImmediate(() => controller.abort(reason)));
    });
    await expect(paused.client.trigger("w", { signal: controller.signal })).rejects.toBe(reason);
    const hanging = new AbortController();
    const silent = await serveScript(() => hanging.abort(reason));
    await expect(silent.client.wait("x", { signal: hanging.signal })).rejects.toBe(reason);
  });

  test("an answer of another server is an error, not a result", async () => {
    const { client } = await serveScript((_request, response) => void response.end("hello"));
    expect(await errorOf(client.trigger("w"))).toMatchObject({ status: 200, code: "HTTP", body: "hello" });
  });
});

describe("history", () => {
  test("lists by filters and pages, gets, and replays", async () => {
    const { client, engine } = await serveProject();
    const ids: string[] = [];
    for (let n = 0; n < 101; n++) ids.push((await client.trigger("quiet")).executionId);
    const failed = await errorOf(client.trigger("broken"));
    const first = await client.history.list({ workflowId: "quiet" });
    expect(first.executions).toHaveLength(100);
    const second = await client.history.list({ workflowId: "quiet", cursor: first.next ?? "" });
    expect(second.next).toBeUndefined();
    expect([...first.executions, ...second.executions].map(({ id }) => id)).toEqual([...ids].reverse());
    expect((await client.history.list({ status: "FAILED" })).executions.map(({ id }) => id)).toEqual([
      failed.executionId,
    ]);

    const replayed = await client.history.replay(ids[0] ?? "", { definition: "current" });
    expect(replayed).toMatchObject({ workflowId: "quiet", status: "EXECUTING" });
    await engine.waitEnd(replayed.id, 5_000);
    const one = await client.history.get(replayed.id);
    expect(one).toMatchObject({ id: replayed.id, status: "SUCCEEDED" });
    expect(one.stepExecutions.map(({ type }) => type)).toEqual(["TRIGGER/REQUEST", "ACTION/DELAY"]);
    expect(await errorOf(client.history.get("no such/id"))).toMatchObject({ code: "EXECUTION_NOT_FOUND" });
    expect(await errorOf(client.history.list({ beforeDate: "yesterday" }))).toMatchObject({ code: "REQUEST_INVALID" });
  });

  test("a wait ends with its time and says for which execution", async () => {
    const { client } = await serveProject(10);
    const { executionId } = await client.trigger("slow");
    expect(await errorOf(client.wait(executionId, { timeoutMs: 0 }))).toMatchObject({
      status: 0,
      code: "WAIT_TIMEOUT",
      executionId,
    });
  });
});

test("for browsers: under 5 kB minified, with nothing imported", async () => {
  const bundle = await rolldown({
    input: join(import.meta.dirname, "../../src/client/client.ts"),
    platform: "browser",
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  const [chunk, ...others] = output;
  expect(others).toEqual([]);
  expect([...chunk.imports, ...chunk.dynamicImports]).toEqual([]);
  expect(chunk.code).not.toMatch(/\b(?:process|Buffer|require)\b/);
  expect(Buffer.byteLength(chunk.code)).toBeLessThan(5_000);
  expect(gzipSync(chunk.code).length).toBeLessThan(2_500);
});
