/** Whether a failed attempt is tried again, and when. No I/O. */
import type { RetryPolicy } from "../workflow/definition.ts";
import type { Scope } from "../workflow/expression.ts";
import { errorValue, failed, kindOf, outcomeOf } from "./outcome.ts";
import type { FailedOutcome } from "./outcome.ts";

export type RetryDecision =
  | { readonly kind: "retry"; readonly waitMs: number }
  /** `outcome` is the step's final failure: the attempt's own, or why `retry.when` could not decide. */
  | { readonly kind: "stop"; readonly outcome: FailedOutcome };

/**
 * @param retries - Retries made so far.
 * @param repeatable - False where another attempt must come to the same end, as when its input cannot be evaluated.
 */
export function decideRetry(
  policy: RetryPolicy | undefined,
  outcome: FailedOutcome,
  retries: number,
  repeatable: boolean,
  scope: Scope,
): RetryDecision {
  if (policy === undefined || retries >= policy.max || !repeatable) return { kind: "stop", outcome };
  if (policy.when === undefined) {
    return outcome.retryable ? again(policy, outcome, retries) : { kind: "stop", outcome };
  }
  try {
    const wanted = policy.when.evaluate({ ...scope, error: errorValue(outcome.error) });
    if (typeof wanted === "boolean") return wanted ? again(policy, outcome, retries) : { kind: "stop", outcome };
    return {
      kind: "stop",
      outcome: undecided("STEP_INVALID", `must yield true or false, got ${kindOf(wanted)}`, outcome),
    };
  } catch (error) {
    const reason = outcomeOf(error);
    if (reason === undefined) throw error;
    return { kind: "stop", outcome: undecided(reason.error.code, reason.error.message, outcome) };
  }
}

function again(policy: RetryPolicy, outcome: FailedOutcome, retries: number): RetryDecision {
  return { kind: "retry", waitMs: retryWaitMs(policy, retries, outcome.retryAfterMs) };
}

function undecided(code: FailedOutcome["error"]["code"], reason: string, after: FailedOutcome): FailedOutcome {
  return failed(code, `\`retry.when\`: ${reason}`, { details: { error: errorValue(after.error) } });
}

/**
 * The wait before the next retry: the list's entry, multiplied by `backoff` for each retry past the end of the list;
 * what the other server asked for where that is longer; never more than `maxDelayMs`.
 */
function retryWaitMs(policy: RetryPolicy, retries: number, retryAfterMs = 0): number {
  const last = policy.delaysMs.length - 1;
  const listed = policy.delaysMs[Math.min(retries, last)] ?? 0;
  const wait = listed * policy.backoff ** Math.max(0, retries - last);
  return Math.ceil(Math.min(Math.max(wait, retryAfterMs, 0), policy.maxDelayMs));
}
