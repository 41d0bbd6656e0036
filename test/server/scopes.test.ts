/** Every route of the API × no key, wrong keys and each scope: who gets in, and who does not. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { ApiKey, ApiScope } from "../../src/engine/api-keys.ts";
import type { CaptureStore } from "../../src/engine/captures.ts";
import type { ExecutionWithSteps } from "../../src/engine/engine.ts";
import type { DeploymentAccess } from "../../src/server/server-context.ts";
import { scopeOf } from "../../src/server/scopes.ts";
import { SourceReader } from "../../src/workflow/check-sources.ts";
import { definitionOf, exchange, serve, TOKEN } from "./server-fixture.ts";

const SCOPES: readonly ApiScope[] = ["trigger", "history:read", "history:write", "deploy"];
const BASE = "/projects/demo/task-history/workflow-executions";
const ID = "0199f3a2-0000-7000-8000-000000000000";
const DEPLOYMENTS = "/projects/demo/deployments";
const CAPTURES = "/projects/demo/captures";
const ROUTES: readonly (readonly [method: string, path: string, needs: ApiScope | "local"])[] = [
  ["GET", BASE, "history:read"],
  ["HEAD", BASE, "history:read"],
  ["GET", `${BASE}/`, "history:read"],
  ["GET", `${BASE}/${ID}`, "history:read"],
  ["GET", `${BASE}/${ID}/details`, "history:read"],
  ["GET", `${BASE}/${ID}/step-executions/${ID}%3Aa`, "history:read"],
  ["POST", `${BASE}/${ID}/replay`, "history:write"],
  ["POST", `${BASE}/${ID}/cancel`, "history:write"],
  ["GET", DEPLOYMENTS, "deploy"],
  ["POST", DEPLOYMENTS, "deploy"],
  ["POST", `${DEPLOYMENTS}/rollback`, "deploy"],
  ["GET", CAPTURES, "local"],
  ["GET", `${CAPTURES}/stream`, "local"],
  ["GET", `${CAPTURES}/${ID}`, "local"],
  ["GET", `${CAPTURES}/${ID}/body`, "local"],
  ["POST", `${CAPTURES}/${ID}/saved`, "local"],
];

/** Keeps nothing: who gets in is all that is asked. */
const captures: CaptureStore = {
  add: () => Promise.reject(new Error("nothing is captured")),
  settle: async () => {},
  markSaved: async () => {},
  get: async () => undefined,
  body: async () => undefined,
  list: async () => ({ items: [] }),
  subscribe: () => () => {},
};

/** Holds nothing: there is nothing to go back to. */
const deployments: DeploymentAccess = {
  store: () => ({
    list: () => [],
    get: () => undefined,
    liveId: () => undefined,
    sources: () => [],
    deploy: () => undefined,
    activate: () => undefined,
    close: () => {},
  }),
  reader: new SourceReader(),
  changed: () => {},
};

const execution: ExecutionWithSteps = {
  id: ID,
  workflowId: "lead-created",
  definitionHash: definitionOf().hash,
  userId: null,
  status: "SUCCEEDED",
  dateStarted: "2026-11-23T15:00:00.000Z",
  dateEnded: "2026-11-23T15:00:01.000Z",
  taskCount: 0,
  runDurationMs: 1_000,
  error: null,
  replayOf: null,
  parentId: null,
  input: { method: "POST", url: "/", query: {}, headers: {}, body: null },
  reply: null,
  steps: [],
};

test("each route opens to this machine's commands and to keys of its scope, and to nobody else", async () => {
  const keys = new Map<string, ApiKey>();
  const keyOf = (...scopes: ApiScope[]): string => {
    const secret = randomBytes(16).toString("hex");
    keys.set(secret, { name: scopes.join("+"), hint: "", scopes, createdAt: "", expiresAt: null });
    return secret;
  };
  const findApiKey = (secret: string) => keys.get(secret);
  const { url, engine, logged } = await serve([definitionOf()], {}, { findApiKey, captures, deployments });
  engine.executions.push(execution);
  const all = keyOf(...SCOPES);
  type Opens = readonly (ApiScope | "local")[] | 401;
  const callers: readonly (readonly [what: string, headers: Record<string, string>, opens: Opens])[] = [
    ["nothing", {}, 401],
    ["a wrong key", { authorization: `Bearer ${randomBytes(16).toString("hex")}` }, 401],
    ["a key as basic", { authorization: `Basic ${all}` }, 401],
    ["a key in another header", { "x-api-key": all }, 401],
    ["two keys", { authorization: `Bearer ${all}, Bearer ${all}` }, 401],
    ["an empty key", { authorization: "Bearer " }, 401],
    ["the local token", { authorization: `Bearer ${TOKEN}` }, [...SCOPES, "local"]],
    ["all scopes", { authorization: `Bearer ${all}` }, SCOPES],
    ...SCOPES.map((scope) => [scope, { authorization: `Bearer ${keyOf(scope)}` }, [scope]] as const),
  ];
  const unexpected: string[] = [];
  for (const [method, path, needs] of ROUTES) {
    for (const [what, headers, opens] of callers) {
      const { status, body } = await fetch(url + path, { method, headers });
      await body?.cancel();
      const refused = status === 401 || status === 403 ? status : 200;
      const expected = opens === 401 ? 401 : opens.includes(needs) ? 200 : 403;
      if (refused !== expected) unexpected.push(`${method} ${path} with ${what}: ${status}, not ${expected}`);
    }
  }
  expect(unexpected).toEqual([]);
  for (const secret of keys.keys()) expect(logged.join("")).not.toContain(secret);
  expect(logged.join("")).toContain("An API key lacks a scope");
});

test("a key opens the server by any name that it has, and the local token by its own names only", async () => {
  const secret = randomBytes(16).toString("hex");
  const key: ApiKey = { name: "k", hint: "", scopes: ["history:read"], createdAt: "", expiresAt: null };
  const { port } = await serve([], {}, { findApiKey: (given) => (given === secret ? key : undefined) });
  const ask = async (bearer: string): Promise<string> => {
    const head = `GET ${BASE} HTTP/1.1\r\nHost: wf.example.com\r\nAuthorization: Bearer ${bearer}\r\nConnection: close\r\n\r\n`;
    return (await exchange(port, head)).slice(9, 12);
  };
  expect([await ask(secret), await ask(TOKEN), await ask("wrong")]).toEqual(["200", "403", "403"]);
});

test("a route that the table does not know has no scope", () => {
  expect(scopeOf("GET", "/task-history/workflow-executions")).toBe("history:read");
  expect(scopeOf("DELETE", "/task-history/workflow-executions")).toBeUndefined();
  expect(scopeOf("GET", "/other")).toBeUndefined();
});
