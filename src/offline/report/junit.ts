/** Results as JUnit XML, as CI servers read it. No I/O. */
import type { CaseResult } from "../result.ts";
import { failureText } from "./text.ts";

/** @see https://github.com/testmoapp/junitxml */
export function junitReport(results: readonly CaseResult[]): string {
  const suites = Map.groupBy(results, ({ workflowId }) => workflowId);
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="wf" ${totals(results)}>`];
  for (const [workflowId, cases] of suites) {
    lines.push(
      `  <testsuite name="${escaped(workflowId)}" ${totals(cases)}>`,
      ...cases.flatMap(testCase),
      "  </testsuite>",
    );
  }
  lines.push("</testsuites>");
  return `${lines.join("\n")}\n`;
}

function totals(cases: readonly CaseResult[]): string {
  const failed = cases.filter(({ status }) => status === "failed").length;
  const ms = cases.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return `tests="${cases.length}" failures="${failed}" errors="0" skipped="0" time="${seconds(ms)}"`;
}

function testCase({ workflowId, name, file, failures, durationMs }: CaseResult): string[] {
  const head = `    <testcase name="${escaped(name)}" classname="${escaped(workflowId)}" file="${escaped(file)}" time="${seconds(durationMs)}"`;
  if (failures.length === 0) return [`${head}/>`];
  const shown = failures.map((failure) => {
    const { message, check } = failure.problem;
    return `      <failure message="${escaped(message)}" type="${escaped(check)}">${escaped(failureText(failure))}</failure>`;
  });
  return [`${head}>`, ...shown, "    </testcase>"];
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

const ENTITIES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** XML 1.0 has no control characters and no lone surrogates, not even as references: they are spelled out. */
function escaped(text: string): string {
  return (
    text
      .replaceAll(/[&<>"\t\n\r]/g, (character) => ENTITIES[character] ?? character)
      // oxlint-disable-next-line no-control-regex -- these are what it is about
      .replaceAll(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu, (character) => {
        const code = character.charCodeAt(0).toString(16);
        return `\\u${code.padStart(4, "0")}`;
      })
  );
}
