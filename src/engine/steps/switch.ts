import type { SwitchStep } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import type { StepOutcome } from "../context.ts";
import { containerFailed } from "../frame.ts";
import type { Frame, Walk } from "../frame.ts";
import { failed, kindOf, succeeded } from "../outcome.ts";
import type { FailedOutcome } from "../outcome.ts";

/** The index of the first case that holds; undefined when none does. */
export function chooseCase(step: SwitchStep, scope: Scope): { readonly index: number | undefined } | FailedOutcome {
  for (const [index, { when }] of step.cases.entries()) {
    const holds = when === undefined ? true : when.evaluate(scope);
    if (holds === true) return { index };
    if (holds === false) continue;
    const message = `\`when\` of case ${index + 1} of step \`${step.id}\` must yield true or false, got ${kindOf(holds)}`;
    return failed("STEP_INVALID", message);
  }
  return { index: undefined };
}

/** Runs the steps of the chosen case as if they stood in the switch's place. */
export async function runCase(
  step: SwitchStep,
  index: number | undefined,
  frame: Frame,
  walk: Walk,
): Promise<StepOutcome> {
  const chosen = index === undefined ? undefined : step.cases[index];
  if (index === undefined || chosen === undefined) return succeeded(null);
  const failure = await walk.runSteps(chosen.steps, frame);
  return failure === undefined ? succeeded({ case: index }) : containerFailed(failure);
}
