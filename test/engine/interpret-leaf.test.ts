import { describe, expect, test } from "vitest";
import { FileValue } from "../../src/value.ts";
import { fail, http, path, respond, sub, template, wait } from "./definition-builder.ts";
import { SUCCEEDED, run, see } from "./interpret-run.ts";
import { Memory } from "./memory-context.ts";

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
    const { end } = await run([
      fail("stop", (scope) => `no ${JSON.stringify(path("trigger.method")(scope))}`),
      http("a"),
    ]);
    expect(end).toEqual({ status: "FAILED", error: { code: "FAILED_BY_STEP", message: 'no "POST"' } });
  });
});
