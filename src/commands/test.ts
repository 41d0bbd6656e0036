import { WfError } from "../errors.ts";
import type { CaseResult } from "../offline/result.ts";
import { askYesNo, canAsk } from "./ask.ts";
import { findRoot } from "./project.ts";
import { note, paint } from "./terminal.ts";
import { type ReportOptions, TestReport } from "./test-report.ts";
import { type LoadedTests, TestSession } from "./test-session.ts";

export interface TestOptions extends ReportOptions {
  readonly dir?: string;
  readonly all?: boolean;
  readonly filter?: string;
  readonly watch?: boolean;
  readonly update?: boolean;
  readonly record?: boolean;
  readonly yes?: boolean;
}

/** `wf test`: runs the test data of workflows without a network. @returns The exit code */
export async function testWorkflows(workflows: readonly string[], options: TestOptions): Promise<number> {
  refuseTogether(options);
  const report = new TestReport(options);
  // What is recorded often has no expectations yet.
  const all = options.all === true || options.record === true;
  const session = new TestSession(findRoot(options.dir), { workflows, all, filter: options.filter });
  if (options.watch === true) {
    const { watchTests } = await import("./test-watch.ts");
    await watchTests(session, report, new AbortController().signal);
    return 0;
  }
  const tests = await session.load();
  if (tests.cases.length === 0) throw nothingToRun(all, options.filter);
  if (options.record === true) {
    if (!(await mayRecord(tests, options))) return 1;
    return codeOf(await session.record(tests, report));
  }
  if (options.update !== true) return codeOf(await session.run(tests, report));
  for (const { file, status } of await session.update(tests)) {
    const warning =
      status < 400 || status === 542 ? "" : `  ${paint("yellow", "an error: is it meant?", process.stderr)}`;
    note(`updated ${file}: the answer was ${status}${warning}\n`);
  }
  return codeOf(await session.run(await session.load(), report));
}

function codeOf(results: readonly CaseResult[]): number {
  return results.every(({ status }) => status === "passed") ? 0 : 1;
}

function refuseTogether({ watch, update, record }: TestOptions): void {
  const given = Object.entries({ "--watch": watch, "--update": update, "--record": record }).filter(([, on]) => on);
  const [first, second] = given;
  if (first && second) throw new WfError("USAGE", `${first[0]} and ${second[0]} do not go together.`);
}

/** @throws {@link WfError} `USAGE` where there is nobody to ask */
async function mayRecord({ cases }: LoadedTests, { yes }: TestOptions): Promise<boolean> {
  if (yes === true) return true;
  const what = cases.length === 1 ? "1 case" : `${cases.length} cases`;
  if (!canAsk()) {
    throw new WfError("USAGE", `--record sends real requests for ${what}.`, { hint: "Say --yes to agree to that." });
  }
  return askYesNo(`Send the requests of ${what} to the real services?`, false);
}

function nothingToRun(all: boolean, filter: string | undefined): WfError {
  const which = filter === undefined ? "" : ` whose name holds "${filter}"`;
  const what = all ? "test data" : "test data with `expect`";
  return new WfError("TEST_DATA_NOT_FOUND", `There is no ${what}${which}.`, {
    hint: "Save a capture as test data or make it with `wf testdata new`, and write `expect: { status: 200 }` into it.",
  });
}
