import { expect, it } from "vitest";
import { parse } from "yaml";
import { diffOf } from "../../src/offline/failure.ts";
import { caseLine, summaryLine } from "../../src/offline/report/json.ts";
import { junitReport } from "../../src/offline/report/junit.ts";
import { tapReport } from "../../src/offline/report/tap.ts";
import type { CaseResult } from "../../src/offline/result.ts";

const EVIL = `a < b & "c" \u0000\u001b[31m\ud800 # ]]> é 😀`;

const RESULTS: readonly CaseResult[] = [
  {
    workflowId: "w",
    name: "good",
    file: "workflows/w.testdata/good.yaml",
    status: "passed",
    failures: [],
    durationMs: 12.34,
  },
  {
    workflowId: "w",
    name: "bad",
    file: "workflows/w.testdata/bad.yaml",
    status: "failed",
    durationMs: 1,
    failures: [
      {
        problem: {
          severity: "error",
          check: "body",
          file: "workflows/w.testdata/bad.yaml",
          place: { line: 3, column: 5, length: 2 },
          message: EVIL,
          hint: "why\nnot",
        },
        diff: diffOf({ a: 1, b: 2 }, { a: 1, b: 3 }) ?? [],
      },
    ],
  },
];

it("writes JUnit XML that holds no character that XML forbids", () => {
  const xml = junitReport(RESULTS);
  // oxlint-disable-next-line no-control-regex -- what XML 1.0 allows, section 2.2
  expect(xml).toMatch(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
  expect(xml).toContain('<testsuites name="wf" tests="2" failures="1" errors="0" skipped="0" time="0.013">');
  expect(xml).toContain('<testcase name="good" classname="w" file="workflows/w.testdata/good.yaml" time="0.012"/>');
  expect(xml).toContain("a &lt; b &amp; &quot;c&quot; \\u0000\\u001b[31m\\ud800 # ]]&gt; é 😀");
  const open = [...xml.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)];
  const stack: string[] = [];
  for (const [, closing, name = "", empty] of open) {
    if (closing === "/") expect(stack.pop()).toBe(name);
    else if (empty !== "/") stack.push(name);
  }
  expect(stack).toEqual([]);
});

it("writes TAP 14 with a plan, numbered points and YAML diagnostics", () => {
  const lines = tapReport(RESULTS).trimEnd().split("\n");
  expect(lines.slice(0, 2)).toEqual(["TAP version 14", "1..2"]);
  expect(lines.filter((line) => /^(?:not )?ok /.test(line))).toEqual(["ok 1 - w › good", "not ok 2 - w › bad"]);
  const blocks = lines.join("\n").match(/^ {2}---\n[\s\S]*?^ {2}\.\.\.$/gm) ?? [];
  const [first, second] = blocks.map(
    (block) => parse(block.replaceAll(/^ {2}(?:---|\.\.\.)$/gm, "").replaceAll(/^ {2}/gm, "")) as object,
  );
  expect(first).toEqual({ duration_ms: 12 });
  expect(second).toMatchObject({ severity: "fail", at: { file: "workflows/w.testdata/bad.yaml", line: 3, column: 5 } });
});

it("writes a line of JSON for each case, with places, and one that sums up", () => {
  expect(RESULTS.map(caseLine)).toMatchObject([
    { event: "case", workflow: "w", name: "good", status: "passed", failures: [] },
    {
      name: "bad",
      failures: [{ check: "body", line: 3, column: 5, diff: [" {", '   "a": 1,', '-  "b": 2', '+  "b": 3', " }"] }],
    },
  ]);
  expect(summaryLine(RESULTS, 20)).toEqual({ event: "summary", passed: 1, failed: 1, durationMs: 20 });
});
