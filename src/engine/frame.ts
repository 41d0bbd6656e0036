/** What a walk carries from step to step. No I/O. */
import type { Step } from "../workflow/definition.ts";
import type { Scope } from "../workflow/expression.ts";
import type { Value, ValueObject } from "../value.ts";
import type { ExecutionContext } from "./context.ts";
import type { Deadline } from "./deadline.ts";
import type { Effects } from "./effects.ts";
import type { StepError } from "./engine.ts";
import type { FailedOutcome } from "./outcome.ts";

/**
 * The variables of one sequence of steps. Each scope is a value of its own, never changed afterwards: an effect that is
 * still at work, or an output that holds all of `steps`, keeps what it was given.
 */
export class Names {
  #scope: Scope;
  #steps: ValueObject;

  constructor(scope: Scope, steps: ValueObject = {}) {
    this.#steps = steps;
    this.#scope = { ...scope, steps };
  }

  get scope(): Scope {
    return this.#scope;
  }

  /** Outputs by step id. */
  get steps(): ValueObject {
    return this.#steps;
  }

  add(outputs: ValueObject): void {
    this.#replace({ ...this.#steps, ...outputs });
  }

  /** Gives null to steps that were not reached, as to skipped ones. */
  fillAbsent(ids: readonly string[]): void {
    const absent = ids.filter((id) => !Object.hasOwn(this.#steps, id));
    if (absent.length > 0) this.add(Object.fromEntries(absent.map((id) => [id, null])));
  }

  forget(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const steps = { ...this.#steps };
    for (const id of ids) delete steps[id];
    this.#replace(steps);
  }

  /** Names that begin as these and hand nothing back. */
  fork(more: { readonly [name: string]: Value } = {}): Names {
    return new Names({ ...this.#scope, ...more }, this.#steps);
  }

  #replace(steps: ValueObject): void {
    this.#steps = steps;
    this.#scope = { ...this.#scope, steps };
  }
}

/** Where a list of steps runs: the workflow itself, one branch, or one turn of a loop. */
export interface Frame {
  /** Stands before step ids in paths: empty, or `notify[2].`. */
  readonly prefix: string;
  readonly names: Names;
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

/** The outputs of `ids`, by id. */
export function pick(outputs: ValueObject, ids: readonly string[]): ValueObject {
  return Object.fromEntries(ids.map((id) => [id, Object.hasOwn(outputs, id) ? (outputs[id] ?? null) : null]));
}
