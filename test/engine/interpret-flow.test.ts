import { describe, expect, test } from "vitest";
import type { Step } from "../../src/workflow/definition.ts";
import {
  expression,
  ok,
  broken,
  call,
  choose,
  fail,
  foreach,
  http,
  parallel,
  path,
  wait,
} from "./definition-builder.ts";
import { SUCCEEDED, run, see } from "./interpret-run.ts";
import { Memory } from "./memory-context.ts";

describe("switch", () => {
  test("takes the first case that holds; the steps of others are null", async () => {
    const { world } = await run([
      choose("route", [
        [() => false, [http("a")]],
        [() => true, [http("b")]],
        [undefined, [http("c")]],
      ]),
      call("seen", (scope) => scope["steps"] ?? null),
    ]);
    expect(world.inputs).toEqual([{ route: { case: 1 }, a: null, b: "b", c: null }]);
  });

  test("without a case that holds yields null", async () => {
    const { end, world } = await run([choose("route", [[() => false, [http("a")]]]), see("seen", "steps.route")]);
    expect(end).toEqual(SUCCEEDED);
    expect(world.inputs).toEqual([null]);
  });

  test("fails when a condition yields no boolean", async () => {
    const { end } = await run([choose("route", [[() => 1, []]])]);
    expect(end).toMatchObject({ error: { code: "STEP_INVALID" } });
  });

  test("that is skipped makes its steps null", async () => {
    const { world } = await run([
      choose("route", [[undefined, [parallel("p", { x: [http("deep")] })]]], { if: expression(() => false) }),
      call("seen", (scope) => scope["steps"] ?? null),
    ]);
    expect(world.inputs).toEqual([{ route: null, p: null, deep: null }]);
  });
});

describe("parallel", () => {
  test("runs branches at once; each sees what was before, none its siblings", async () => {
    const memory = new Memory();
    const { world } = await run(
      [
        http("before"),
        parallel("both", {
          left: [http("l"), call("seen_left", (scope) => scope["steps"] ?? null)],
          right: [wait("pause", "1m"), call("seen_right", (scope) => scope["steps"] ?? null)],
        }),
        see("after", "steps.both"),
        see("inside", "steps.l"),
      ],
      {},
      memory,
    );
    expect(world.inputs).toEqual([
      { before: "before", l: "l" },
      { before: "before", pause: null },
      { left: { l: "l", seen_left: "seen_left" }, right: { pause: null, seen_right: "seen_right" } },
      "l",
    ]);
  });

  test("lets the others finish when one fails, and fails with the first error of the file", async () => {
    const { end, world } = await run(
      [
        parallel("p", {
          a: [wait("w", "1m"), fail("slow", "slow")],
          b: [fail("fast", "fast")],
          c: [http("c1"), http("c2")],
        }),
      ],
      {},
    );
    expect(end).toMatchObject({ error: { code: "FAILED_BY_STEP", message: "slow" } });
    expect(world.calls).toEqual(["c1@1", "c2@1"]);
  });

  test("with branch names of object prototypes keeps its outputs", async () => {
    const branches = JSON.parse('{"__proto__": [], "constructor": []}') as Record<string, Step[]>;
    branches["constructor"] = [http("a")];
    const { end, memory } = await run([parallel("p", branches)]);
    expect(end).toEqual(SUCCEEDED);
    expect(JSON.stringify(memory.outcomes.get("p@1"))).toBe(
      '{"kind":"succeeded","output":{"__proto__":{},"constructor":{"a":"a"}}}',
    );
  });
});

describe("foreach", () => {
  test("runs a turn for each item, keeps the order, and shows item and index to its steps only", async () => {
    const { end, world } = await run([
      foreach("notify", ["x", "y"], [call("send", path("item")), call("at", path("item_index"))]),
      see("all", "steps.notify"),
      call("names", (scope) => Object.keys(scope["steps"] as object)),
    ]);
    expect(end).toEqual(SUCCEEDED);
    expect(world.calls).toEqual([
      "notify[0].send@1",
      "notify[1].send@1",
      "notify[0].at@1",
      "notify[1].at@1",
      "all@1",
      "names@1",
    ]);
    expect(world.inputs.slice(0, 4)).toEqual(["x", "y", 0, 1]);
    expect(world.inputs[4]).toEqual([
      { send: "notify[0].send", at: "notify[0].at" },
      { send: "notify[1].send", at: "notify[1].at" },
    ]);
    expect(world.inputs[5]).toEqual(["notify", "all"]);
  });

  test("keeps at most `concurrency` turns open", async () => {
    const memory = new Memory();
    let open = 0;
    let most = 0;
    const script = async (): Promise<ReturnType<typeof ok>> => {
      most = Math.max(most, ++open);
      await memory.until(memory.clock + 1_000);
      open--;
      return ok(null);
    };
    const list = Array.from({ length: 20 }, (_, index) => index);
    await run([foreach("f", list, [http("a")], { concurrency: 3 })], { "*": script }, memory);
    expect(most).toBe(3);
    expect(memory.elapsedMs).toBe(7_000);
  });

  test("that fails begins no new turns, lets open ones finish, and fails with the lowest turn's error", async () => {
    const { end, world } = await run([foreach("f", [0, 1, 2, 3, 4], [http("a"), http("b")], { concurrency: 2 })], {
      "f[1].a": broken(),
      "f[0].b": { kind: "failed", error: { code: "HTTP_FAILED", message: "zero" }, retryable: true },
    });
    expect(end).toMatchObject({ error: { message: "zero" } });
    expect(world.calls).toEqual(["f[0].a@1", "f[1].a@1", "f[0].b@1"]);
  });

  test("with `on_error: continue` runs every turn; a failed one is its error", async () => {
    const { end, world } = await run(
      [foreach("f", [0, 1, 2], [http("a")], { onError: "continue", concurrency: 1 }), see("seen", "steps.f")],
      { "f[1].a": broken() },
    );
    expect(end).toEqual(SUCCEEDED);
    expect(world.inputs).toEqual([
      [{ a: "f[0].a" }, { error: { code: "HTTP_STATUS", message: "answered 503", statusCode: 503 } }, { a: "f[2].a" }],
    ]);
  });

  test("nests", async () => {
    const { world } = await run([
      foreach(
        "rows",
        [["a", "b"], ["c"]],
        [foreach("cells", path("row"), [call("one", path("cell"))], { as: "cell" })],
        {
          as: "row",
        },
      ),
    ]);
    expect(world.calls.toSorted()).toEqual([
      "rows[0].cells[0].one@1",
      "rows[0].cells[1].one@1",
      "rows[1].cells[0].one@1",
    ]);
    expect(world.inputs.map(String).toSorted()).toEqual(["a", "b", "c"]);
  });

  test.each([
    ["text", "abc"],
    ["an object", { a: 1 }],
    ["null", null],
    ["more than 100,000 items", Array.from({ length: 100_001 }, () => 0)],
  ])("refuses %s", async (_name, list) => {
    const { end, world } = await run([foreach("f", list, [http("a")])]);
    expect(end).toMatchObject({ error: { code: "STEP_INVALID" } });
    expect(world.calls).toEqual([]);
  });

  test("over an empty list yields an empty list", async () => {
    const { world } = await run([foreach("f", [], [http("a")]), see("seen", "steps.f")]);
    expect(world.inputs).toEqual([[]]);
  });

  test("takes 100,000 turns", async () => {
    const list = Array.from({ length: 100_000 }, () => 0);
    const { end } = await run([foreach("f", list, [choose("s", [])], { concurrency: 1_000 })]);
    expect(end).toEqual(SUCCEEDED);
  });
});
