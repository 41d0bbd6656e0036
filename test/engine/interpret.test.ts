import { describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import {
  expression,
  ok,
  broken,
  call,
  choose,
  fail,
  foreach,
  http,
  path,
  respond,
  retry,
  template,
  workflow,
} from "./definition-builder.ts";
import { SUCCEEDED, run, see } from "./interpret-run.ts";
import { Memory } from "./memory-context.ts";

describe("a step", () => {
  test("hands its output to later steps, with trigger, secrets and execution beside it", async () => {
    const memory = new Memory({ body: { email: "a@b.co" }, userId: "u" });
    const { end, world } = await run(
      [
        http("contact"),
        see("s1", "steps.contact"),
        see("s2", "trigger.body.email"),
        see("s3", "secrets.TOKEN"),
        see("s4", "execution.startedAt"),
      ],
      { contact: ok("c-1") },
      memory,
    );
    expect(end).toEqual(SUCCEEDED);
    expect(world.inputs).toEqual(["c-1", "a@b.co", world.secrets["TOKEN"], "2026-01-01T00:00:00.000Z"]);
  });

  test("whose `if` is false is recorded as skipped, and its output is null", async () => {
    const { end, memory, world } = await run([http("a", { if: expression(() => false) }), see("b", "steps.a")]);
    expect(end).toEqual(SUCCEEDED);
    expect(world.calls).toEqual(["b@1"]);
    expect(world.inputs).toEqual([null]);
    expect(memory.outcomes.get("a@1")).toEqual({ kind: "skipped" });
    expect(memory.attempts[0]).toEqual({ path: "a", stepId: "a", kind: "http", attempt: 1, effect: false });
  });

  test.each([
    ["an expression fails", path("trigger.body.nothing"), "EXPRESSION_FAILED"],
    ["it yields text", () => "false", "STEP_INVALID"],
    ["it yields null", () => null, "STEP_INVALID"],
  ])("fails when in its `if` %s", async (_name, condition, code) => {
    const { end, memory } = await run([http("a", { if: expression(condition) })]);
    expect(end).toMatchObject({ status: "FAILED", error: { code } });
    expect(memory.outcomes.get("a@1")).toMatchObject({ kind: "failed", error: { code } });
  });

  test("that fails ends the workflow; those after it do not run", async () => {
    const { end, world } = await run([http("a"), http("b")], { a: broken() });
    expect(end).toMatchObject({ status: "FAILED", error: { code: "HTTP_STATUS", details: { statusCode: 503 } } });
    expect(world.calls).toEqual(["a@1"]);
  });

  test("with `on_error: continue` makes its error its output", async () => {
    const { end, world } = await run([http("a", { onError: "continue" }), see("b", "steps.a")], { a: broken() });
    expect(end).toEqual(SUCCEEDED);
    expect(world.inputs).toEqual([{ error: { code: "HTTP_STATUS", message: "answered 503", statusCode: 503 } }]);
  });

  test("with `on_error: continue` goes on after an expression that fails", async () => {
    const { end, memory } = await run([call("a", path("trigger.body.x"), { onError: "continue" }), http("b")]);
    expect(end).toEqual(SUCCEEDED);
    expect(memory.outcomes.get("a@1")).toMatchObject({ error: { code: "EXPRESSION_FAILED" } });
  });

  test("that throws is recorded as an internal error without details, which the rejection carries", async () => {
    const defect = new TypeError("x is not a function");
    const memory = new Memory();
    const scripts = {
      a: () => {
        throw defect;
      },
    };
    const running = run([http("a", { onError: "continue", retry })], scripts, memory);
    const rejection: unknown = await running.catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(WfError);
    expect(rejection).toMatchObject({ code: "INTERNAL", message: "Internal error", cause: defect });
    expect(memory.outcomes.get("a@1")).toMatchObject({
      kind: "failed",
      error: { code: "INTERNAL", message: "Internal error" },
    });
    expect(memory.outcomes.size).toBe(1);
  });

  test("that throws while it evaluates is a defect too, also in a container", async () => {
    const explode = (): never => {
      throw new RangeError("Maximum call stack size exceeded");
    };
    const memory = new Memory();
    await expect(run([choose("s", [[undefined, [foreach("f", explode, [])]]])], {}, memory)).rejects.toMatchObject({
      code: "INTERNAL",
    });
    expect([...memory.outcomes.keys()]).toEqual(["f@1", "s@1"]);
  });
});

describe("retry", () => {
  test("records each attempt and waits longer each time", async () => {
    const { end, memory, world } = await run([http("a", { retry }), see("b", "steps.a")], {
      a: broken(),
      "a@4": ok("at last"),
    });
    expect(end).toEqual(SUCCEEDED);
    expect([...memory.outcomes.keys()]).toEqual(["a@1", "a@2", "a@3", "a@4", "b@1"]);
    expect([...memory.wakeUps.keys()]).toEqual(["a#retry1", "a#retry2", "a#retry3"]);
    expect(memory.elapsedMs).toBe(60_000);
    expect(memory.delaySteps).toEqual([]);
    expect(world.inputs).toEqual(["at last"]);
  });

  test("stops after `max` retries with the last error", async () => {
    const { end, world } = await run([http("a", { retry: { ...retry, max: 2 } })], { a: broken() });
    expect(end).toMatchObject({ status: "FAILED", error: { code: "HTTP_STATUS" } });
    expect(world.calls).toEqual(["a@1", "a@2", "a@3"]);
  });

  test.each([
    ["what is not retryable", http("a", { retry }), broken({ retryable: false })],
    ["an input that cannot be evaluated", call("a", path("trigger.no"), { retry }), ok(null)],
    [
      "an input that cannot be evaluated, whatever `when` says",
      call("a", path("trigger.no"), { retry: { ...retry, when: expression(() => true) } }),
      ok(null),
    ],
    ["anything when `max` is 0", http("a", { retry: { ...retry, max: 0 } }), broken()],
  ])("does not repeat %s", async (_name, step, answer) => {
    const { end, memory } = await run([step], { a: answer });
    expect(end).toMatchObject({ status: "FAILED" });
    expect(memory.outcomes.size).toBe(1);
  });

  test("waits as long as the other server asks, up to `max_delay`", async () => {
    const policy = { ...retry, max: 2, maxDelayMs: 90_000 };
    const { memory } = await run([http("a", { retry: policy })], {
      "a@1": broken({ retryAfterMs: 60_000 }),
      "a@2": broken({ retryAfterMs: 600_000 }),
      a: ok(null),
    });
    expect(memory.elapsedMs).toBe(60_000 + 90_000);
  });

  test("multiplies waits past the end of the list by `backoff`", async () => {
    const policy = { max: 4, delaysMs: [1_000, 2_000], backoff: 3, maxDelayMs: 10_000 };
    const { memory } = await run([http("a", { retry: policy })], { a: broken() });
    expect(memory.elapsedMs).toBe(1_000 + 2_000 + 6_000 + 10_000);
  });

  test("`when` decides with the error in scope", async () => {
    const when = expression((scope) => path("error.statusCode")(scope) === 503);
    const { world } = await run([http("a", { retry: { ...retry, when } })], {
      "a@1": broken({ retryable: false }),
      a: { kind: "failed", error: { code: "HTTP_STATUS", message: "", details: { statusCode: 500 } }, retryable: true },
    });
    expect(world.calls).toEqual(["a@1", "a@2"]);
  });

  test.each([
    ["fails", path("error.nothing"), "EXPRESSION_FAILED"],
    ["yields no boolean", () => 1, "STEP_INVALID"],
  ])("a `when` that %s fails the step and keeps the error that led to it", async (_name, when, code) => {
    const { end, world } = await run([http("a", { retry: { ...retry, when: expression(when) } })], { a: broken() });
    expect(end).toMatchObject({ error: { code, details: { error: { code: "HTTP_STATUS" } } } });
    expect(world.calls).toEqual(["a@1"]);
  });

  test("of a container runs its steps again under the same paths, as further attempts", async () => {
    const { end, world, memory } = await run(
      [choose("s", [[undefined, [http("a"), http("b")]]], { retry }), see("c", "steps.b")],
      { "b@1": broken(), b: ok("good") },
    );
    expect(end).toEqual(SUCCEEDED);
    expect(world.calls).toEqual(["a@1", "b@1", "a@2", "b@2", "c@1"]);
    expect([...memory.outcomes.keys()].filter((key) => key.startsWith("s"))).toEqual(["s@1", "s@2"]);
    expect(world.inputs).toEqual(["good"]);
  });
});

describe("the workflow's on_error", () => {
  test("runs with the error in scope and may answer; the first error stays", async () => {
    const { end, memory, world } = await run(
      workflow([http("a"), http("b"), http("c")], {
        onError: [
          call("seen", (scope) => [scope["error"] ?? null, scope["steps"] ?? null]),
          respond("sorry", "failed", { status: template(502) }),
          fail("again", "second"),
        ],
      }),
      { b: broken() },
    );
    expect(end).toMatchObject({ status: "FAILED", error: { code: "HTTP_STATUS" } });
    expect(world.inputs[0]).toMatchObject([
      { step: "b", code: "HTTP_STATUS", message: "answered 503", statusCode: 503 },
      { a: "a", b: null, c: null },
    ]);
    expect(memory.reply).toMatchObject({ status: 502 });
  });

  test("runs after a defect, too", async () => {
    const memory = new Memory();
    const definition = workflow([http("a")], { onError: [http("tell")] });
    const scripts = {
      a: () => {
        throw new Error("defect");
      },
    };
    await expect(run(definition, scripts, memory)).rejects.toMatchObject({ code: "INTERNAL" });
    expect([...memory.outcomes.keys()]).toEqual(["a@1", "tell@1"]);
  });

  test("does not run when all went well", async () => {
    const { end, world } = await run(workflow([http("a")], { onError: [http("b")] }));
    expect(end).toEqual(SUCCEEDED);
    expect(world.calls).toEqual(["a@1"]);
  });
});
