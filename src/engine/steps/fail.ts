import type { FailStep } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import { failed } from "../outcome.ts";
import type { FailedOutcome } from "../outcome.ts";

const MAX_MESSAGE_LENGTH = 10_000;

/** The failure that the workflow's author asked for. */
export function failWith(step: FailStep, scope: Scope): FailedOutcome {
  const value = step.message.evaluate(scope);
  const message = typeof value === "string" ? value : JSON.stringify(value);
  return failed("FAILED_BY_STEP", message.slice(0, MAX_MESSAGE_LENGTH));
}
