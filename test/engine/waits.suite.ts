/** Part of the engine suite: delays, cancelling, replies. */
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { newExecutionId } from "../../src/engine/id.ts";
import { attemptOf, Gate, type Harness, itRestarts, jsonReply, ok, SUCCEEDED, until } from "./engine-fixture.ts";

export function describeWaits(harness: Harness): void {
  describe("delays", () => {
    itRestarts(harness, "sleeps without the memory, across a restart, and wakes once and never early", async () => {
      let asked = 0;
      let woke = 0;
      harness.walk = async (_, context) => {
        asked ||= Date.now();
        await context.delay("d", 1_200, { stepId: "d", name: "Wait" });
        woke = Date.now();
        await context.step(attemptOf("after"), () => ok(null));
        return SUCCEEDED;
      };
      const id = await harness.begin();
      await until(async () => (await harness.engine().get(id))?.status === "DELAYED");
      await until(() => harness.engine().running === 0);
      expect((await harness.engine().get(id))?.steps).toMatchObject([
        { path: "d", kind: "delay", status: "DELAYED", end: null },
      ]);
      await harness.fixture.reopen();
      expect(await harness.ended(id)).toMatchObject({ status: "SUCCEEDED", taskCount: 2 });
      expect(woke - asked).toBeGreaterThanOrEqual(1_200);
      expect((await harness.engine().get(id))?.steps.map(({ path, status }) => [path, status])).toEqual([
        ["d", "SUCCEEDED"],
        ["after", "SUCCEEDED"],
      ]);
    });

    it("does not sleep while a step of another branch runs", async () => {
      const gate = new Gate();
      let runs = 0;
      harness.walk = async (_, context) => {
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
      const id = await harness.begin();
      await gate.reached;
      expect((await harness.engine().get(id))?.status).toBe("EXECUTING");
      gate.open();
      await harness.ended(id);
      expect(runs).toBe(1);
    });

    itRestarts(harness, "wakes a delay that was over while no engine was open", async () => {
      harness.walk = async (_, context) => {
        await context.delay("d", 1_600);
        return SUCCEEDED;
      };
      const ids = await Promise.all(Array.from({ length: 300 }, () => harness.begin()));
      await until(async () => (await harness.engine().list({ status: "DELAYED", limit: 1000 })).items.length === 300);
      await harness.fixture.reopen();
      await Promise.all(ids.map((id) => harness.ended(id)));
      expect((await harness.engine().list({ status: "SUCCEEDED", limit: 1000 })).items).toHaveLength(300);
    });
  });

  describe("cancel", () => {
    it("ends a sleeping execution at once, and for good", async () => {
      harness.walk = async (_, context) => {
        await context.delay("d", 3_600_000, { stepId: "d" });
        return SUCCEEDED;
      };
      const id = await harness.begin();
      await until(async () => (await harness.engine().get(id))?.status === "DELAYED");
      const reply = harness.engine().waitResponse(id, 15_000);
      expect(await harness.engine().cancel(id)).toBe(true);
      expect(await harness.engine().cancel(id)).toBe(false);
      expect(await reply).toEqual({ kind: "cancelled" });
      await harness.fixture.reopen();
      const found = await harness.engine().get(id);
      expect(found).toMatchObject({ status: "CANCELLED", reply: { kind: "cancelled" } });
      expect(found?.dateEnded).not.toBeNull();
    });

    it("stops a running execution at its next step, aborts the signal, and stays final", async () => {
      const gate = new Gate();
      const runs: string[] = [];
      let signal: AbortSignal | undefined;
      harness.walk = async (_, context) => {
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
      const id = await harness.begin();
      await gate.reached;
      const aborted = once(signal as AbortSignal, "abort");
      expect(await harness.engine().cancel(id)).toBe(true);
      await aborted;
      gate.open();
      expect((await harness.ended(id)).status).toBe("CANCELLED");
      await harness.fixture.reopen();
      expect((await harness.engine().get(id))?.status).toBe("CANCELLED");
      expect(runs).toEqual(["a"]);
      expect(harness.engine().running).toBe(0);
    });

    it("changes nothing for what has ended or is unknown", async () => {
      const id = await harness.begin();
      await harness.ended(id);
      expect(await harness.engine().cancel(id)).toBe(false);
      expect(await harness.engine().cancel(newExecutionId())).toBe(false);
      expect((await harness.engine().get(id))?.status).toBe("SUCCEEDED");
    });
  });

  describe("replies", () => {
    itRestarts(harness, "hands the first reply to its caller while the steps go on", async () => {
      const gate = new Gate();
      const sent: boolean[] = [];
      harness.walk = async (_, context) => {
        sent.push(await context.respond("r", jsonReply({ a: 1 })));
        sent.push(await context.respond("s", jsonReply({ a: 2 })));
        await gate.pass();
        return SUCCEEDED;
      };
      const id = await harness.begin();
      expect(await harness.engine().waitResponse(id, 15_000)).toEqual(jsonReply({ a: 1 }));
      await gate.reached;
      await harness.fixture.reopen();
      expect(await harness.engine().waitResponse(id, 15_000)).toEqual(jsonReply({ a: 1 }));
      await until(() => sent.length === 4);
      expect(sent).toEqual([true, false, true, false]);
      gate.open();
      await harness.ended(id);
      expect((await harness.engine().get(id))?.reply).toEqual(jsonReply({ a: 1 }));
    });

    it("says how an execution ended that did not reply", async () => {
      const good = await harness.begin();
      expect(await harness.engine().waitResponse(good, 15_000)).toEqual({ kind: "none" });
      harness.walk = async () => ({ status: "FAILED", error: { code: "FAILED_BY_STEP", message: "no" } });
      const bad = await harness.begin();
      expect(await harness.engine().waitResponse(bad, 15_000)).toEqual({ kind: "failed" });
      expect((await harness.engine().get(bad))?.error).toEqual({ code: "FAILED_BY_STEP", message: "no" });
    });

    it("gives up when the time is over, and on unknown executions", async () => {
      const gate = new Gate();
      harness.walk = async () => {
        await gate.pass();
        return SUCCEEDED;
      };
      const id = await harness.begin();
      expect(await harness.engine().waitResponse(id, 5)).toBeUndefined();
      expect(await harness.engine().waitEnd(id, 5)).toBeUndefined();
      expect(await harness.engine().waitResponse(newExecutionId(), 15_000)).toBeUndefined();
      expect(await harness.engine().waitEnd(newExecutionId(), 15_000)).toBeUndefined();
      gate.open();
      await harness.ended(id);
    });
  });

  it("drains: resolves when nothing runs any more", async () => {
    const gate = new Gate();
    harness.walk = async () => {
      await gate.pass();
      return SUCCEEDED;
    };
    const id = await harness.begin();
    expect(harness.engine().running).toBe(1);
    await harness.engine().drain(5);
    expect(harness.engine().running).toBe(1);
    const drained = harness.engine().drain(15_000);
    gate.open();
    await drained;
    expect(harness.engine().running).toBe(0);
    expect((await harness.engine().get(id))?.status).toBe("SUCCEEDED");
  });
}
