/** What a walk carries from step to step. No I/O. */
import type { Step } from "../workflow/definition.ts";
import type { Scope } from "../workflow/expression.ts";
import type { Value } from "../value.ts";
import type { ExecutionContext } from "./context.ts";
import type { Deadline } from "./deadline.ts";
import type { Effects } from "./effects.ts";
import type { StepError } from "./engine.ts";
import type { FailedOutcome } from "./outcome.ts";

/** Where a list of steps runs: the workflow itself, one branch, or one turn of a loop. */
export interface Frame {
  /** Stands before step ids in paths: empty, or `notify[2].`. */
  readonly prefix: string;
  /** `scope.steps` is `steps`. */
  readonly scope: Scope;
  /** Outputs by step id. It grows as steps end, so a frame belongs to one sequence of steps. */
  readonly steps: Record<string, Value>;
  /** The earliest of the deadlines around these steps. */
  readonly deadline?: Deadline | undefined;
  /**
   * Attempts used so far by path, kept inside a container that may be tried again: its steps go on counting, so that
   * their paths, and with them their idempotency keys, stay the same.
   */
  readonly attempts?: Map<string, number> | undefined;
}

/** Why a sequence of steps broke off. */
export interface Failure {
  readonly error: StepError;
  /** Of the step that failed. */
  readonly path: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
  /** The deadline that ended it; nothing inside the deadline's owner may catch it. */
  readonly deadline?: Deadline | undefined;
}

export interface Walk {
  readonly context: ExecutionContext;
  readonly effects: Effects;
  /** Runs steps in order. @returns undefined when all went well */
  runSteps(steps: readonly Step[], frame: Frame): Promise<Failure | undefined>;
}

/** The outcome of a container whose steps failed. */
export function containerFailed(failure: Failure): FailedOutcome {
  const outcome: FailedOutcome = { kind: "failed", error: failure.error, retryable: failure.retryable };
  return failure.retryAfterMs === undefined ? outcome : { ...outcome, retryAfterMs: failure.retryAfterMs };
}

/** A frame that sees all that `frame` sees and hands nothing back to it. */
export function childFrame(frame: Frame, prefix: string, names: { readonly [name: string]: Value } = {}): Frame {
  const steps = { ...frame.steps };
  return { ...frame, prefix, steps, scope: { ...frame.scope, ...names, steps } };
}

const idsOfSteps = new WeakMap<readonly Step[], readonly string[]>();

/** The ids that stand for outputs once `steps` are over; steps inside a loop are seen by their own turn only. */
export function visibleIds(steps: readonly Step[]): readonly string[] {
  let ids = idsOfSteps.get(steps);
  if (ids === undefined) {
    ids = steps.flatMap((step) => [...(step.named ? [step.id] : []), ...innerIds(step)]);
    idsOfSteps.set(steps, ids);
  }
  return ids;
}

/** The ids inside a container that are visible after it. */
export function innerIds(step: Step): readonly string[] {
  switch (step.kind) {
    case "switch":
      return step.cases.flatMap((one) => visibleIds(one.steps));
    case "parallel":
      return step.branches.flatMap((branch) => visibleIds(branch.steps));
    default:
      return [];
  }
}

/** Gives null to steps that were not reached, as to skipped ones. */
export function fillAbsent(outputs: Record<string, Value>, ids: readonly string[]): void {
  for (const id of ids) if (!Object.hasOwn(outputs, id)) outputs[id] = null;
}

/** The outputs of `ids`, by id. */
export function pick(outputs: Readonly<Record<string, Value>>, ids: readonly string[]): Record<string, Value> {
  const picked: Record<string, Value> = {};
  for (const id of ids) picked[id] = Object.hasOwn(outputs, id) ? (outputs[id] as Value) : null;
  return picked;
}
