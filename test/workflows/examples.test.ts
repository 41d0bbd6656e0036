import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ExecutionWithSteps } from "../../src/engine/engine.ts";
import { createProject, type TestProject } from "../project.ts";
import { type ServeProcess, startServe } from "../serve.ts";

/** The shipped examples, as a user runs them; only the port differs and the long waits are shorter. */
const EXAMPLES = fileURLToPath(new URL("../../workflows/", import.meta.url));

let project: TestProject;
let wf: ServeProcess;

beforeAll(async () => {
  const port = await freePort();
  project = await createProject({ "wf.yaml": "project: examples\nlimits: { response_timeout: 300ms }\n" });
  for (const file of readdirSync(EXAMPLES, { recursive: true, encoding: "utf8" })) {
    if (!/\.(yaml|ts)$/.test(file)) continue;
    const text = readFileSync(join(EXAMPLES, file), "utf8")
      .replaceAll("127.0.0.1:4000", `127.0.0.1:${port}`)
      .replace("rows * 20 }}s", "rows * 300 }}ms");
    await project.write(`workflows/${file}`, text);
  }
  wf = await startServe(project.root, { args: ["--port", String(port)] });
});

afterAll(async () => {
  await wf[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
});

it("lead-created answers 202 at once and scores and announces the lead in the background", async () => {
  const response = await trigger("lead-created?source=web", {
    email: "ada@example.com",
    seats: 12,
    tags: ["trial", "eu"],
  });
  expect(response.status).toBe(202);
  const execution = await ended(await executionId(response));
  expect(execution.status).toBe("SUCCEEDED");
  expect(output(execution, "score")).toEqual({ score: 80 });
  expect(output(execution, "notify")).toMatchObject([{ send: { statusCode: 201 } }, { send: { statusCode: 201 } }]);
});

it("lead-created refuses a request that breaks its rules, naming every broken rule", async () => {
  const response = await trigger("lead-created?source=tv", { email: "ada", seats: 0 });
  expect(response.status).toBe(400);
  const answer = (await response.json()) as { code: string; errors: { in: string; path: string }[] };
  expect(answer.code).toBe("REQUEST_INVALID");
  expect(answer.errors.map((error) => `${error.in}.${error.path}`).toSorted()).toEqual([
    "body.email",
    "body.seats",
    "query.source",
  ]);
});

it("contacts answers with what its steps found out", async () => {
  const response = await trigger("contacts", { email: "ada@example.com", name: "Ada" });
  expect(response.status).toBe(201);
  const answer = (await response.json()) as { contactId: string };
  expect(answer).toEqual({
    contactId: response.headers.get("x-contact-id"),
    email: "ada@example.com",
    greeting: "Hello Ada!",
  });
});

it("report answers with the file that its http step fetched", async () => {
  const response = await trigger("report", {});
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/csv");
  expect(response.headers.get("content-disposition")).toContain("leads.csv");
  expect(await response.text()).toBe("email,seats\r\nada@example.com,12\r\ngrace@example.com,3\r\n");
});

it("slow-import answers 542 with exactly five fields and is found finished in history", async () => {
  const response = await trigger("slow-import", { rows: 3 });
  expect(response.status).toBe(542);
  const answer = (await response.json()) as Record<string, string>;
  expect(answer).toEqual({
    message: "Workflow has been enqueued but has not completed.",
    dateSubmitted: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    projectId: "examples",
    workflowId: "slow-import",
    executionId: expect.any(String),
  });
  const execution = await ended(answer["executionId"] ?? "");
  expect(execution.reply).toMatchObject({ kind: "response", body: { value: { imported: 3 } } });
});

it("github-push notes each commit of a push, and runs a repeated delivery once", async () => {
  const push = JSON.stringify({
    ref: "refs/heads/main",
    repository: { full_name: "octo/app" },
    commits: [
      { id: "a1", author: { email: "ada@example.com" } },
      { id: "b2", author: { email: "grace@example.com" } },
    ],
  });
  const headers = { "content-type": "application/json", "x-github-event": "push", "x-github-delivery": "d-1" };
  const send = (): Promise<Response> =>
    fetch(`${wf.url}/triggers/github-push`, { method: "POST", headers, body: push });
  const [first, second] = [await send(), await send()];
  const id = await executionId(first);
  expect(await executionId(second)).toBe(id);
  const execution = await ended(id);
  expect(execution.status).toBe("SUCCEEDED");
  expect(execution.steps.filter((step) => step.stepId === "note").map((step) => step.path)).toEqual([
    "commits[0].note",
    "commits[1].note",
  ]);
});

it("approval-reminder sleeps for two days and can be cancelled meanwhile", async () => {
  const id = await executionId(await trigger("approval-reminder", { approver: "ada@example.com", document: "Q4" }));
  await until(id, (execution) => execution.status === "DELAYED");
  await api(`/${id}/cancel`, { method: "POST" });
  const execution = await until(id, (current) => current.status === "CANCELLED");
  expect(execution.steps.some((step) => step.stepId === "remind")).toBe(false);
});

function trigger(path: string, body: unknown): Promise<Response> {
  return fetch(`${wf.url}/triggers/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function executionId(response: Response): Promise<string> {
  const body = (await response.json()) as { executionId?: string };
  return body.executionId ?? "";
}

function ended(id: string): Promise<ExecutionWithSteps> {
  return until(id, (execution) => ["SUCCEEDED", "FAILED", "CANCELLED"].includes(execution.status));
}

/** Asks again until the execution is as wanted; the test's own time limit ends it otherwise. */
async function until(id: string, wanted: (execution: ExecutionWithSteps) => boolean): Promise<ExecutionWithSteps> {
  for (;;) {
    const response = await api(`/${id}/details`);
    const execution = (await response.json()) as ExecutionWithSteps;
    if (response.status === 200 && wanted(execution)) return execution;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function api(path: string, init: RequestInit = {}): Promise<Response> {
  const state = JSON.parse(readFileSync(join(project.root, ".wf/server.json"), "utf8")) as { token: string };
  return fetch(`${wf.url}/projects/examples/task-history/workflow-executions${path}`, {
    ...init,
    headers: { authorization: `Bearer ${state.token}` },
  });
}

function output(execution: ExecutionWithSteps, path: string): unknown {
  return execution.steps.find((step) => step.path === path)?.output;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
