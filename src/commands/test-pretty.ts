/** Results for people. */
import type { Coverage, Covered } from "../offline/coverage.ts";
import type { Failure } from "../offline/failure.ts";
import type { CaseResult } from "../offline/result.ts";
import { showProblem } from "./show-problem.ts";
import { cut, layOut, paint, safeLine, terminalWidth } from "./terminal.ts";

const INDENT = "    ";
const MAX_DIFF_LINES = 60;

/** One case: a line, and below it what does not hold. @param source - The text of its file. */
export function prettyCase({ workflowId, name, status, durationMs, failures }: CaseResult, source: string): string {
  const mark = status === "passed" ? paint("green", "✓") : paint("red", "✗");
  const time = paint("dim", `${Math.round(durationMs)} ms`);
  const details = failures.map((failure) => `${prettyFailure(failure, source)}\n`).join("");
  return `${mark} ${workflowId} › ${safeLine(name)} ${time}\n${details}`;
}

function prettyFailure({ problem, diff, snippet }: Failure, source: string): string {
  const lines = showProblem(problem, source, process.stdout).split("\n");
  if (diff !== undefined) lines.push(`  ${paint("green", "- expected")}  ${paint("red", "+ came")}`);
  for (const { sign, text } of diff?.slice(0, MAX_DIFF_LINES) ?? []) {
    const line = `  ${sign} ${safeLine(text)}`;
    lines.push(sign === "-" ? paint("green", line) : sign === "+" ? paint("red", line) : paint("dim", line));
  }
  if (diff !== undefined && diff.length > MAX_DIFF_LINES) {
    lines.push(paint("dim", `    … ${diff.length - MAX_DIFF_LINES} more lines (--json shows all)`));
  }
  if (snippet !== undefined) lines.push("", ...snippet.split("\n").map((line) => `  ${safeLine(line)}`));
  return lines.map((line) => `${line === "" ? "" : INDENT}${line}\n`).join("");
}

/** A line for each workflow; with `whole`, every place that no case has reached as well. */
export function prettyCoverage(coverage: readonly Coverage[], whole: boolean): string {
  if (coverage.length === 0) return "";
  const rows = coverage.map(({ workflowId, steps, branches }) => [
    workflowId,
    share("steps", steps),
    share("branches", branches),
    whole ? "" : missed([...steps.missed, ...branches.missed].map(({ name }) => name)),
  ]);
  const width = terminalWidth();
  const table = layOut(rows, (cell, column) => (column === 3 ? paint("dim", cell) : cell));
  if (!whole) {
    const lines = table.split("\n").map((line) => (process.stdout.isTTY ? line : cut(line, width * 2)));
    return `\n${lines.join("\n")}`;
  }
  const places = coverage.flatMap(({ file, steps, branches }) =>
    [...steps.missed, ...branches.missed]
      .toSorted((a, b) => a.line - b.line)
      .map(({ name, line }) => `${paint("yellow", "never")} ${file}:${line} ${name}\n`),
  );
  return `\n${table}${places.join("")}`;
}

function share(what: string, { total, missed: never }: Covered): string {
  return total === 0 ? `no ${what}` : `${what} ${total - never.length}/${total}`;
}

function missed(names: readonly string[]): string {
  if (names.length === 0) return "";
  const unique = [...new Set(names)];
  return `never: ${unique.slice(0, 5).join(", ")}${unique.length > 5 ? `, ${unique.length - 5} more` : ""}`;
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
