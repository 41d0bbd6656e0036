import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import type { Engine, ExecutionWithSteps } from "../../src/engine/engine.ts";
import { newExecutionId } from "../../src/engine/id.ts";
import { interpret } from "../../src/engine/interpret.ts";
import { createWorkflowEffect } from "../../src/engine/sub-workflow.ts";
import type { SubWorkflowOptions } from "../../src/engine/sub-workflow.ts";
import type { Value } from "../../src/value.ts";
import type { Definition } from "../../src/workflow/definition.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import { World } from "./definition-builder.ts";

let directory: string;
let live: Map<string, Definition>;
let engine: Engine;
let world: World;
let validate: SubWorkflowOptions["validate"];

function define(id: string, yaml: string): Definition {
  const trigger = "trigger: { request: { methods: [POST] } }\n";
  const source = { workflowId: id, file: `workflows/${id}.yaml`, yaml: trigger + yaml, modules: {} };
  const { definition, problems } = parseWorkflow(source);
  if (definition === undefined) throw new Error(JSON.stringify(problems));
  live.set(id, definition);
  return definition;
}

async function open(): Promise<Engine> {
  return openEmbeddedEngine({
    directory,
    retentionMs: 86_400_000,
    parse: (source) => define(source.workflowId, source.yaml.slice(source.yaml.indexOf("\n") + 1)),
    walk: (definition, context) => {
      const start = createWorkflowEffect({
        engine,
        find: (id) => live.get(id),
        ...(validate === undefined ? {} : { validate }),
      });
      const { secrets } = world;
      const http: World["http"] = (step, call) => world.http(step, call);
      return interpret(definition, context, {
        secrets,
        http,
        function: (...of) => world.function(...of),
        workflow: start,
      });
    },
  });
}

async function run(definition: Definition, body: Value = null): Promise<ExecutionWithSteps> {
  const { id } = await engine.start({
    id: newExecutionId(),
    definition,
    input: { method: "POST", url: "/", query: {}, headers: {}, body },
  });
  await engine.waitEnd(id, 10_000);
  const execution = await engine.get(id);
  if (execution === undefined) throw new Error("it was recorded");
  return execution;
}

const outputOf = (execution: ExecutionWithSteps, path: string): unknown =>
  execution.steps.find((step) => step.path === path)?.output;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "wf-sub-"));
  live = new Map();
  world = new World();
  validate = undefined;
  engine = await open();
});

afterEach(async () => {
  await engine.close();
  rmSync(directory, { recursive: true });
});

const PARENT = `steps:
  - id: child
    workflow: { id: child, body: "\${{ trigger.body }}", query: { n: 1 } }
`;

describe("a workflow step", () => {
  test("runs another workflow with its input and yields its answer", async () => {
    define(
      "child",
      'steps: [{ id: r, response: { status: 201, json: { got: "${{ trigger.body }}", n: "${{ trigger.query.n }}" } } }]',
    );
    const parent = await run(define("parent", PARENT), { a: 1 });
    expect(parent.status).toBe("SUCCEEDED");
    const output = outputOf(parent, "child") as { executionId: string };
    expect(output).toMatchObject({ statusCode: 201, body: { got: { a: 1 }, n: "1" } });
    const child = await engine.get(output.executionId);
    expect(child).toMatchObject({ workflowId: "child", parentId: parent.id, status: "SUCCEEDED" });
  });

  test("yields 202 when the child has no answer", async () => {
    define("child", "steps: [{ id: w, delay: 1ms }]");
    const parent = await run(define("parent", PARENT));
    expect(outputOf(parent, "child")).toMatchObject({ statusCode: 202, body: null });
  });

  test("with `wait: false` goes on with the child's id", async () => {
    define("child", "steps: [{ id: w, delay: 1h }]");
    const parent = await run(define("parent", "steps: [{ id: child, workflow: { id: child, wait: false } }]"));
    const { executionId } = outputOf(parent, "child") as { executionId: string };
    expect(Object.keys(outputOf(parent, "child") as object)).toEqual(["executionId"]);
    expect(await engine.get(executionId)).toMatchObject({ parentId: parent.id });
    expect(await engine.cancel(executionId)).toBe(true);
  });

  test("fails with the child's id when the child fails, and does not start it again", async () => {
    define("child", "steps: [{ id: f, fail: no luck }]");
    const parent = await run(
      define("parent", "steps: [{ id: child, workflow: child, retry: { max: 2, delay: 1ms } }]"),
    );
    expect(parent).toMatchObject({
      status: "FAILED",
      error: {
        code: "EXECUTION_FAILED",
        message: "Workflow `child` failed: no luck",
        details: { workflowId: "child", error: { code: "FAILED_BY_STEP", message: "no luck" } },
      },
    });
    expect((await engine.list({ workflowId: "child" })).items).toHaveLength(1);
  });

  test("fails when there is no such workflow, or its rules are broken", async () => {
    const none = await run(define("parent", PARENT));
    expect(none.error).toMatchObject({ code: "WORKFLOW_NOT_FOUND" });

    define("child", "steps: []\n");
    const violation = { in: "body", path: "a", rule: "required", message: "`a` is required" } as const;
    validate = () => ({ ok: false, violations: [violation] });
    const broken = await run(define("parent", PARENT));
    expect(broken.error).toMatchObject({ code: "REQUEST_INVALID", details: { errors: [violation] } });
    expect((await engine.list({ workflowId: "child" })).items).toEqual([]);
  });

  test("ends a workflow that starts itself without end", async () => {
    const looped = define("loop", "steps: [{ id: again, workflow: loop }]");
    const first = await run(looped);
    expect(first).toMatchObject({ status: "FAILED", error: { code: "EXECUTION_FAILED" } });
    const all = (await engine.list({ workflowId: "loop" })).items;
    expect(all).toHaveLength(21);
    expect(all.filter((one) => one.error?.code === "STEP_INVALID")).toHaveLength(1);
  });

  test("finds the same child after a restart", async () => {
    define("child", "steps: [{ id: h, http: { url: 'http://127.0.0.1/' } }, { id: r, response: { json: done } }]");
    const called = Promise.withResolvers<void>();
    world = new World({
      h: () => {
        called.resolve();
        return new Promise(() => {});
      },
    });
    const definition = define("parent", PARENT);
    const { id } = await engine.start({
      id: newExecutionId(),
      definition,
      input: { method: "POST", url: "/", query: {}, headers: {}, body: null },
    });
    await called.promise;
    await engine.close();

    world = new World();
    engine = await open();
    expect(await engine.waitEnd(id, 10_000)).toMatchObject({ status: "SUCCEEDED" });
    expect((await engine.list({ workflowId: "child" })).items).toHaveLength(1);
    expect(world.calls).toEqual(["h@1"]);
  });

  test("stops waiting when its time is over; the child goes on", async () => {
    define("child", "steps: [{ id: w, delay: 1h }]");
    const parent = await run(define("parent", "steps: [{ id: child, workflow: child, timeout: 20ms }]"));
    expect(parent.error).toMatchObject({ code: "STEP_TIMEOUT" });
    const [child] = (await engine.list({ workflowId: "child" })).items;
    expect(["EXECUTING", "DELAYED"]).toContain(child?.status);
  });
});

test("every flow step of a file runs as written", async () => {
  const definition = define(
    "all",
    `idempotency: trigger.body.id
timeout: 1m
on_error:
  - { id: sorry, response: { status: 502, json: "\${{ error.message }}" } }
steps:
  - id: route
    switch:
      - when: trigger.body.kind == "a"
        steps: [{ id: first, function: ./f.ts }]
      - else: [{ id: other, http: { url: "http://127.0.0.1/" } }]
  - id: both
    parallel:
      left: [{ id: l, http: { url: "http://127.0.0.1/" } }]
      right: [{ id: pause, delay: { for: 1ms } }]
  - id: each
    foreach: \${{ trigger.body.tags }}
    as: tag
    on_error: continue
    steps:
      - { id: bad, if: 'tag == "x"', fail: "no \${{ tag }}" }
      - { id: send, http: { url: "http://127.0.0.1/\${{ tag }}" } }
  - { id: skipped, if: steps.first != null, delay: 1h }
  - { id: stop, fail: "\${{ steps.each[0].error.message }}, then \${{ steps.each[1].send }}" }
`.replace("[{ id: first, function: ./f.ts }]", '[{ id: first, http: { url: "http://127.0.0.1/" } }]'),
  );
  const execution = await run(definition, { id: "1", kind: "b", tags: ["x", "y"] });
  expect(execution.error).toMatchObject({ code: "FAILED_BY_STEP", message: "no x, then each[1].send" });
  expect(execution.reply).toMatchObject({ status: 502, body: { value: "no x, then each[1].send" } });
  expect(Object.fromEntries(execution.steps.map((step) => [step.path, step.status]))).toEqual({
    route: "SUCCEEDED",
    other: "SUCCEEDED",
    both: "SUCCEEDED",
    l: "SUCCEEDED",
    pause: "SUCCEEDED",
    each: "SUCCEEDED",
    "each[0].bad": "FAILED",
    "each[1].bad": "SKIPPED",
    "each[1].send": "SUCCEEDED",
    skipped: "SKIPPED",
    stop: "FAILED",
    sorry: "SUCCEEDED",
  });
});
