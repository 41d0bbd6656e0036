/** Time limits: of a step's attempt, of a container, of the whole workflow. */
import { formatDuration } from "../duration.ts";
import { WfError } from "../errors.ts";
import type { StepOutcome } from "./context.ts";
import type { StepError } from "./engine.ts";
import type { FailedOutcome } from "./outcome.ts";
import type { Failure } from "./frame.ts";

/** A moment after which nothing more begins. */
export interface Deadline {
  /** In ms since 1970. */
  readonly at: number;
  /** The container that set it; undefined for the workflow's own. */
  readonly path: string | undefined;
  readonly timeoutMs: number;
}

/** A limit on one attempt. */
export interface Limit {
  readonly ms: number;
  readonly error: StepError;
  readonly retryable: boolean;
}

/** The longest wait of `setTimeout`; it fires at once for more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How long an aborted attempt may take to hand over its input and logs for the record. */
const GRACE_MS = 250;

/** @returns The deadline that comes first; the outer one of two that come together. */
export function earlier(outer: Deadline | undefined, inner: Deadline): Deadline {
  return outer !== undefined && outer.at <= inner.at ? outer : inner;
}

function timeoutError(path: string | undefined, timeoutMs: number): StepError {
  return path === undefined
    ? {
        code: "WORKFLOW_TIMEOUT",
        message: `The workflow took longer than its timeout of ${formatDuration(timeoutMs)}`,
        details: { timeoutMs },
      }
    : {
        code: "STEP_TIMEOUT",
        message: `Step \`${path}\` took longer than its timeout of ${formatDuration(timeoutMs)}`,
        details: { step: path, timeoutMs },
      };
}

/** The failure of a step that a deadline keeps from going on. */
export function expired(deadline: Deadline, path: string): Failure {
  return { error: timeoutError(deadline.path, deadline.timeoutMs), path, retryable: true, deadline };
}

/** True when `error`, perhaps read from a record, says that `deadline` is over. */
export function isExpiry(deadline: Deadline, error: StepError): boolean {
  return deadline.path === undefined
    ? error.code === "WORKFLOW_TIMEOUT"
    : error.code === "STEP_TIMEOUT" && error.details?.["step"] === deadline.path;
}

/** The limit that ends an attempt first: its step's own timeout, or what is left until the deadline. */
export function limitOf(
  path: string,
  timeoutMs: number | undefined,
  deadline: Deadline | undefined,
  now: number,
): Limit | undefined {
  const left = deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, deadline.at - now);
  if (timeoutMs !== undefined && timeoutMs < left) {
    return { ms: timeoutMs, error: timeoutError(path, timeoutMs), retryable: true };
  }
  if (deadline === undefined) return undefined;
  return { ms: left, error: timeoutError(deadline.path, deadline.timeoutMs), retryable: true };
}

/**
 * Runs an attempt under a limit. When the time is over, its signal is aborted with a {@link WfError}, and the attempt
 * has failed whether it listens or not; what it hands over shortly after still makes the record's input and logs.
 *
 * @param outer - Aborted on cancel and shutdown; then nothing is to be decided here any more.
 * @param after - The execution's clock.
 */
export async function runWithin(
  limit: Limit | undefined,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<StepOutcome>,
  after: After = realTime,
): Promise<StepOutcome> {
  if (limit === undefined) return run(outer);
  const controller = new AbortController();
  const forward = (): void => controller.abort(outer.reason);
  if (outer.aborted) forward();
  else outer.addEventListener("abort", forward, { once: true });
  const timer = new Timer(after);
  try {
    const running = run(controller.signal);
    const timeIsOver = timer.wait(limit.ms, outer);
    const first = await Promise.race([running, timeIsOver]);
    if (first !== undefined) return first;

    controller.abort(new WfError(limit.error.code, limit.error.message));
    const late = await Promise.race([running.catch(() => undefined), timer.wait(GRACE_MS, outer)]);
    return timedOut(limit, late);
  } finally {
    timer.stop();
    outer.removeEventListener("abort", forward);
  }
}

function timedOut(limit: Limit, late: StepOutcome | undefined): FailedOutcome {
  const outcome: FailedOutcome = { kind: "failed", error: limit.error, retryable: limit.retryable };
  return {
    ...outcome,
    ...(late?.input === undefined ? {} : { input: late.input }),
    ...(late?.logs === undefined ? {} : { logs: late.logs }),
  };
}

/** Calls back after so many milliseconds. @returns Forgets the call */
type After = (ms: number, callback: () => void) => () => void;

const realTime: After = (ms, callback) => {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
};

class Timer {
  readonly #after: After;
  #forget: (() => void) | undefined;

  constructor(after: After) {
    this.#after = after;
  }

  /** Resolves after `ms`; never once it is stopped, or when `signal` is aborted first. */
  wait(ms: number, signal: AbortSignal): Promise<undefined> {
    return new Promise((resolve) => {
      let left = ms;
      const next = (): void => {
        if (signal.aborted) return;
        if (left <= 0) return resolve(undefined);
        const turn = Math.min(left, MAX_TIMER_MS);
        left -= turn;
        this.#forget = this.#after(turn, next);
      };
      next();
    });
  }

  stop(): void {
    this.#forget?.();
  }
}
