import { checkProject } from "../workflow/check-project.ts";
import { problemToJson } from "../workflow/problem.ts";
import type { Problem } from "../workflow/problem.ts";
import { findRoot } from "./project.ts";
import { readSeen } from "./seen-data.ts";
import { paint, print, printJson } from "./terminal.ts";
import { showProblem } from "./show-problem.ts";

export interface CheckOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/** `wf check`: prints every problem of the files, all of the project's when none is named. @returns The exit code. */
export async function checkFiles(files: readonly string[], options: CheckOptions): Promise<number> {
  const root = findRoot(options.dir);
  const { problems, sources, count } = await checkProject(
    root,
    files.length === 0 ? undefined : files,
    await readSeen(root),
  );
  for (const problem of problems) {
    if (options.json) printJson(problemToJson(problem));
    else print(`${showProblem(problem, sources.get(problem.file) ?? "", process.stdout)}\n\n`);
  }
  const errors = problems.filter((problem) => problem.severity === "error");
  if (!options.json) print(`${summarise(problems, errors, count)}\n`);
  return errors.length === 0 ? 0 : 1;
}

function summarise(problems: readonly Problem[], errors: readonly Problem[], count: number): string {
  const warnings = problems.length - errors.length;
  const inFiles = new Set(problems.map((problem) => problem.file)).size;
  const files = `${count} ${count === 1 ? "file" : "files"}`;
  if (problems.length === 0) return paint("green", `no problems in ${files}`);
  const parts = [
    ...(errors.length > 0 ? [plural(errors.length, "error")] : []),
    ...(warnings > 0 ? [plural(warnings, "warning")] : []),
  ];
  return paint(errors.length > 0 ? "red" : "yellow", `${parts.join(" and ")} in ${inFiles} of ${files}`);
}

function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
