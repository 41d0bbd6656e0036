import { expect, test } from "vitest";
import fc from "fast-check";
import type { Definition, Step } from "../../src/workflow/definition.ts";
import { Memory, walk } from "./memory-context.ts";
import {
  World,
  broken,
  choose,
  expression,
  fail,
  foreach,
  http,
  ok,
  parallel,
  respond,
  retry,
  template,
  wait,
  workflow,
} from "./definition-builder.ts";

/** A step without its id; ids are given once the whole tree is known. */
type Shape = (id: () => string, depth: number) => Step;

const maybe = <T>(value: T): fc.Arbitrary<T | undefined> => fc.option(fc.constant(value), { nil: undefined, freq: 3 });

const common = fc.record({
  retry: maybe(retry),
  timeoutMs: maybe(45_000),
  onError: fc.constantFrom("fail" as const, "continue" as const, "continue" as const),
  if: fc.constantFrom(undefined, undefined, true, false, null),
});

function more(options: typeof common extends fc.Arbitrary<infer T> ? T : never): object {
  const { retry: policy, timeoutMs, onError } = options;
  const condition = options.if;
  return {
    onError,
    ...(policy === undefined ? {} : { retry: policy }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(condition === undefined ? {} : { if: expression(() => condition) }),
  };
}

const { steps: shapes } = fc.letrec<{ steps: Shape[]; step: Shape; leaf: Shape }>((tie) => ({
  steps: fc.array(tie("step"), { maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 3, depthIdentifier: "flow" },
    { arbitrary: tie("leaf"), weight: 4 },
    {
      weight: 1,
      arbitrary: fc.tuple(tie("steps"), tie("steps"), fc.boolean(), common).map(
        ([a, b, first, options]): Shape =>
          (id, depth) =>
            choose(
              id(),
              [
                [() => first, a.map((one) => one(id, depth))],
                [undefined, b.map((one) => one(id, depth))],
              ],
              more(options),
            ),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(tie("steps"), tie("steps"), common).map(
        ([a, b, options]): Shape =>
          (id, depth) =>
            parallel(id(), { a: a.map((one) => one(id, depth)), b: b.map((one) => one(id, depth)) }, more(options)),
      ),
    },
    {
      weight: 1,
      // One turn after another: which turns have begun when one fails is a matter of timing otherwise.
      arbitrary: fc.tuple(tie("steps"), fc.nat(3), common).map(
        ([a, turns, options]): Shape =>
          (id, depth) =>
            foreach(
              id(),
              Array.from({ length: turns }, (_, index) => index),
              a.map((one) => one(id, depth + 1)),
              {
                concurrency: 1,
                ...more(options),
              },
            ),
      ),
    },
  ),
  leaf: fc.oneof(
    common.map(
      (options): Shape =>
        (id) =>
          http(id(), more(options)),
    ),
    fc.tuple(fc.constantFrom("0s", "7s", "30s", "2m", "never"), common).map(
      ([time, options]): Shape =>
        (id) =>
          wait(id(), time, more(options)),
    ),
    common.map(
      (options): Shape =>
        (id) =>
          fail(id(), "stop", more(options)),
    ),
  ),
}));

const definitions: fc.Arbitrary<Definition> = fc
  .record({ before: shapes, after: shapes, onError: shapes, timeoutMs: maybe(100_000) })
  .map(({ before, after, onError, timeoutMs }) => {
    let next = 0;
    const id = (): string => `s${next++}`;
    const grow = (list: Shape[]): Step[] => list.map((shape) => shape(id, 0));
    const steps = [
      ...grow(before),
      respond("reply", (scope) => scope["steps"] ?? null, { status: template(201) }),
      ...grow(after),
    ];
    return workflow(steps, { onError: grow(onError), ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  });

/** Answers that depend on path and attempt alone, as those of a real server would be remembered by idempotency key. */
function world(seed: number): World {
  return new World({
    "*": async ({ path, attempt }) => {
      let hash = seed;
      for (const character of `${path}@${attempt}`) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
      for (let turns = hash % 5; turns > 0; turns--) await Promise.resolve();
      return hash % 3 === 0 ? broken({ retryable: hash % 2 === 0 }) : ok(hash % 100);
    },
  });
}

const snapshot = (memory: Memory): object => ({
  outcomes: Object.fromEntries([...memory.outcomes].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  wakeUps: Object.fromEntries([...memory.wakeUps].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  reply: memory.reply,
});

test("an execution that is killed at random moments ends as one that never was, and records nothing twice", async () => {
  let crashes = 0;
  await fc.assert(
    fc.asyncProperty(
      definitions,
      fc.nat(),
      fc.array(fc.nat(25), { minLength: 1, maxLength: 6 }),
      async (definition, seed, lives) => {
        const whole = new Memory();
        const undisturbed = await walk(definition, whole, world(seed));

        const memory = new Memory();
        for (const life of lives) {
          const end = await walk(definition, memory, world(seed), life);
          if (end !== "crashed") break;
          crashes++;
        }
        const end = await walk(definition, memory, world(seed));
        expect(end).toEqual(undisturbed);
        expect(snapshot(memory)).toEqual(snapshot(whole));
      },
    ),
    { numRuns: 400 },
  );
  expect(crashes).toBeGreaterThan(100);
});

test("an execution that is killed at each of its moments goes on from the next", async () => {
  const definition = workflow(
    [
      http("a", { retry }),
      foreach("f", [0, 1, 2, 3], [http("x"), wait("w", "10s"), http("y", { retry })], {
        concurrency: 2,
        onError: "continue",
      }),
      parallel("p", { one: [http("b")], two: [wait("v", "1m"), respond("reply", "done")] }),
      fail("stop", "over"),
    ],
    { onError: [http("tell")], timeoutMs: 3_600_000 },
  );
  const whole = new Memory();
  const undisturbed = await walk(definition, whole, world(7));
  let moment = 0;
  for (let end: unknown = "crashed"; end === "crashed"; moment++) {
    const memory = new Memory();
    end = await walk(definition, memory, world(7), moment);
    if (end !== "crashed") break;
    const again = world(7);
    expect(await walk(definition, memory, again)).toEqual(undisturbed);
    expect(snapshot(memory)).toEqual(snapshot(whole));
    // Replayed again, it touches nothing.
    const idle = world(7);
    expect(await walk(definition, memory, idle)).toEqual(undisturbed);
    expect(idle.calls).toEqual([]);
  }
  expect(moment).toBeGreaterThan(50);
});
