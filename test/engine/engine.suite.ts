/** What every engine must do, said against the contract alone; each engine's own test calls it. */
import { once } from "node:events";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ExecutionContext, ExecutionEnd, StepAttempt, StepOutcome } from "../../src/engine/context.ts";
import type { Engine, Execution, ExecutionStart, Reply, TriggerInput } from "../../src/engine/engine.ts";
import { newExecutionId } from "../../src/engine/id.ts";
import { FileValue, type Value } from "../../src/value.ts";
import type { Definition, DefinitionSource } from "../../src/workflow/definition.ts";

export type Walk = (definition: Definition, context: ExecutionContext) => Promise<ExecutionEnd>;

/** An engine on a store of its own. */
export interface EngineFixture {
  readonly engine: Engine;
  /** Closes the engine and opens another one on the same store. */
  reopen(): Promise<void>;
  /** Closes the engine and removes the store. */
  dispose(): Promise<void>;
}

export interface EngineSetup {
  readonly walk: Walk;
  readonly scrub: (text: string) => string;
}

export const SECRET = "hunter2-secret";
const SUCCEEDED: ExecutionEnd = { status: "SUCCEEDED" };
const HASH_LENGTH = 64;

export function definitionOf(id: string, hash: string = id): Definition {
  return {
    id,
    hash: hash.padEnd(HASH_LENGTH, "0"),
    source: { workflowId: id, file: `workflows/${id}.yaml`, yaml: `name: ${id} # ${hash}`, modules: {} },
    request: {
      methods: ["POST"],
      auth: { kind: "none", options: null },
      rules: { query: {}, headers: {}, body: undefined, additional: "allow" } as never,
    },
    steps: [],
    onError: [],
    responds: false,
  };
}

/** Reads a definition of {@link definitionOf} back. */
export function parseDefinition(source: DefinitionSource): Definition {
  return definitionOf(source.workflowId, source.yaml.split(" # ")[1]);
}

export function inputOf(body: Value = null, more: Partial<TriggerInput> = {}): TriggerInput {
  return { method: "POST", url: "/triggers/w", query: {}, headers: { host: "localhost" }, body, ...more };
}

export function attemptOf(path: string, more: Partial<StepAttempt> = {}): StepAttempt {
  return { path, stepId: path.split(".").at(-1) ?? path, kind: "http", attempt: 1, effect: true, ...more };
}

export function ok(output: Value, more: { input?: Value; logs?: string[] } = {}): StepOutcome {
  return { kind: "succeeded", output, ...more };
}

export function jsonReply(value: Value): Reply {
  return { kind: "response", status: 201, headers: { "x-a": "b" }, body: { kind: "json", value } };
}

/** Something that a walk waits for until the test says so. */
export class Gate {
  readonly #opened: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #reached: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  /** Resolves once a walk stands at it. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  open(): void {
    this.#opened.resolve();
  }

  async pass(): Promise<void> {
    this.#reached.resolve();
    await this.#opened.promise;
  }
}

/** Waits for a condition; fails with the test's own time limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function describeEngine(name: string, open: (setup: EngineSetup) => Promise<EngineFixture>): void {
  describe(name, () => {
    let fixture: EngineFixture;
    let walk: Walk;
    let walks: number;
    const engine = (): Engine => fixture.engine;

    beforeEach(async () => {
      walks = 0;
      walk = async () => SUCCEEDED;
      fixture = await open({
        walk: (definition, context) => {
          walks++;
          return walk(definition, context);
        },
        scrub: (text) => text.replaceAll(SECRET, "[secret]"),
      });
    });
    afterEach(() => fixture.dispose());

    const begin = async (more: Partial<ExecutionStart> = {}): Promise<string> => {
      const id = newExecutionId();
      const started = await engine().start({ id, definition: definitionOf("w"), input: inputOf(), ...more });
      return started.id;
    };
    const ended = async (id: string): Promise<Execution> => {
      const execution = await engine().waitEnd(id, 15_000);
      if (execution === undefined) throw new Error(`${id} has not ended`);
      return execution;
    };

    describe("start", () => {
      it("records an execution with its input, and walks it", async () => {
        const input = inputOf({ a: [1, "é\u0000\ud83d\ude00", null], ["__proto__x"]: {} }, { userId: "u1" });
        const id = await begin({ input, bodyText: JSON.stringify(input.body) });
        expect(await ended(id)).toMatchObject({ id, status: "SUCCEEDED", userId: "u1", workflowId: "w" });
        const found = await engine().get(id);
        expect(found?.input).toEqual(input);
        expect(found?.error).toBeNull();
      });

      it("keeps an execution and its input when the engine is opened again", async () => {
        const gate = new Gate();
        walk = async () => {
          await gate.pass();
          return SUCCEEDED;
        };
        const id = await begin({ input: inputOf({ n: 1 }) });
        await fixture.reopen();
        expect((await engine().get(id))?.input.body).toEqual({ n: 1 });
        gate.open();
        expect((await ended(id)).status).toBe("SUCCEEDED");
        expect(walks).toBe(2);
      });

      it("tells of the first execution when the same id is started twice", async () => {
        const id = newExecutionId();
        const start = { id, definition: definitionOf("w"), input: inputOf() };
        const outcomes = await Promise.all([engine().start(start), engine().start(start)]);
        expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["created", "exists"]);
        expect(await engine().start(start)).toEqual({ outcome: "exists", id });
        await ended(id);
        expect((await engine().list({})).items).toHaveLength(1);
      });

      it("starts one execution for one idempotency key, however many ask at once", async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 500 }, () =>
            engine().start({
              id: newExecutionId(),
              definition: definitionOf("w"),
              input: inputOf(),
              idempotencyKey: "k",
            }),
          ),
        );
        expect(outcomes.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
        expect(new Set(outcomes.map(({ id }) => id)).size).toBe(1);
        expect(walks).toBe(1);
      });

      it("knows idempotency keys per workflow, and after it is opened again", async () => {
        const first = await begin({ idempotencyKey: "k" });
        const other = await begin({ idempotencyKey: "k", definition: definitionOf("v") });
        expect(other).not.toBe(first);
        await fixture.reopen();
        expect(await begin({ idempotencyKey: "k" })).toBe(first);
      });

      it("runs the definition that the execution began with", async () => {
        const seen: string[] = [];
        const gate = new Gate();
        walk = async (definition) => {
          seen.push(definition.hash);
          await gate.pass();
          return SUCCEEDED;
        };
        const id = await begin({ definition: definitionOf("w", "1") });
        await begin({ definition: definitionOf("w", "2") });
        await fixture.reopen();
        await until(() => seen.length === 4);
        expect([...seen].sort()).toEqual(["1", "1", "2", "2"].map((hash) => hash.padEnd(HASH_LENGTH, "0")));
        expect((await engine().definition("1".padEnd(HASH_LENGTH, "0")))?.source.yaml).toBe("name: w # 1");
        expect(await engine().definition("none")).toBeUndefined();
        gate.open();
        await ended(id);
      });

      it("keeps what an execution repeats and what started it", async () => {
        const id = await begin({ replayOf: "a", parentId: "b" });
        expect(await engine().get(id)).toMatchObject({ replayOf: "a", parentId: "b" });
      });
    });

    describe("steps", () => {
      it("yields recorded outcomes after a restart without running the steps again", async () => {
        const runs: string[] = [];
        const seen: unknown[] = [];
        const gate = new Gate();
        walk = async (_, context) => {
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
        const id = await begin();
        await gate.reached;
        await until(async () => (await engine().get(id))?.steps.length === 3);
        await fixture.reopen();
        await until(() => seen.length === 8);
        expect(runs).toEqual(["a", "b", "c"]);
        expect(seen.slice(4)).toEqual(seen.slice(0, 4));
        gate.open();
        expect((await ended(id)).taskCount).toBe(3);
      });

      it("runs a step again that was not recorded", async () => {
        const gate = new Gate();
        let runs = 0;
        walk = async (_, context) => {
          await context.step(attemptOf("a"), async () => {
            if (++runs === 1) await gate.pass();
            return ok(runs);
          });
          return SUCCEEDED;
        };
        const id = await begin();
        await gate.reached;
        await fixture.reopen();
        await ended(id);
        gate.open();
        const found = await engine().get(id);
        expect(found?.steps).toMatchObject([{ path: "a", status: "SUCCEEDED", output: 2 }]);
      });

      it("merges attempts into one step execution", async () => {
        walk = async (_, context) => {
          const error = { code: "HTTP_FAILED", message: "no" } as const;
          const outcome: StepOutcome = { kind: "failed", error, retryable: true, logs: ["one"], input: { i: 1 } };
          await context.step(attemptOf("a", { name: "A" }), () => outcome);
          await context.delay("a#retry1", 1);
          await context.step(attemptOf("a", { name: "A", attempt: 2 }), () =>
            ok("x", { logs: ["two"], input: { i: 2 } }),
          );
          return SUCCEEDED;
        };
        const id = await begin();
        expect((await ended(id)).taskCount).toBe(1);
        const steps = (await engine().get(id))?.steps;
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
        walk = async (_, context) => {
          await Promise.all([
            context.step(attemptOf("slow"), async () => {
              await gate.pass();
              return ok(null);
            }),
            context.step(attemptOf("quick"), () => ok(1)),
          ]);
          return SUCCEEDED;
        };
        const id = await begin();
        await gate.reached;
        await until(async () => (await engine().get(id))?.steps.length === 2);
        const running = (await engine().get(id))?.steps.find(({ path }) => path === "slow");
        expect(running).toMatchObject({ status: "EXECUTING", end: null });
        gate.open();
        await ended(id);
        expect((await engine().get(id))?.steps.map(({ status }) => status)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
      });

      it("fails a step whose output is too large or no JSON, and goes on", async () => {
        const seen: StepOutcome[] = [];
        walk = async (_, context) => {
          seen.push(await context.step(attemptOf("large"), () => ok("x".repeat(10_000_001))));
          seen.push(await context.step(attemptOf("bigint"), () => ok(1n as never)));
          return SUCCEEDED;
        };
        expect((await ended(await begin())).status).toBe("SUCCEEDED");
        expect(seen).toMatchObject([
          { kind: "failed", error: { code: "OUTPUT_TOO_LARGE" }, retryable: false },
          { kind: "failed", error: { code: "STEP_INVALID" }, retryable: false },
        ]);
      });

      it("keeps secrets out of records, and hands on what a restart would read", async () => {
        let seen: StepOutcome | undefined;
        let input: TriggerInput | undefined;
        walk = async (_, context) => {
          input = context.input;
          seen = await context.step(attemptOf("a"), () =>
            ok({ token: SECRET, [SECRET]: 1 }, { input: { auth: `Bearer ${SECRET}` }, logs: [SECRET] }),
          );
          return { status: "FAILED", error: { code: "FAILED_BY_STEP", message: `no ${SECRET}` } };
        };
        const id = await begin({
          input: inputOf({ a: SECRET }),
          bodyText: `{"a":"\\u0068${SECRET.slice(1)}"}`,
        });
        await ended(id);
        const found = await engine().get(id);
        expect(JSON.stringify(found)).not.toContain(SECRET);
        expect(found?.input.body).toEqual({ a: "[secret]" });
        expect(input).toEqual(found?.input);
        expect(seen).toMatchObject({ output: { token: "[secret]", "[secret]": 1 } });
        expect(found?.steps[0]?.output).toEqual({ token: "[secret]", "[secret]": 1 });
      });

      it("ends an execution whose walk throws, without its details", async () => {
        walk = async () => {
          throw new Error("details");
        };
        expect(await ended(await begin())).toMatchObject({
          status: "FAILED",
          error: { code: "INTERNAL", message: "Internal error" },
        });
      });
    });

    describe("delays", () => {
      it("sleeps without the memory, across a restart, and wakes once and never early", async () => {
        let asked = 0;
        let woke = 0;
        walk = async (_, context) => {
          asked ||= Date.now();
          await context.delay("d", 1_200, { stepId: "d", name: "Wait" });
          woke = Date.now();
          await context.step(attemptOf("after"), () => ok(null));
          return SUCCEEDED;
        };
        const id = await begin();
        await until(async () => (await engine().get(id))?.status === "DELAYED");
        expect(engine().running).toBe(0);
        expect((await engine().get(id))?.steps).toMatchObject([
          { path: "d", kind: "delay", status: "DELAYED", end: null },
        ]);
        await fixture.reopen();
        expect(await ended(id)).toMatchObject({ status: "SUCCEEDED", taskCount: 2 });
        expect(woke - asked).toBeGreaterThanOrEqual(1_200);
        expect((await engine().get(id))?.steps.map(({ path, status }) => [path, status])).toEqual([
          ["d", "SUCCEEDED"],
          ["after", "SUCCEEDED"],
        ]);
      });

      it("does not sleep while a step of another branch runs", async () => {
        const gate = new Gate();
        let runs = 0;
        walk = async (_, context) => {
          await Promise.all([
            context.delay("d", 1_100),
            context.step(attemptOf("a"), async () => {
              runs++;
              await gate.pass();
              return ok(null);
            }),
          ]);
          return SUCCEEDED;
        };
        const id = await begin();
        await gate.reached;
        expect((await engine().get(id))?.status).toBe("EXECUTING");
        gate.open();
        await ended(id);
        expect(runs).toBe(1);
      });

      it("wakes a delay that was over while no engine was open", async () => {
        walk = async (_, context) => {
          await context.delay("d", 1_050);
          return SUCCEEDED;
        };
        const ids = await Promise.all(Array.from({ length: 300 }, () => begin()));
        await until(async () => (await engine().list({ status: "DELAYED", limit: 1000 })).items.length === 300);
        await fixture.reopen();
        await Promise.all(ids.map(ended));
        expect((await engine().list({ status: "SUCCEEDED", limit: 1000 })).items).toHaveLength(300);
      });
    });

    describe("cancel", () => {
      it("ends a sleeping execution at once, and for good", async () => {
        walk = async (_, context) => {
          await context.delay("d", 3_600_000, { stepId: "d" });
          return SUCCEEDED;
        };
        const id = await begin();
        await until(async () => (await engine().get(id))?.status === "DELAYED");
        const reply = engine().waitResponse(id, 15_000);
        expect(await engine().cancel(id)).toBe(true);
        expect(await engine().cancel(id)).toBe(false);
        expect(await reply).toEqual({ kind: "cancelled" });
        await fixture.reopen();
        const found = await engine().get(id);
        expect(found).toMatchObject({ status: "CANCELLED", reply: { kind: "cancelled" } });
        expect(found?.dateEnded).not.toBeNull();
      });

      it("stops a running execution at its next step, aborts the signal, and stays final", async () => {
        const gate = new Gate();
        const runs: string[] = [];
        let signal: AbortSignal | undefined;
        walk = async (_, context) => {
          ({ signal } = context);
          await context.step(attemptOf("a"), async () => {
            runs.push("a");
            await gate.pass();
            return ok(null);
          });
          await context.step(attemptOf("b"), () => {
            runs.push("b");
            return ok(null);
          });
          return SUCCEEDED;
        };
        const id = await begin();
        await gate.reached;
        const aborted = once(signal as AbortSignal, "abort");
        expect(await engine().cancel(id)).toBe(true);
        await aborted;
        gate.open();
        expect((await ended(id)).status).toBe("CANCELLED");
        await fixture.reopen();
        expect((await engine().get(id))?.status).toBe("CANCELLED");
        expect(runs).toEqual(["a"]);
        expect(engine().running).toBe(0);
      });

      it("changes nothing for what has ended or is unknown", async () => {
        const id = await begin();
        await ended(id);
        expect(await engine().cancel(id)).toBe(false);
        expect(await engine().cancel(newExecutionId())).toBe(false);
        expect((await engine().get(id))?.status).toBe("SUCCEEDED");
      });
    });

    describe("replies", () => {
      it("hands the first reply to its caller while the steps go on", async () => {
        const gate = new Gate();
        const sent: boolean[] = [];
        walk = async (_, context) => {
          sent.push(await context.respond("r", jsonReply({ a: 1 })));
          sent.push(await context.respond("s", jsonReply({ a: 2 })));
          await gate.pass();
          return SUCCEEDED;
        };
        const id = await begin();
        expect(await engine().waitResponse(id, 15_000)).toEqual(jsonReply({ a: 1 }));
        await gate.reached;
        await fixture.reopen();
        expect(await engine().waitResponse(id, 15_000)).toEqual(jsonReply({ a: 1 }));
        await until(() => sent.length === 4);
        expect(sent).toEqual([true, false, true, false]);
        gate.open();
        await ended(id);
        expect((await engine().get(id))?.reply).toEqual(jsonReply({ a: 1 }));
      });

      it("says how an execution ended that did not reply", async () => {
        const good = await begin();
        expect(await engine().waitResponse(good, 15_000)).toEqual({ kind: "none" });
        walk = async () => ({ status: "FAILED", error: { code: "FAILED_BY_STEP", message: "no" } });
        const bad = await begin();
        expect(await engine().waitResponse(bad, 15_000)).toEqual({ kind: "failed" });
        expect((await engine().get(bad))?.error).toEqual({ code: "FAILED_BY_STEP", message: "no" });
      });

      it("gives up when the time is over, and on unknown executions", async () => {
        const gate = new Gate();
        walk = async () => {
          await gate.pass();
          return SUCCEEDED;
        };
        const id = await begin();
        expect(await engine().waitResponse(id, 5)).toBeUndefined();
        expect(await engine().waitEnd(id, 5)).toBeUndefined();
        expect(await engine().waitResponse(newExecutionId(), 15_000)).toBeUndefined();
        expect(await engine().waitEnd(newExecutionId(), 15_000)).toBeUndefined();
        gate.open();
        await ended(id);
      });
    });

    describe("history", () => {
      it("pages through all executions in order, both ways, without gaps or repeats", async () => {
        const ids: string[] = [];
        for (let i = 0; i < 25; i++) ids.push(await begin());
        await engine().drain(15_000);
        for (const order of ["ASC", "DESC"] as const) {
          const seen: string[] = [];
          let cursor: string | undefined;
          do {
            const page = await engine().list({ order, limit: 7, ...(cursor === undefined ? {} : { cursor }) });
            seen.push(...page.items.map(({ id }) => id));
            cursor = page.next;
          } while (cursor !== undefined);
          expect(seen).toEqual(order === "ASC" ? ids : ids.toReversed());
        }
      });

      it("filters by workflow, user, status and time", async () => {
        walk = async (definition) =>
          definition.id === "bad" ? { status: "FAILED", error: { code: "FAILED_BY_STEP", message: "no" } } : SUCCEEDED;
        const a = await begin({ definition: definitionOf("good"), input: inputOf(null, { userId: "u1" }) });
        const b = await begin({ definition: definitionOf("bad"), input: inputOf(null, { userId: "u2" }) });
        await Promise.all([ended(a), ended(b)]);
        const list = async (filter: object): Promise<string[]> =>
          (await engine().list(filter)).items.map(({ id }) => id);
        expect(await list({ workflowId: "good" })).toEqual([a]);
        expect(await list({ userId: "u2" })).toEqual([b]);
        expect(await list({ status: "FAILED" })).toEqual([b]);
        expect(await list({ status: "FAILED", workflowId: "good" })).toEqual([]);
        expect(await list({ before: "2001-01-01T00:00:00Z" })).toEqual([]);
        expect((await list({ after: "2001-01-01T00:00:00Z" })).sort()).toEqual([a, b].sort());
        expect(await list({ workflowId: "' OR 1=1 --" })).toEqual([]);
      });

      it("refuses filters that make no sense", async () => {
        for (const filter of [
          { cursor: "%%%" },
          { limit: 0 },
          { limit: 1001 },
          { before: "soon" },
          { status: "DONE" },
        ]) {
          await expect(engine().list(filter as never)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
        }
      });

      it("knows nothing of unknown executions", async () => {
        expect(await engine().get(newExecutionId())).toBeUndefined();
        expect(await engine().get("")).toBeUndefined();
      });
    });

    describe("files", () => {
      const about = { name: "a.txt", mimeType: "text/plain" };

      it("keeps bytes by hash, from memory or a stream, once", async () => {
        const one = await engine().files.write(Buffer.from("hello"), about);
        const two = await engine().files.write(Readable.from([Buffer.from("hel"), "lo"]), { ...about, name: "b.txt" });
        expect(one.hash).toBe(two.hash);
        expect(one.size).toBe(5);
        await fixture.reopen();
        expect((await engine().files.read(two)).toString()).toBe("hello");
        const chunks = await (await engine().files.open(one))?.toArray();
        expect(Buffer.concat(chunks as Buffer[]).toString()).toBe("hello");
      });

      it("keeps files apart from JSON that looks like one", async () => {
        const file = await engine().files.write(Buffer.from("hello"), about);
        const like = { name: file.name, mimeType: file.mimeType, size: file.size, hash: file.hash };
        walk = async (_, context) => {
          await context.step(attemptOf("a"), () => ok({ real: [file], like }));
          return SUCCEEDED;
        };
        const id = await begin({ input: inputOf({ like }, { file }) });
        await ended(id);
        const found = await engine().get(id);
        expect(found?.input.file).toBeInstanceOf(FileValue);
        expect((found?.input.body as { like: unknown }).like).not.toBeInstanceOf(FileValue);
        const output = found?.steps[0]?.output as { real: unknown[]; like: unknown };
        expect(output.real[0]).toEqual(file);
        expect(output.like).not.toBeInstanceOf(FileValue);
        expect(output.like).toEqual(like);
      });

      it("says so when the bytes are gone", async () => {
        const gone = new FileValue({ ...about, size: 1, hash: "0".repeat(HASH_LENGTH) });
        expect(await engine().files.open(gone)).toBeUndefined();
        await expect(engine().files.read(gone)).rejects.toMatchObject({ code: "STORE_FAILED" });
      });

      it("leaves nothing of a stream that breaks off", async () => {
        const broken = new Readable({
          read() {
            this.destroy(new Error("gone"));
          },
        });
        await expect(engine().files.write(broken, about)).rejects.toThrow("gone");
      });
    });

    it("drains: resolves when nothing runs any more", async () => {
      const gate = new Gate();
      walk = async () => {
        await gate.pass();
        return SUCCEEDED;
      };
      const id = await begin();
      expect(engine().running).toBe(1);
      await engine().drain(5);
      expect(engine().running).toBe(1);
      const drained = engine().drain(15_000);
      gate.open();
      await drained;
      expect(engine().running).toBe(0);
      expect((await engine().get(id))?.status).toBe("SUCCEEDED");
    });
  });
}
