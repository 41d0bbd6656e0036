import { WfError } from "../errors.ts";
import type { Problem } from "../workflow/problem.ts";

/** @throws {@link WfError} `SETTINGS_INVALID` for the first error in wf.yaml */
export function refuseBroken(problems: readonly Problem[]): void {
  const problem = problems.find(({ severity }) => severity === "error");
  if (problem === undefined) return;
  throw new WfError("SETTINGS_INVALID", problem.message, {
    at: { file: problem.file, line: problem.place.line, column: problem.place.column },
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}
