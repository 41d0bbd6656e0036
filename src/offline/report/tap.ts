/** Results as TAP version 14. No I/O. */
import { stringify } from "yaml";
import type { CaseResult } from "../result.ts";
import { failureText, titleOf } from "./text.ts";

/** @see https://testanything.org/tap-version-14-specification.html */
export function tapReport(results: readonly CaseResult[]): string {
  const lines = ["TAP version 14", `1..${results.length}`];
  for (const [at, result] of results.entries()) {
    lines.push(`${result.status === "passed" ? "ok" : "not ok"} ${at + 1} - ${escaped(titleOf(result))}`);
    lines.push(...diagnostic(result));
  }
  return `${lines.join("\n")}\n`;
}

function diagnostic({ failures, durationMs, file }: CaseResult): string[] {
  const [first] = failures;
  const about = {
    duration_ms: Math.round(durationMs),
    ...(first === undefined
      ? {}
      : {
          message: first.problem.message,
          severity: "fail",
          at: { file, line: first.problem.place.line, column: first.problem.place.column },
          failures: failures.map(failureText),
        }),
  };
  const yaml = stringify(about, { lineWidth: 0 }).trimEnd();
  return ["---", ...yaml.split("\n"), "..."].map((line) => `  ${line}`);
}

/** `#` would begin a directive; a line break would end the line. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("#", "\\#").replaceAll(/\s+/g, " ");
}
