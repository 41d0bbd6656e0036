/** What a walk goes on with after a step: the same as where outcomes are written down and read again. No I/O. */
import { WfError } from "../errors.ts";
import type { Value } from "../value.ts";
import type { StepOutcome } from "../engine/context.ts";
import type { StepError } from "../engine/engine.ts";
import { recordValue, type Scrub } from "../engine/record.ts";

/** Never throws: what cannot be recorded becomes a failed outcome. */
export function recordedOutcome(outcome: StepOutcome, scrub: Scrub | undefined): StepOutcome {
  const about = {
    ...(outcome.input === undefined ? {} : { input: recordedInput(outcome.input, scrub) }),
    ...(outcome.logs === undefined ? {} : { logs: outcome.logs.map((line) => scrub?.(line) ?? line) }),
  };
  switch (outcome.kind) {
    case "succeeded":
      try {
        return { kind: "succeeded", output: recordValue(outcome.output, scrub).value, ...about };
      } catch (error) {
        return { kind: "failed", error: refusal(error), retryable: false, ...about };
      }
    case "failed":
      return { ...outcome, error: recordedError(outcome.error, scrub), ...about };
    case "skipped":
      return { kind: "skipped", ...about };
    default:
      return outcome satisfies never;
  }
}

/** Shortened where its details cannot be recorded. */
export function recordedError(error: StepError, scrub: Scrub | undefined): StepError {
  try {
    return recordValue(error as unknown as Value, scrub).value as unknown as StepError;
  } catch {
    const message = error.message.slice(0, 10_000);
    return { code: error.code, message: scrub?.(message) ?? message };
  }
}

function recordedInput(input: Value, scrub: Scrub | undefined): Value {
  try {
    return recordValue(input, scrub).value;
  } catch (error) {
    return `[not recorded: ${refusal(error).message}]`;
  }
}

function refusal(error: unknown): StepError {
  return error instanceof WfError
    ? { code: error.code, message: error.message }
    : { code: "STEP_INVALID", message: "The value cannot be recorded." };
}
