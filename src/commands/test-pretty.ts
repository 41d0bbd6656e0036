/** Results for people. */
import type { CaseResult } from "../offline/result.ts";
import type { Failure } from "../offline/failure.ts";
import { showProblem } from "./show-problem.ts";
import { paint, safeLine } from "./terminal.ts";
import type { CaseFile } from "./test-project.ts";

const INDENT = "    ";

/** One case: a line, and below it what does not hold. */
export function prettyCase(result: CaseResult, cases: readonly CaseFile[]): string {
  const { workflowId, name, status, durationMs, failures } = result;
  const mark = status === "passed" ? paint("green", "✓") : paint("red", "✗");
  const time = paint("dim", `${Math.round(durationMs)} ms`);
  const source = cases.find(({ file }) => file === result.file)?.reader.text ?? "";
  const details = failures.map((failure) => `${prettyFailure(failure, source)}\n`).join("");
  return `${mark} ${workflowId} › ${safeLine(name)} ${time}\n${details}`;
}

function prettyFailure({ problem, diff, snippet }: Failure, source: string): string {
  const lines = showProblem(problem, source, process.stdout).split("\n");
  for (const { sign, text } of diff ?? []) {
    const line = `  ${sign} ${safeLine(text)}`;
    lines.push(sign === "-" ? paint("green", line) : sign === "+" ? paint("red", line) : paint("dim", line));
  }
  if (snippet !== undefined) lines.push(...snippet.split("\n").map((line) => `  ${line}`));
  return lines.map((line) => `${INDENT}${line}\n`).join("");
}

export function prettySummary(results: readonly CaseResult[], tookMs: number): string {
  const failed = results.filter(({ status }) => status === "failed").length;
  const passed = results.length - failed;
  const parts = [
    ...(failed > 0 ? [paint("red", `${failed} failed`)] : []),
    ...(passed > 0 ? [paint("green", `${passed} passed`)] : []),
  ];
  return `\n${parts.join(", ")} ${paint("dim", `in ${(tookMs / 1_000).toFixed(2)} s`)}\n`;
}
