/** A request that no mock answered, told with what to add. No I/O. */
import { stringify } from "yaml";
import type { Range } from "../workflow/parse/node.ts";
import type { Judging } from "./judging.ts";
import type { MockGap } from "./mock-transport.ts";

/** @param mocksAt - Where `mocks` stands, or what stands for it. */
export function failByGap(gap: MockGap, main: string, mocksAt: Range, judging: Judging): void {
  const { request } = gap;
  const target = `${request.method} ${request.url}`;
  const name = request.workflowId === main ? request.stepId : `${request.workflowId}/${request.stepId}`;
  if (gap.kind === "exhausted") {
    const { answers } = gap.mock;
    const message = `\`${gap.mock.name}\` has ${answers.length} answers, and request ${answers.length + 1} came: ${target}`;
    judging.fail(gap.mock.range, "mock-missing", message, { hint: "Add an answer to the sequence." });
    return;
  }
  const message = `step \`${request.path}\` has no mock to answer ${target}`;
  judging.fail(mocksAt, "mock-missing", message, {
    hint: "Add an answer, or let --record ask the real service once:",
    snippet: stringify({ mocks: { [name]: { status: 200, json: {} } } }, { flowCollectionPadding: true }).trimEnd(),
  });
}
