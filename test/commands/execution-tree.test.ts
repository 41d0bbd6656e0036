import { expect, it } from "vitest";
import { renderExecution } from "../../src/commands/execution-tree.ts";
import type { ExecutionWithSteps, StepExecution } from "../../src/engine/engine.ts";

const ID = "0199f3a2-0000-7000-8000-000000000001";
const START = "2026-11-23T15:00:00.000Z";

function step(path: string, more: Partial<StepExecution> = {}): StepExecution {
  const end = "2026-11-23T15:00:00.012Z";
  return {
    id: `${ID}:${path}`,
    stepId: path.slice(path.lastIndexOf(".") + 1),
    path,
    kind: "http",
    name: null,
    status: "SUCCEEDED",
    start: START,
    end,
    input: null,
    output: null,
    error: null,
    attempts: [{ start: START, end, error: null }],
    logs: [],
    ...more,
  };
}

function execution(steps: readonly StepExecution[], more: Partial<ExecutionWithSteps> = {}): ExecutionWithSteps {
  return {
    id: ID,
    workflowId: "lead-created",
    definitionHash: "00",
    userId: null,
    status: "SUCCEEDED",
    dateStarted: START,
    dateEnded: START,
    taskCount: steps.length,
    runDurationMs: 1234,
    error: null,
    replayOf: null,
    parentId: null,
    input: { method: "POST", url: "/triggers/lead-created", query: {}, headers: {}, body: { email: "a@b.co" } },
    reply: null,
    steps,
    ...more,
  };
}

function render(value: ExecutionWithSteps, full = false): string {
  // oxlint-disable-next-line no-control-regex
  return renderExecution(value, { width: 80, full }).replaceAll(/\u001b\[\d+m/g, "");
}

it("shows what was asked, each step with what went in and out, and the answer", () => {
  const text = render(
    execution(
      [step("contact", { input: { n: 1 }, output: { statusCode: 201 }, name: "Create", logs: ["hi\nthere"] })],
      {
        reply: { kind: "response", status: 201, headers: {}, body: { kind: "json", value: { id: "c-1" } } },
      },
    ),
  );
  expect(text).toBe(
    [
      `✓ SUCCEEDED in 1.2 s  lead-created  ${ID}  ${START}`,
      "  POST /triggers/lead-created",
      '  body {"email":"a@b.co"}',
      "  ✓ contact http Create 12 ms",
      '      in {"n":1}',
      '      out {"statusCode":201}',
      "      log hi\\nthere",
      "  answered 201",
      '  answer {"id":"c-1"}',
      "",
    ].join("\n"),
  );
});

it("keeps the turns of a loop together although their steps interleaved", () => {
  const text = render(
    execution([
      step("notify", { kind: "foreach" }),
      step("notify[1].a"),
      step("notify[0].a"),
      step("notify[1].b"),
      step("last"),
    ]),
  );
  expect(text.split("\n").slice(3, -1)).toEqual([
    "  ✓ notify foreach 12 ms",
    "    notify[0]",
    "      ✓ a http 12 ms",
    "    notify[1]",
    "      ✓ a http 12 ms",
    "      ✓ b http 12 ms",
    "  ✓ last http 12 ms",
  ]);
});

it("counts the turns of a long loop, shows the failed ones, and all with --full", () => {
  const turns = Array.from({ length: 50 }, (_, at) =>
    step(`notify[${at}].a`, at === 40 ? { status: "FAILED", error: { code: "HTTP_STATUS", message: "503" } } : {}),
  );
  const text = render(execution(turns));
  expect(text).toContain("notify[40]\n      ✗ a http failed 12 ms\n          HTTP_STATUS 503");
  expect(text).not.toContain("notify[39]");
  expect(text).toContain("… 29 more turns of notify (--full shows them)");
  expect(render(execution(turns), true)).toContain("notify[39]");
});

it("shows why earlier attempts failed", () => {
  const failed = { start: START, end: START, error: { code: "HTTP_FAILED", message: "refused" } } as const;
  const text = render(execution([step("send", { attempts: [failed, { start: START, end: START, error: null }] })]));
  expect(text).toContain("✓ send http 12 ms 2 attempts\n      attempt 1: HTTP_FAILED refused");
});

it.each([false, true])("never lets recorded data steer the terminal (full: %s)", (full) => {
  const evil = "\u001b[2J\u0007\u202e\u009b31m\r";
  const error = { code: "FUNCTION_FAILED", message: evil } as const;
  const text = render(
    execution([step("a", { status: "FAILED", name: evil, input: { [evil]: evil }, error, logs: [evil] })], {
      userId: evil,
      error,
      input: { method: "POST", url: `/${evil}`, query: { evil }, headers: { a: evil }, body: evil },
      reply: { kind: "response", status: 200, headers: {}, body: { kind: "text", text: evil } },
    }),
    full,
  );
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

it("cuts long lines to the terminal's width, and none with --full", () => {
  const long = execution([step("a", { output: "x".repeat(5_000_000) })]);
  for (const line of render(long).split("\n").slice(1)) expect(line.length).toBeLessThanOrEqual(80);
  expect(render(long, true).length).toBeGreaterThan(5_000_000);
});
