/** One execution in memory: the interpreter's context, and what history shows of it. */
import { WfError } from "../errors.ts";
import type { Value } from "../value.ts";
import type { ExecutionContext, ExecutionInfo, StepAttempt, StepOutcome } from "../engine/context.ts";
import type {
  Execution,
  ExecutionStart,
  ExecutionStatus,
  Reply,
  StepError,
  StepExecution,
  TriggerInput,
} from "../engine/engine.ts";
import { recordValue, type Scrub } from "../engine/record.ts";
import type { Clock } from "./clock.ts";
import { recordedOutcome } from "./memory-outcome.ts";

type StepRecord = { -readonly [Key in keyof StepExecution]: StepExecution[Key] } & {
  attempts: { readonly start: string; readonly end: string; readonly error: StepError | null }[];
};

export class MemoryWalk implements ExecutionContext {
  readonly execution: ExecutionInfo;
  readonly input: TriggerInput;
  readonly after: (ms: number, callback: () => void) => () => void;
  status: ExecutionStatus = "EXECUTING";
  error: StepError | null = null;
  reply: Reply | undefined;
  readonly #clock: Clock;
  readonly #scrub: Scrub | undefined;
  readonly #start: ExecutionStart;
  readonly #controller = new AbortController();
  readonly #steps = new Map<string, StepRecord>();
  readonly #times = new Map<string, number>();
  readonly #onReply: (reply: Reply) => void;
  #ended: number | undefined;
  #sleeping = 0;
  #working = 0;

  /** @param id - Stands in the place of the start's own. */
  constructor(
    start: ExecutionStart,
    id: string,
    parts: {
      readonly clock: Clock;
      readonly scrub: Scrub | undefined;
      readonly onReply: (reply: Reply) => void;
    },
  ) {
    const { definition } = start;
    this.#start = start;
    this.#clock = parts.clock;
    this.#scrub = parts.scrub;
    this.#onReply = parts.onReply;
    this.after = (ms, callback) => this.#clock.after(ms, callback);
    this.input = recordValue(start.input as unknown as Value, parts.scrub, Infinity).value as unknown as TriggerInput;
    const { userId } = this.input;
    this.execution = {
      id,
      workflowId: definition.id,
      definitionHash: definition.hash,
      startedAt: iso(parts.clock.now),
      ...(userId === undefined ? {} : { userId }),
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get steps(): readonly StepExecution[] {
    return [...this.#steps.values()];
  }

  get asExecution(): Execution {
    const { id, workflowId, definitionHash, userId, startedAt } = this.execution;
    const isAsleep = this.#ended === undefined && this.#sleeping > 0 && this.#working === 0;
    return {
      id,
      workflowId,
      definitionHash,
      userId: userId ?? null,
      status: isAsleep ? "DELAYED" : this.status,
      dateStarted: startedAt,
      dateEnded: this.#ended === undefined ? null : iso(this.#ended),
      taskCount: this.#steps.size,
      runDurationMs: this.#ended === undefined ? null : this.#ended - Date.parse(startedAt),
      error: this.error,
      replayOf: this.#start.replayOf ?? null,
      parentId: this.#start.parentId ?? null,
    };
  }

  /** Ends it for good; open calls of the interpreter are never answered. @returns false when it had ended */
  end(status: ExecutionStatus, error: StepError | null, reason?: WfError): boolean {
    if (this.#ended !== undefined) return false;
    this.#ended = this.#clock.now;
    this.status = status;
    this.error = error;
    if (reason !== undefined) this.#controller.abort(reason);
    return true;
  }

  async step(attempt: StepAttempt, run: () => Promise<StepOutcome> | StepOutcome): Promise<StepOutcome> {
    if (this.ended) return never();
    const record = this.#open(attempt);
    const start = iso(this.#clock.now);
    this.#working++;
    let made: StepOutcome;
    try {
      made = await run();
    } catch (error) {
      if (this.ended) return never();
      throw error;
    } finally {
      this.#working--;
    }
    if (this.ended) return never();
    const outcome = recordedOutcome(made, this.#scrub);
    const end = iso(this.#clock.now);
    const error = outcome.kind === "failed" ? outcome.error : null;
    if (outcome.kind !== "skipped") record.attempts.push({ start, end, error });
    record.status = outcome.kind === "succeeded" ? "SUCCEEDED" : outcome.kind === "failed" ? "FAILED" : "SKIPPED";
    record.end = end;
    record.error = error;
    record.output = outcome.kind === "succeeded" ? outcome.output : null;
    record.input = outcome.input ?? null;
    record.logs = [...record.logs, ...(outcome.logs ?? [])];
    return outcome;
  }

  async delay(path: string, ms: number, step?: { readonly stepId: string; readonly name?: string }): Promise<void> {
    if (this.ended) return never();
    const until = this.#clock.now + Math.max(0, ms);
    const start = iso(this.#clock.now);
    const record =
      step === undefined ? undefined : this.#open({ ...step, path: path.replace(/#\d+$/, ""), kind: "delay" });
    if (record !== undefined) {
      record.status = "DELAYED";
      record.input = { until: iso(until) };
    }
    this.#sleeping++;
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    this.#sleeping--;
    if (this.ended) return never();
    if (record === undefined) return undefined;
    const end = iso(this.#clock.now);
    record.status = "SUCCEEDED";
    record.end = end;
    record.attempts.push({ start, end, error: null });
    return undefined;
  }

  now(path: string): number {
    const known = this.#times.get(path) ?? this.#clock.now;
    this.#times.set(path, known);
    return known;
  }

  async respond(_path: string, reply: Reply): Promise<boolean> {
    if (this.ended) return never();
    if (this.reply !== undefined) return false;
    const kept = recordValue(reply, this.#scrub).value as unknown as Reply;
    this.reply = kept;
    this.#onReply(kept);
    return true;
  }

  #open(attempt: Pick<StepAttempt, "path" | "stepId" | "kind" | "name">): StepRecord {
    const { path, stepId, kind, name } = attempt;
    const known = this.#steps.get(path);
    if (known !== undefined) {
      known.status = "EXECUTING";
      known.end = null;
      return known;
    }
    const record: StepRecord = {
      id: `${this.execution.id}:${path}`,
      stepId,
      path,
      kind,
      name: name ?? null,
      status: "EXECUTING",
      start: iso(this.#clock.now),
      end: null,
      input: null,
      output: null,
      error: null,
      attempts: [],
      logs: [],
    };
    this.#steps.set(path, record);
    return record;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** A promise of its own each time, so that dropped walks can be collected. */
function never(): Promise<never> {
  return new Promise(() => {});
}
