/** Failures as plain text, for reports that others show. No I/O. */
import type { Failure } from "../failure.ts";
import type { CaseResult } from "../result.ts";

export function titleOf({ workflowId, name }: CaseResult): string {
  return `${workflowId} › ${name}`;
}

/** `file:line:column message`, the hint and the differing lines. */
export function failureText({ problem, diff, snippet }: Failure): string {
  const { file, place, message, hint } = problem;
  const lines = [`${file}:${place.line}:${place.column} ${message}`];
  if (hint !== undefined) lines.push(hint);
  if (diff !== undefined) lines.push("- expected, + came:", ...diff.map(({ sign, text }) => `${sign} ${text}`));
  if (snippet !== undefined) lines.push(snippet);
  return lines.join("\n");
}
