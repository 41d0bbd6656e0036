import type { WorkflowStep } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import { FileValue } from "../../value.ts";
import type { Value } from "../../value.ts";
import type { TriggerInput } from "../engine.ts";
import { readHeaders } from "../header.ts";
import { failed, isList, isObject, kindOf } from "../outcome.ts";
import type { FailedOutcome } from "../outcome.ts";

/** The request that a workflow step sends, in the shape that a request from outside would have. */
export function workflowInput(
  step: WorkflowStep,
  scope: Scope,
  userId: string | undefined,
): TriggerInput | FailedOutcome {
  const invalid = (problem: string): FailedOutcome =>
    failed("STEP_INVALID", `\`workflow\` of step \`${step.id}\`: ${problem}`);

  const asked = step.query?.evaluate(scope) ?? {};
  if (!isObject(asked)) return invalid(`query must be a map, got ${kindOf(asked)}`);
  const search = new URLSearchParams();
  const query: [string, Value][] = [];
  for (const [name, value] of Object.entries(asked)) {
    const given = (isList(value) ? value : [value]).filter((one) => one !== null);
    if (!given.every((one) => typeof one !== "object")) {
      return invalid(`query parameter ${JSON.stringify(name)} must be text`);
    }
    const texts = given.map(String);
    for (const text of texts) search.append(name, text);
    const [first] = texts;
    if (first !== undefined) query.push([name, isList(value) ? texts : first]);
  }
  const reading = readHeaders(step.headers?.evaluate(scope) ?? null);
  if (!reading.ok) return invalid(reading.problem);
  const body = step.body?.evaluate(scope) ?? null;
  return {
    method: "POST",
    url: `/triggers/${step.workflow}${search.size === 0 ? "" : `?${search.toString()}`}`,
    query: Object.fromEntries(query),
    headers: reading.headers,
    body,
    ...(body instanceof FileValue ? { file: body } : {}),
    ...(userId === undefined ? {} : { userId }),
  };
}
