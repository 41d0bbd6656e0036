/** What the interpreter and an engine say to each other; types only. */
import type { StepKind } from "../workflow/definition.ts";
import type { Value } from "../value.ts";
import type { ExecutionStatus, Reply, StepError, TriggerInput } from "./engine.ts";

export interface ExecutionInfo {
  readonly id: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  /** ISO 8601 UTC; the same after a restart. */
  readonly startedAt: string;
  readonly userId?: string;
}

/** One attempt at one step, to be recorded once. */
export interface StepAttempt {
  /** `notify[2].send`, unique in the execution together with `attempt`. */
  readonly path: string;
  readonly stepId: string;
  readonly kind: StepKind;
  readonly name?: string;
  /** From 1. */
  readonly attempt: number;
  /**
   * True when running it changes or reads the world (http, function, workflow): all earlier records are durable before
   * it runs, and its own outcome is durable before the next step begins. False for steps that compute only: they run
   * again to the same result after a crash, so their record shares the next commit.
   */
  readonly effect: boolean;
}

/** What came of an attempt. A failure is an outcome, not an exception; a throw is a defect and ends the execution. */
export type StepOutcome = (
  | { readonly kind: "succeeded"; readonly output: Value }
  | { readonly kind: "failed"; readonly error: StepError; readonly retryable: boolean; readonly retryAfterMs?: number }
  | { readonly kind: "skipped" }
) & {
  /** What the step was given, for the record. */
  readonly input?: Value;
  readonly logs?: readonly string[];
};

/** An engine's side of one execution. Calls of different branches may be open at the same time. */
export interface ExecutionContext {
  readonly execution: ExecutionInfo;
  readonly input: TriggerInput;
  /** Aborted on cancel and on shutdown; long work listens to it. */
  readonly signal: AbortSignal;
  /**
   * Runs an attempt and records its outcome, or yields the recorded outcome without running it.
   *
   * Never settles once the execution is cancelled, suspended or shut down: the walk is dropped where it stands.
   */
  step(attempt: StepAttempt, run: () => Promise<StepOutcome> | StepOutcome): Promise<StepOutcome>;
  /**
   * Resolves `ms` after it was first asked for, also across restarts; never early.
   *
   * @param step - Given when the wait is a delay step's own, to be shown in history; absent for the wait before a retry.
   */
  delay(path: string, ms: number, step?: { readonly stepId: string; readonly name?: string }): Promise<void>;
  /** The time of the first call with this path, in ms since 1970; the same after a restart. */
  now(path: string): number;
  /**
   * Calls back once so much of the execution's time has passed; time limits wait by it. Real time when absent.
   *
   * @returns Forgets the call.
   */
  readonly after?: (ms: number, callback: () => void) => () => void;
  /** Records the reply; the first one counts. Durable and on its way to the caller when it resolves. @returns false for a later one */
  respond(path: string, reply: Reply): Promise<boolean>;
}

/** How a walk ended. */
export type ExecutionEnd =
  | { readonly status: Extract<ExecutionStatus, "SUCCEEDED"> }
  | { readonly status: Extract<ExecutionStatus, "FAILED">; readonly error: StepError };
