import { expect, it } from "vitest";
import { VirtualClock } from "../../src/offline/clock.ts";

const DAY_MS = 86_400_000;

it("leaps to each moment in order, and takes no time for it", async () => {
  const clock = new VirtualClock(1_000);
  const seen: [string, number][] = [];
  await new Promise<void>((resolve) => {
    clock.after(7 * DAY_MS, () => {
      seen.push(["week", clock.now]);
      resolve();
    });
    clock.after(DAY_MS, () => {
      seen.push(["day", clock.now]);
      clock.after(DAY_MS, () => seen.push(["next", clock.now]));
    });
    clock.after(0, () => seen.push(["now", clock.now]));
    clock.after(DAY_MS, () => seen.push(["forgotten", clock.now]))();
  });
  expect(seen).toEqual([
    ["now", 1_000],
    ["day", 1_000 + DAY_MS],
    ["next", 1_000 + 2 * DAY_MS],
    ["week", 1_000 + 7 * DAY_MS],
  ]);
});

it("stands while something is at work", async () => {
  const clock = new VirtualClock(0);
  const seen: string[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  clock.after(1, () => {
    seen.push("moment");
    resolve();
  });
  await clock.work(async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
    seen.push("work");
  });
  await over;
  expect(seen).toEqual(["work", "moment"]);
});

it("goes on while work rests, and lets a signal end the rest", async () => {
  const clock = new VirtualClock(0);
  const controller = new AbortController();
  clock.after(50, () => controller.abort(new Error("enough")));
  await expect(clock.work(() => clock.rest(60, controller.signal))).rejects.toThrow("enough");
  expect(clock.now).toBe(50);
  await clock.work(() => clock.rest(10, new AbortController().signal));
  expect(clock.now).toBe(60);
});
