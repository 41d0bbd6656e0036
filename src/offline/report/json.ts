/** Results as values for JSON lines. No I/O. */
import type { Json } from "../../json.ts";
import type { Coverage, Covered } from "../coverage.ts";
import type { CaseResult } from "../result.ts";

type JsonLine = { readonly [key: string]: Json };

export function caseLine({ workflowId, name, file, status, durationMs, run, failures }: CaseResult): JsonLine {
  return {
    event: "case",
    workflow: workflowId,
    name,
    file,
    status,
    durationMs: rounded(durationMs),
    virtualMs: run?.virtualMs ?? null,
    failures: failures.map(({ problem, diff, snippet }) => ({
      check: problem.check,
      message: problem.message,
      line: problem.place.line,
      column: problem.place.column,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
      ...(diff === undefined ? {} : { diff: diff.map(({ sign, text }) => sign + text) }),
      ...(snippet === undefined ? {} : { snippet }),
    })),
  };
}

export function coverageLine({ workflowId, file, executions, steps, branches }: Coverage): JsonLine {
  return {
    event: "coverage",
    workflow: workflowId,
    file,
    executions,
    steps: counts(steps),
    branches: counts(branches),
  };
}

export function summaryLine(results: readonly CaseResult[], tookMs: number): JsonLine {
  const failed = results.filter(({ status }) => status === "failed").length;
  return { event: "summary", passed: results.length - failed, failed, durationMs: rounded(tookMs) };
}

function counts({ total, missed }: Covered): Json {
  return { total, reached: total - missed.length, missed: missed.map(({ name, line }) => ({ name, line })) };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
