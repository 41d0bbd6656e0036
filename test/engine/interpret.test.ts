import { describe, expect, test } from "vitest";
import type { ExecutionEnd } from "../../src/engine/context.ts";
import { WfError } from "../../src/errors.ts";
import { FileValue } from "../../src/value.ts";
import type { Definition, Step } from "../../src/workflow/definition.ts";
import { Memory, walk } from "./memory-context.ts";
import {
  World,
  broken,
  call,
  choose,
  expression,
  fail,
  foreach,
  http,
  ok,
  parallel,
  path,
  respond,
  retry,
  sub,
  template,
  wait,
  workflow,
} from "./definition-builder.ts";

const SUCCEEDED = { status: "SUCCEEDED" };

async function run(
  steps: Step[] | Definition,
  scripts: ConstructorParameters<typeof World>[0] = {},
  memory: Memory = new Memory(),
): Promise<{ end: ExecutionEnd | "crashed"; memory: Memory; world: World }> {
  const world = new World(scripts);
  const definition = Array.isArray(steps) ? workflow(steps) : steps;
  return { end: await walk(definition, memory, world), memory, world };
}

const see = (id: string, dotted: string): Step => call(id, path(dotted));

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
    expect(world.inputs).toEqual(["c-1", "a@b.co", "secret-token", "2026-01-01T00:00:00.000Z"]);
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
    expect(world.inputs.toSorted()).toEqual(["a", "b", "c"]);
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

describe("delay", () => {
  test.each([
    ["for", "90s", 90_000],
    ["for", 1_500, 1_500],
    ["for", 0.2, 1],
    ["for", -5, 0],
    ["until", "2026-01-01T00:02:00Z", 120_000],
    ["until", "2026-01-01T01:01:00+01:00", 60_000],
    ["until", "2026-01-01T00:00:30", 30_000],
    ["until", "2026-01-02", 86_400_000],
    ["until", "1999-12-31T23:59:59.999Z", 0],
  ] as const)("%s %s", async (by, value, ms) => {
    const { end, memory } = await run([wait("w", value, { by }), see("seen", "steps.w")]);
    expect(end).toEqual(SUCCEEDED);
    expect(memory.elapsedMs).toBe(ms);
    expect(memory.delaySteps).toEqual(["w"]);
  });

  test.each([
    ["for", "soon"],
    ["for", null],
    ["for", "366d"],
    ["for", Number.NaN],
    ["for", Number.POSITIVE_INFINITY],
    ["until", "tomorrow"],
    ["until", "2026-02-30"],
    ["until", "2026-01-01T25:00:00Z"],
    ["until", "2126-01-01"],
    ["until", 5],
  ] as const)("refuses %s %s", async (by, value) => {
    const { end, memory } = await run([wait("w", value, { by })]);
    expect(end).toMatchObject({ error: { code: "STEP_INVALID" } });
    expect(memory.outcomes.get("w@1")).toMatchObject({ kind: "failed" });
  });
});

describe("response", () => {
  test("answers, and the steps after it still run", async () => {
    const { end, memory, world } = await run([
      respond("reply", { id: 1 }, { status: template(201), headers: template({ "X-Id": "a", count: 2, gone: null }) }),
      http("after"),
    ]);
    expect(end).toEqual(SUCCEEDED);
    expect(memory.reply).toEqual({
      kind: "response",
      status: 201,
      headers: { "x-id": "a", count: "2" },
      body: { kind: "json", value: { id: 1 } },
    });
    expect(world.calls).toEqual(["after@1"]);
    expect(memory.outcomes.get("reply@1")).toEqual({ kind: "succeeded", output: { statusCode: 201, sent: true } });
  });

  test("that comes second changes nothing", async () => {
    const { memory } = await run([respond("one", 1), respond("two", 2)]);
    expect(memory.reply).toMatchObject({ body: { value: 1 } });
    expect(memory.outcomes.get("two@1")).toEqual({ kind: "succeeded", output: { statusCode: 200, sent: false } });
  });

  test("carries text, a file, or nothing", async () => {
    const file = new FileValue({ name: "a.pdf", mimeType: "application/pdf", size: 1, hash: "a".repeat(64) });
    const bodies = [
      [
        { kind: "text", value: template(5) },
        { kind: "text", text: "5" },
      ],
      [
        { kind: "file", value: template(file) },
        { kind: "file", file },
      ],
      [{ kind: "empty" }, { kind: "empty" }],
    ] as const;
    for (const [body, expected] of bodies) {
      const { memory } = await run([respond("reply", null, { body })]);
      expect(memory.reply).toMatchObject({ body: expected });
    }
  });

  test.each([
    ["a status below 200", { status: template(199) }],
    ["a status above 599", { status: template(600) }],
    ["a status with a fraction", { status: template(200.5) }],
    ["a status in text", { status: template("201") }],
    ["headers that are no map", { headers: template(["a"]) }],
    ["a header name with a space", { headers: template({ "a b": "1" }) }],
    ["an empty header name", { headers: template({ "": "1" }) }],
    ["a header value with a line break", { headers: template({ a: "1\r\nset-cookie: b=c" }) }],
    ["a header value with NUL", { headers: template({ a: "1\0" }) }],
    ["a header value beyond Latin-1", { headers: template({ a: "\u{1f600}" }) }],
    ["a header value that is a list", { headers: template({ a: ["1"] }) }],
    ["a header twice", { headers: template({ a: "1", A: "2" }) }],
    ["too long headers", { headers: template({ a: "x".repeat(40_000) }) }],
    ["a content-length", { headers: template({ "Content-Length": "1" }) }],
    ["a transfer-encoding", { headers: template({ "transfer-encoding": "chunked" }) }],
    ["a connection header", { headers: template({ Connection: "close" }) }],
    ["text that is an object", { body: { kind: "text", value: template({}) } }],
    [
      "JSON that merely looks like a file",
      {
        body: { kind: "file", value: template({ name: "a", mimeType: "b", size: 1, hash: "a".repeat(64) }) },
      },
    ],
  ] as const)("refuses %s", async (_name, more) => {
    const { end, memory } = await run([respond("reply", null, more)]);
    expect(end).toMatchObject({ status: "FAILED", error: { code: "STEP_INVALID" } });
    expect(memory.reply).toBeUndefined();
  });
});

describe("workflow", () => {
  test("sends a request in the shape that one from outside has", async () => {
    const memory = new Memory();
    const { world } = await run(
      [
        sub("child", {
          query: template({ a: 1, tags: ["x", true], none: null }),
          headers: template({ "X-Id": "7" }),
          body: template({ n: 1 }),
        }),
      ],
      {},
      memory,
    );
    expect(world.requests).toEqual([
      {
        workflow: "other",
        wait: true,
        input: {
          method: "POST",
          url: "/triggers/other?a=1&tags=x&tags=true",
          query: { a: "1", tags: ["x", "true"] },
          headers: { "x-id": "7" },
          body: { n: 1 },
        },
      },
    ]);
  });

  test.each([
    ["a query that is no map", { query: template("a=1") }],
    ["a query value that is an object", { query: template({ a: {} }) }],
    ["a header with a line break", { headers: template({ a: "\n1\n2" }) }],
  ])("refuses %s", async (_name, more) => {
    const { end, world } = await run([sub("child", more)]);
    expect(end).toMatchObject({ error: { code: "STEP_INVALID" } });
    expect(world.requests).toEqual([]);
  });
});

describe("fail", () => {
  test("ends the workflow with its message", async () => {
    const { end } = await run([fail("stop", (scope) => `no ${String(path("trigger.method")(scope))}`), http("a")]);
    expect(end).toEqual({ status: "FAILED", error: { code: "FAILED_BY_STEP", message: "no POST" } });
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
