/** Where results go: to stdout as they come, and to a file when all are there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { WfError } from "../errors.ts";
import type { Coverage } from "../offline/coverage.ts";
import { caseLine, coverageLine, summaryLine } from "../offline/report/json.ts";
import { junitReport } from "../offline/report/junit.ts";
import { tapReport } from "../offline/report/tap.ts";
import type { CaseResult } from "../offline/result.ts";
import { nearest } from "../workflow/parse/reader.ts";
import { note, print } from "./terminal.ts";
import { prettyCase, prettyCoverage, prettySummary } from "./test-pretty.ts";
import type { CaseFile } from "./test-project.ts";

export interface ReportOptions {
  readonly reporter?: string;
  readonly json?: boolean;
  readonly out?: string;
  readonly coverage?: boolean;
}

/** One form of results, as text. */
interface Reporter {
  onCase(result: CaseResult, one: CaseFile): string;
  onEnd(results: readonly CaseResult[], coverage: readonly Coverage[], tookMs: number): string;
}

const REPORTERS: readonly string[] = ["pretty", "junit", "json", "tap"];

export class TestReport {
  readonly #shown: Reporter;
  readonly #kept: Reporter | undefined;
  readonly #out: string | undefined;
  #text = "";

  /** @throws {@link WfError} `USAGE` for a reporter that there is not */
  constructor(options: ReportOptions) {
    const chosen = reporterOf(options);
    this.#out = options.out;
    this.#shown = options.out === undefined ? chosen : pretty(options.coverage ?? false);
    this.#kept = options.out === undefined ? undefined : chosen;
  }

  case(result: CaseResult, one: CaseFile): void {
    print(this.#shown.onCase(result, one));
    this.#text += this.#kept?.onCase(result, one) ?? "";
  }

  end(results: readonly CaseResult[], coverage: readonly Coverage[], tookMs: number): void {
    print(this.#shown.onEnd(results, coverage, tookMs));
    if (this.#kept === undefined || this.#out === undefined) return;
    const text = stripVTControlCharacters(this.#text + this.#kept.onEnd(results, coverage, tookMs));
    this.#text = "";
    mkdirSync(dirname(this.#out), { recursive: true });
    writeFileSync(this.#out, text);
    note(`wrote ${this.#out}\n`);
  }
}

function reporterOf({ reporter = "pretty", json, coverage }: ReportOptions): Reporter {
  const name = json === true ? "json" : reporter;
  switch (name) {
    case "pretty":
      return pretty(coverage ?? false);
    case "json":
      return {
        onCase: (result) => lineOf(caseLine(result)),
        onEnd: (results, covered, tookMs) =>
          [...covered.map(coverageLine), summaryLine(results, tookMs)].map(lineOf).join(""),
      };
    case "junit":
      return { onCase: () => "", onEnd: (results) => junitReport(results) };
    case "tap":
      return { onCase: () => "", onEnd: (results) => tapReport(results) };
    default:
      break;
  }
  const near = nearest(name, REPORTERS);
  const message = `--reporter is one of ${REPORTERS.join(", ")}, not "${name}".`;
  throw new WfError("USAGE", message, near === undefined ? {} : { hint: `Did you mean \`${near}\`?` });
}

function pretty(wholeCoverage: boolean): Reporter {
  return {
    onCase: (result, one) => prettyCase(result, one.reader.text),
    onEnd: (results, coverage, tookMs) => prettyCoverage(coverage, wholeCoverage) + prettySummary(results, tookMs),
  };
}

function lineOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
