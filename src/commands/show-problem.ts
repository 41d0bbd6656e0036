import { renderProblem, type Problem } from "../workflow/problem.ts";

/** A problem with its source line and a caret, coloured when `stream` is a terminal that wants colours. */
export function showProblem(problem: Problem, source: string, stream: NodeJS.WriteStream): string {
  const color = stream.isTTY && !process.env["NO_COLOR"];
  return renderProblem(problem, source, { color }).trimEnd();
}
