import type { ForeachStep } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import type { Value } from "../../value.ts";
import type { StepOutcome } from "../context.ts";
import { containerFailed, pick, visibleIds } from "../frame.ts";
import type { Failure, Frame, Walk } from "../frame.ts";
import { errorValue, failed, isList, kindOf, succeeded } from "../outcome.ts";
import type { FailedOutcome } from "../outcome.ts";

const MAX_TURNS = 100_000;

/** The items that the step runs over. */
export function foreachList(step: ForeachStep, scope: Scope): { readonly list: readonly Value[] } | FailedOutcome {
  const list = step.list.evaluate(scope);
  const subject = `\`foreach\` of step \`${step.id}\``;
  if (!isList(list)) return failed("STEP_INVALID", `${subject} needs a list, got ${kindOf(list)}`);
  if (list.length <= MAX_TURNS) return { list };
  return failed("STEP_INVALID", `${subject} got ${list.length} items; it takes at most ${MAX_TURNS}`);
}

/**
 * Runs a turn for each item, `concurrency` at once; outputs keep the list's order.
 *
 * @remarks
 * Turns begin in the list's order, so those that have begun are always the list's head: whatever the timing, the
 * failed turn with the lowest index is the same.
 */
export async function runTurns(
  step: ForeachStep,
  list: readonly Value[],
  frame: Frame,
  path: string,
  walk: Walk,
): Promise<StepOutcome> {
  const ids = visibleIds(step.steps);
  const outputs: Value[] = Array.from(list, () => null);
  let next = 0;
  const stop: { at?: { readonly index: number; readonly failure: Failure } } = {};

  const fail = (index: number, failure: Failure): void => {
    const known = stop.at;
    const sooner = known === undefined || index < known.index;
    const graver = failure.deadline !== undefined && known?.failure.deadline === undefined;
    const milder = failure.deadline === undefined && known?.failure.deadline !== undefined;
    if (graver || (sooner && !milder)) stop.at = { index, failure };
  };
  const takeTurns = async (): Promise<void> => {
    while (stop.at === undefined && next < list.length) {
      const index = next++;
      const names = frame.names.fork({ [step.as]: list[index] ?? null, [`${step.as}_index`]: index });
      const turn = { ...frame, prefix: `${path}[${index}].`, names };
      const failure = await walk.runSteps(step.steps, turn);
      if (failure === undefined) outputs[index] = pick(names.steps, ids);
      else if (step.onError === "fail" || failure.deadline !== undefined || failure.error.code === "INTERNAL")
        fail(index, failure);
      else outputs[index] = { error: errorValue(failure.error) };
    }
  };
  await Promise.all(Array.from({ length: Math.min(step.concurrency, list.length) }, takeTurns));
  const failure = stop.at?.failure;
  return failure === undefined ? succeeded(outputs) : containerFailed(failure);
}
