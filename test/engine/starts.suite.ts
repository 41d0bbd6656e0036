/** Part of the engine suite: starts and steps. */
import { describe, expect, it } from "vitest";
import type { StepOutcome } from "../../src/engine/context.ts";
import type { TriggerInput } from "../../src/engine/engine.ts";
import { newExecutionId } from "../../src/engine/id.ts";
import {
  attemptOf,
  definitionOf,
  Gate,
  HASH_LENGTH,
  type Harness,
  inputOf,
  itRestarts,
  ok,
  SECRET,
  SUCCEEDED,
  until,
} from "./engine-fixture.ts";

export function describeStarts(harness: Harness): void {
  describe("start", () => {
    it("records an execution with its input, and walks it", async () => {
      const input = inputOf({ a: [1, "é\u0000\ud83d\ude00", null], ["__proto__x"]: {} }, { userId: "u1" });
      const id = await harness.begin({ input, bodyText: JSON.stringify(input.body) });
      expect(await harness.ended(id)).toMatchObject({ id, status: "SUCCEEDED", userId: "u1", workflowId: "w" });
      const found = await harness.engine().get(id);
      expect(found?.input).toEqual(input);
      expect(found?.error).toBeNull();
    });

    itRestarts(harness, "keeps an execution and its input when the engine is opened again", async () => {
      const gate = new Gate();
      harness.walk = async () => {
        await gate.pass();
        return SUCCEEDED;
      };
      const id = await harness.begin({ input: inputOf({ n: 1 }) });
      await harness.fixture.reopen();
      expect((await harness.engine().get(id))?.input.body).toEqual({ n: 1 });
      gate.open();
      expect((await harness.ended(id)).status).toBe("SUCCEEDED");
      expect(harness.walks).toBe(2);
    });

    it("tells of the first execution when the same id is started twice", async () => {
      const id = newExecutionId();
      const start = { id, definition: definitionOf("w"), input: inputOf() };
      const outcomes = await Promise.all([harness.engine().start(start), harness.engine().start(start)]);
      expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["created", "exists"]);
      expect(await harness.engine().start(start)).toEqual({ outcome: "exists", id });
      await harness.ended(id);
      expect((await harness.engine().list({})).items).toHaveLength(1);
    });

    it("starts one execution for one idempotency key, however many ask at once", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 500 }, () =>
          harness.engine().start({
            id: newExecutionId(),
            definition: definitionOf("w"),
            input: inputOf(),
            idempotencyKey: "k",
          }),
        ),
      );
      expect(outcomes.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
      expect(new Set(outcomes.map(({ id }) => id)).size).toBe(1);
      expect(harness.walks).toBe(1);
    });

    it("knows idempotency keys per workflow, and after it is opened again", async () => {
      const first = await harness.begin({ idempotencyKey: "k" });
      const other = await harness.begin({ idempotencyKey: "k", definition: definitionOf("v") });
      expect(other).not.toBe(first);
      await harness.fixture.reopen();
      expect(await harness.begin({ idempotencyKey: "k" })).toBe(first);
    });

    itRestarts(harness, "runs the definition that the execution began with", async () => {
      const seen: string[] = [];
      const gate = new Gate();
      harness.walk = async (definition) => {
        seen.push(definition.hash);
        await gate.pass();
        return SUCCEEDED;
      };
      const id = await harness.begin({ definition: definitionOf("w", "1") });
      await harness.begin({ definition: definitionOf("w", "2") });
      await harness.fixture.reopen();
      await until(() => seen.length === 4);
      expect([...seen].sort()).toEqual(["1", "1", "2", "2"].map((hash) => hash.padEnd(HASH_LENGTH, "0")));
      expect((await harness.engine().definition("1".padEnd(HASH_LENGTH, "0")))?.source.yaml).toBe("name: w # 1");
      expect(await harness.engine().definition("none")).toBeUndefined();
      gate.open();
      await harness.ended(id);
    });

    it("keeps what an execution repeats and what started it", async () => {
      const id = await harness.begin({ replayOf: "a", parentId: "b" });
      expect(await harness.engine().get(id)).toMatchObject({ replayOf: "a", parentId: "b" });
    });
  });

  describe("steps", () => {
    itRestarts(harness, "yields recorded outcomes after a restart without running the steps again", async () => {
      const runs: string[] = [];
      const seen: unknown[] = [];
      const gate = new Gate();
      harness.walk = async (_, context) => {
        const run = (path: string, outcome: StepOutcome): Promise<StepOutcome> =>
          context.step(attemptOf(path), () => {
            runs.push(path);
            return outcome;
          });
        seen.push(await run("a", ok({ n: 1 })));
        seen.push(
          await run("b", {
            kind: "failed",
            error: { code: "HTTP_STATUS", message: "no", details: { statusCode: 500 } },
            retryable: true,
            retryAfterMs: 7,
          }),
        );
        seen.push(await run("c", { kind: "skipped" }));
        seen.push(context.now("t"));
        await gate.pass();
        return SUCCEEDED;
      };
      const id = await harness.begin();
      await gate.reached;
      await until(async () => (await harness.engine().get(id))?.steps.length === 3);
      await harness.fixture.reopen();
      await until(() => seen.length === 8);
      expect(runs).toEqual(["a", "b", "c"]);
      expect(seen.slice(4)).toEqual(seen.slice(0, 4));
      gate.open();
      expect((await harness.ended(id)).taskCount).toBe(3);
    });

    itRestarts(harness, "runs a step again that was not recorded", async () => {
      const gate = new Gate();
      let runs = 0;
      harness.walk = async (_, context) => {
        await context.step(attemptOf("a"), async () => {
          if (++runs === 1) await gate.pass();
          return ok(runs);
        });
        return SUCCEEDED;
      };
      const id = await harness.begin();
      await gate.reached;
      await harness.fixture.reopen();
      await harness.ended(id);
      gate.open();
      const found = await harness.engine().get(id);
      expect(found?.steps).toMatchObject([{ path: "a", status: "SUCCEEDED", output: 2 }]);
    });

    it("merges attempts into one step execution", async () => {
      harness.walk = async (_, context) => {
        const error = { code: "HTTP_FAILED", message: "no" } as const;
        const outcome: StepOutcome = { kind: "failed", error, retryable: true, logs: ["one"], input: { i: 1 } };
        await context.step(attemptOf("a", { name: "A" }), () => outcome);
        await context.delay("a#retry1", 1);
        await context.step(attemptOf("a", { name: "A", attempt: 2 }), () =>
          ok("x", { logs: ["two"], input: { i: 2 } }),
        );
        return SUCCEEDED;
      };
      const id = await harness.begin();
      expect((await harness.ended(id)).taskCount).toBe(1);
      const steps = (await harness.engine().get(id))?.steps;
      expect(steps).toHaveLength(1);
      expect(steps?.[0]).toMatchObject({
        id: `${id}:a`,
        name: "A",
        status: "SUCCEEDED",
        input: { i: 2 },
        output: "x",
        error: null,
        logs: ["one", "two"],
      });
      expect(steps?.[0]?.attempts.map(({ error }) => error?.code)).toEqual(["HTTP_FAILED", undefined]);
    });

    it("shows a step that runs, and its siblings in the order in which they started", async () => {
      const gate = new Gate();
      harness.walk = async (_, context) => {
        await Promise.all([
          context.step(attemptOf("slow"), async () => {
            await gate.pass();
            return ok(null);
          }),
          context.step(attemptOf("quick"), () => ok(1)),
        ]);
        return SUCCEEDED;
      };
      const id = await harness.begin();
      await gate.reached;
      await until(async () => (await harness.engine().get(id))?.steps.length === 2);
      const running = (await harness.engine().get(id))?.steps.find(({ path }) => path === "slow");
      expect(running).toMatchObject({ status: "EXECUTING", end: null });
      gate.open();
      await harness.ended(id);
      expect((await harness.engine().get(id))?.steps.map(({ status }) => status)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    });

    it("fails a step whose output is too large or no JSON, and goes on", async () => {
      const seen: StepOutcome[] = [];
      harness.walk = async (_, context) => {
        seen.push(await context.step(attemptOf("large"), () => ok("x".repeat(10_000_001))));
        seen.push(await context.step(attemptOf("bigint"), () => ok(1n as never)));
        return SUCCEEDED;
      };
      expect((await harness.ended(await harness.begin())).status).toBe("SUCCEEDED");
      expect(seen).toMatchObject([
        { kind: "failed", error: { code: "OUTPUT_TOO_LARGE" }, retryable: false },
        { kind: "failed", error: { code: "STEP_INVALID" }, retryable: false },
      ]);
    });

    it("keeps secrets out of records, and hands on what a restart would read", async () => {
      let seen: StepOutcome | undefined;
      let input: TriggerInput | undefined;
      harness.walk = async (_, context) => {
        input = context.input;
        seen = await context.step(attemptOf("a"), () =>
          ok({ token: SECRET, [SECRET]: 1 }, { input: { auth: `Bearer ${SECRET}` }, logs: [SECRET] }),
        );
        return { status: "FAILED", error: { code: "FAILED_BY_STEP", message: `no ${SECRET}` } };
      };
      const id = await harness.begin({
        input: inputOf({ a: SECRET }),
        bodyText: `{"a":"\\u0068${SECRET.slice(1)}"}`,
      });
      await harness.ended(id);
      const found = await harness.engine().get(id);
      expect(JSON.stringify(found)).not.toContain(SECRET);
      expect(found?.input.body).toEqual({ a: "[secret]" });
      expect(input).toEqual(found?.input);
      expect(seen).toMatchObject({ output: { token: "[secret]", "[secret]": 1 } });
      expect(found?.steps[0]?.output).toEqual({ token: "[secret]", "[secret]": 1 });
    });

    it("ends an execution whose walk throws, without its details", async () => {
      harness.walk = async () => {
        throw new Error("details");
      };
      expect(await harness.ended(await harness.begin())).toMatchObject({
        status: "FAILED",
        error: { code: "INTERNAL", message: "Internal error" },
      });
    });
  });
}
