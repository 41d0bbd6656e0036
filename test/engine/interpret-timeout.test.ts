import { describe, expect, test } from "vitest";
import type { StepOutcome } from "../../src/engine/context.ts";
import type { EffectCall } from "../../src/engine/effects.ts";
import { Memory, walk } from "./memory-context.ts";
import {
  World,
  broken,
  call,
  choose,
  fail,
  foreach,
  http,
  ok,
  parallel,
  path,
  respond,
  retry,
  wait,
  workflow,
} from "./definition-builder.ts";

const deaf = (): Promise<StepOutcome> => new Promise(() => {});

/** Ends when its signal is aborted, and tells what it had been doing. */
const listening = (made: EffectCall): Promise<StepOutcome> =>
  new Promise((resolve) => {
    made.signal.addEventListener("abort", () => {
      const reason = made.signal.reason as { code: string };
      resolve({ ...broken(), input: { reason: reason.code }, logs: ["was at work"] });
    });
  });

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("a step's timeout", () => {
  test("aborts the effect with a reason; its input and logs stay in the record", async () => {
    const memory = new Memory();
    const end = await walk(workflow([http("a", { timeoutMs: 5 })]), memory, new World({ a: listening }));
    expect(end).toMatchObject({
      error: { code: "STEP_TIMEOUT", message: "Step `a` took longer than its timeout of 5 ms" },
    });
    expect(memory.outcomes.get("a@1")).toMatchObject({ input: { reason: "STEP_TIMEOUT" }, logs: ["was at work"] });
  });

  test("fails an attempt that ignores it, and the next attempt may succeed", async () => {
    const memory = new Memory();
    const world = new World({ "a@1": deaf });
    const before = timers();
    const end = await walk(workflow([http("a", { timeoutMs: 5, retry })]), memory, world);
    expect(end).toEqual({ status: "SUCCEEDED" });
    expect(world.calls).toEqual(["a@1", "a@2"]);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test("longer than a timer can wait does not fire at once", async () => {
    const before = timers();
    const end = await walk(workflow([http("a", { timeoutMs: 2 ** 33 })]), new Memory(), new World());
    expect(end).toEqual({ status: "SUCCEEDED" });
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test("does not fire after a shutdown has begun; the effect's signal says so", async () => {
    const memory = new Memory();
    const reason = new Error("shutting down");
    let seen: unknown;
    const world = new World({
      a: (made) =>
        new Promise((resolve) => {
          made.signal.addEventListener("abort", () => {
            seen = made.signal.reason;
            resolve(ok(null));
          });
          memory.controller.abort(reason);
        }),
    });
    await walk(workflow([http("a", { timeoutMs: 60_000 })]), memory, world);
    expect(seen).toBe(reason);
  });

  test("cuts a delay short", async () => {
    const memory = new Memory();
    const end = await walk(workflow([wait("w", "1h", { timeoutMs: 60_000 })]), memory, new World());
    expect(end).toMatchObject({ error: { code: "STEP_TIMEOUT" } });
    expect(memory.elapsedMs).toBe(60_000);
  });
});

describe("a container's timeout", () => {
  test.each([
    [
      "foreach",
      foreach("c", [1, 2], [wait("w", "40s"), http("a"), wait("v", "40s"), http("b")], {
        timeoutMs: 60_000,
        concurrency: 1,
      }),
    ],
    ["parallel", parallel("c", { x: [wait("w", "40s"), wait("v", "40s")], y: [http("a")] }, { timeoutMs: 60_000 })],
    ["switch", choose("c", [[undefined, [wait("w", "40s"), http("a"), wait("v", "40s")]]], { timeoutMs: 60_000 })],
  ])("bounds all of a %s, and no step inside catches it", async (_name, step) => {
    const inside = workflow([{ ...step, onError: "continue" }, call("seen", path("steps.c.error.code"))]);
    const memory = new Memory();
    const world = new World();
    expect(await walk(inside, memory, world)).toEqual({ status: "SUCCEEDED" });
    expect(memory.elapsedMs).toBe(60_000);
    expect(world.inputs).toEqual(["STEP_TIMEOUT"]);
    expect(world.calls.filter((key) => key.endsWith("a@1"))).toHaveLength(1);
  });

  test("is not caught by `on_error: continue` of the step that it ends", async () => {
    const steps = [wait("w", "2m", { onError: "continue" }), http("after")];
    const world = new World();
    const end = await walk(workflow([choose("c", [[undefined, steps]], { timeoutMs: 60_000 })]), new Memory(), world);
    expect(end).toMatchObject({ error: { code: "STEP_TIMEOUT", details: { step: "c" } } });
    expect(world.calls).toEqual([]);
  });

  test("ends an effect that is still at work", async () => {
    const definition = workflow([
      choose("c", [[undefined, [http("a", { retry, onError: "continue" })]]], { timeoutMs: 5 }),
    ]);
    const memory = new Memory();
    const end = await walk(definition, memory, new World({ a: listening }));
    expect(end).toMatchObject({ error: { code: "STEP_TIMEOUT", details: { step: "c" } } });
    expect(memory.outcomes.size).toBe(2);
  });

  test("of an inner one is the inner one's own; the outer one goes on", async () => {
    const inner = choose("inner", [[undefined, [wait("w", "1h")]]], { timeoutMs: 10_000, onError: "continue" });
    const world = new World();
    const end = await walk(
      workflow([choose("outer", [[undefined, [inner, http("a")]]], { timeoutMs: 60_000 })]),
      new Memory(),
      world,
    );
    expect(end).toEqual({ status: "SUCCEEDED" });
    expect(world.calls).toEqual(["a@1"]);
  });

  test("holds for each attempt anew", async () => {
    const step = choose("c", [[undefined, [wait("w", "40s"), http("a"), wait("v", "10s")]]], {
      timeoutMs: 60_000,
      retry,
    });
    const memory = new Memory();
    const end = await walk(workflow([step]), memory, new World({ "a@1": broken() }));
    expect(end).toEqual({ status: "SUCCEEDED" });
    expect(memory.elapsedMs).toBe(40_000 + 10_000 + 40_000 + 10_000);
  });
});

describe("the workflow's timeout", () => {
  test("counts delays and waits before retries; nothing catches it", async () => {
    const steps = [wait("w", "50s"), http("a", { retry, onError: "continue" }), http("b")];
    const memory = new Memory();
    const world = new World({ a: broken() });
    const end = await walk(workflow(steps, { timeoutMs: 65_000 }), memory, world);
    expect(end).toMatchObject({ status: "FAILED", error: { code: "WORKFLOW_TIMEOUT" } });
    expect(memory.elapsedMs).toBe(65_000);
    expect(world.calls).toEqual(["a@1", "a@2"]);
  });

  test("that has passed while the execution slept lets no further step begin", async () => {
    const memory = new Memory();
    memory.clock += 3_600_000;
    const world = new World();
    const end = await walk(workflow([http("a")], { timeoutMs: 60_000 }), memory, world);
    expect(end).toMatchObject({ error: { code: "WORKFLOW_TIMEOUT" } });
    expect(world.calls).toEqual([]);
  });

  test("leaves `on_error` steps 30 s more", async () => {
    const memory = new Memory();
    const world = new World();
    const onError = [respond("sorry", path("error.code")), wait("v", "20s"), http("a"), wait("x", "20s"), http("b")];
    const end = await walk(workflow([wait("w", "5m")], { timeoutMs: 60_000, onError }), memory, world);
    expect(end).toMatchObject({ error: { code: "WORKFLOW_TIMEOUT" } });
    expect(memory.reply).toMatchObject({ body: { value: "WORKFLOW_TIMEOUT" } });
    expect(world.calls).toEqual(["a@1"]);
    expect(memory.elapsedMs).toBe(90_000);
  });

  test("does not touch an execution that ends in time", async () => {
    const memory = new Memory();
    const end = await walk(
      workflow([wait("w", "59s"), fail("f", "x", { onError: "continue" })], { timeoutMs: 60_000 }),
      memory,
      new World(),
    );
    expect(end).toEqual({ status: "SUCCEEDED" });
  });
});
