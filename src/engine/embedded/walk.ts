/**
 * One execution as it is being walked: the interpreter's context, kept in memory while something of it runs.
 *
 * W1 A step that reaches out runs only when everything recorded before it is durable.
 * W2 A recorded outcome is yielded, never made again.
 * W3 A walk that was dropped (cancelled, suspended, void) is never answered: its calls stay open and are collected.
 * W4 Nothing but open delays, the nearest of them far away: the walk is dropped, and costs no memory until then.
 */
import { WfError } from "../../errors.ts";
import type { StepKind } from "../../workflow/definition.ts";
import type { ExecutionContext, ExecutionEnd, ExecutionInfo, StepAttempt, StepOutcome } from "../context.ts";
import type { Reply, StepError, TriggerInput } from "../engine.ts";
import { type EncodedValue, recordValue, type Scrub } from "../record.ts";
import type { GroupCommit } from "./commit.ts";
import { isoTime } from "./iso-time.ts";
import { type Encoded, encodeOutcome, replayOutcome } from "./outcome.ts";
import type { MarkRow, StepRow } from "./read.ts";
import { MARK, STEPS_PER_EXECUTION } from "./schema.ts";
import type { StartWrite, Write, WriteOwner } from "./write.ts";

/** Steps that only compute are not waited for, but so many unwritten records are enough. */
const MAX_UNWRITTEN = 500;
/** Timers look at the clock this often, so that a clock that is set forward is noticed. */
const CLOCK_CHECK_MS = 60_000;

/** What a walk needs of its engine. */
export interface WalkHost {
  readonly commit: GroupCommit;
  readonly clock: () => number;
  readonly scrub: Scrub | undefined;
  /** A delay at least this far away lets a walk be dropped. */
  readonly suspendMs: number;
  suspended(walk: LiveWalk, wake: number): void;
  replied(walk: LiveWalk, reply: Reply, size: number): void;
  /** A write of it was given up: it cannot go on. */
  broken(walk: LiveWalk, error: WfError): void;
}

export interface WalkStart {
  readonly seq: number;
  readonly id: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  readonly started: number;
  readonly userId: string | undefined;
  readonly input: TriggerInput;
}

/** What was recorded before this process, or before the walk was dropped. */
export interface WalkRecords {
  readonly steps: readonly StepRow[];
  readonly marks: readonly MarkRow[];
  readonly replyPath: string | undefined;
}

/** A step that runs now, as history shows it. */
export interface RunningStep {
  readonly attempt: StepAttempt;
  readonly started: number;
}

interface OpenDelay {
  readonly wake: number;
  timer: NodeJS.Timeout | undefined;
  readonly resolve: () => void;
}

export class LiveWalk implements ExecutionContext, WriteOwner {
  readonly seq: number;
  readonly id: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  readonly started: number;
  readonly userId: string | undefined;
  readonly input: TriggerInput;
  /** Set by the group commit (C2, C4). */
  void = false;
  dropped = false;
  /** Its final state is on the way to the store. */
  ending = false;
  /** Steps recorded so far. */
  tasks = 0;
  replyIsDurable = false;
  /** The write of its start, until that is in SQLite's hands. */
  start: StartWrite | undefined;
  /** Called once when it no longer is at work: ended, suspended, cancelled or refused. */
  gone: (() => void) | undefined;
  readonly running: Map<number, RunningStep> = new Map();

  readonly #host: WalkHost;
  #info: ExecutionInfo | undefined;
  #controller: AbortController | undefined;
  #n = 0;
  #lastBatch = 0;
  #unwritten = 0;
  /** Calls that are at work, other than delays. */
  #busy = 0;
  #delays: Set<OpenDelay> | undefined;
  #idleCheck = false;
  #outcomes: Map<string, StepRow> | undefined;
  #marks: Map<string, number> | undefined;
  #replied = false;
  /** Where an earlier walk of it replied; that call is answered as it was then. */
  #recordedReply: string | undefined;

  constructor(host: WalkHost, start: WalkStart, records?: WalkRecords) {
    this.#host = host;
    this.seq = start.seq;
    this.id = start.id;
    this.workflowId = start.workflowId;
    this.definitionHash = start.definitionHash;
    this.started = start.started;
    this.userId = start.userId;
    this.input = start.input;
    if (records !== undefined) this.#load(records);
  }

  get execution(): ExecutionInfo {
    this.#info ??= {
      id: this.id,
      workflowId: this.workflowId,
      definitionHash: this.definitionHash,
      startedAt: isoTime(this.started),
      ...(this.userId === undefined ? {} : { userId: this.userId }),
    };
    return this.#info;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  async step(attempt: StepAttempt, run: () => Promise<StepOutcome> | StepOutcome): Promise<StepOutcome> {
    if (this.#isGone()) return never();
    const recorded = this.#outcomes?.get(outcomeKey(attempt.path, attempt.attempt));
    if (recorded !== undefined) return replayOutcome(recorded); // W2
    const n = this.#next();
    this.#busy++;
    if (attempt.effect && !this.#host.commit.isDurable(this.#lastBatch)) {
      await this.#host.commit.durable(this.#lastBatch); // W1
      if (this.#isGone()) return never();
    }
    const { clock } = this.#host;
    const started = clock();
    let outcome: StepOutcome;
    try {
      const running = run();
      if (running instanceof Promise) {
        this.running.set(n, { attempt, started });
        outcome = await running;
      } else {
        outcome = running;
      }
    } catch (error) {
      // Also what the abort of a dropped walk leads to.
      if (this.#isGone()) return never();
      throw error;
    } finally {
      this.running.delete(n);
      this.#rest();
    }
    if (this.#isGone()) return never();
    const encoded = encodeOutcome(outcome, this.#host.scrub);
    if (attempt.attempt === 1) this.tasks++;
    const batch = this.#record(attempt, n, started, Math.max(started, clock()), encoded);
    if (attempt.effect || this.#unwritten > MAX_UNWRITTEN) {
      this.#busy++;
      if (!this.#host.commit.isDurable(batch)) await this.#host.commit.durable(batch);
      this.#unwritten = 0;
      this.#rest();
      if (this.#isGone()) return never();
    }
    return encoded.outcome;
  }

  async delay(path: string, ms: number, step?: { readonly stepId: string; readonly name?: string }): Promise<void> {
    if (this.#isGone()) return never();
    const now = this.#host.clock();
    let wake = this.#marks?.get(path);
    if (wake === undefined) {
      wake = Math.ceil(now + Math.max(0, ms));
      if (step !== undefined) this.tasks++;
      this.#mark(MARK.delay, path, wake, now, step);
    }
    if (wake <= now) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const open: OpenDelay = { wake, timer: undefined, resolve };
    this.#delays ??= new Set();
    this.#delays.add(open);
    this.#arm(open);
    this.#checkIdle();
    return promise;
  }

  now(path: string): number {
    const known = this.#marks?.get(path);
    if (known !== undefined) return known;
    const now = this.#host.clock();
    if (!this.#isGone()) this.#mark(MARK.now, path, now, now);
    return now;
  }

  async respond(path: string, reply: Reply): Promise<boolean> {
    if (this.#isGone()) return never();
    if (this.#recordedReply === path) {
      this.#recordedReply = undefined;
      return true;
    }
    if (this.#replied) return false;
    const recorded = recordValue(reply, this.#host.scrub);
    const kept = recorded.value as unknown as Reply;
    this.#replied = true;
    this.#busy++;
    const batch = this.#add({
      kind: "reply",
      owner: this,
      path,
      reply: recorded,
      done: () => {
        this.replyIsDurable = true;
        this.#host.replied(this, kept, recorded.json.length);
      },
      failed: this.#onRefused,
    });
    await this.#host.commit.durable(batch);
    this.#rest();
    return this.#isGone() ? never() : true;
  }

  /** Writes its start; W1 holds for that as well. */
  begin(start: StartWrite): void {
    this.start = start;
    this.#add(start);
  }

  /** Writes the execution's end; part of its start's own row when that is not written yet. */
  end(status: number, ended: number, error: EncodedValue | null, done: (changed: boolean) => void): void {
    this.ending = true;
    const { start } = this;
    if (start !== undefined && !start.written) {
      start.status = status;
      start.ended = ended;
      start.tasks = this.tasks;
      start.error = error;
      // Nothing is written yet, so this runs when the start is durable.
      this.#add({ kind: "none", owner: this, done });
      return;
    }
    this.#add({ kind: "status", owner: this, status, ended, wake: null, tasks: this.tasks, error, done });
  }

  /** W3 */
  drop(reason?: WfError): void {
    this.dropped = true;
    for (const open of this.#delays ?? []) clearTimeout(open.timer);
    this.#delays = undefined;
    if (reason !== undefined) this.#controller?.abort(reason);
  }

  #isGone(): boolean {
    return this.dropped || this.void || this.ending;
  }

  #next(): number {
    if (++this.#n >= STEPS_PER_EXECUTION) {
      throw new WfError("STEP_INVALID", `An execution can have ${STEPS_PER_EXECUTION} records at most.`, {
        hint: "Split the list over several executions with `workflow` steps.",
      });
    }
    return this.#n;
  }

  #record(attempt: StepAttempt, n: number, started: number, ended: number, encoded: Encoded): number {
    this.#unwritten++;
    return this.#add({
      kind: "step",
      owner: this,
      key: this.seq * STEPS_PER_EXECUTION + n,
      path: attempt.path,
      attempt: attempt.attempt,
      stepId: attempt.stepId,
      stepKind: attempt.kind satisfies StepKind,
      name: attempt.name ?? null,
      status: encoded.status,
      started,
      ended,
      retryable: encoded.retryable,
      retryAfterMs: encoded.retryAfterMs,
      input: encoded.input,
      output: encoded.output,
      logs: encoded.logs,
      failed: this.#onRefused,
    });
  }

  #mark(mark: number, path: string, at: number, now: number, step?: { stepId: string; name?: string }): void {
    this.#marks ??= new Map();
    this.#marks.set(path, at);
    this.#add({
      kind: "mark",
      owner: this,
      key: this.seq * STEPS_PER_EXECUTION + this.#next(),
      mark,
      path,
      at,
      started: now,
      stepId: step?.stepId ?? null,
      name: step?.name ?? null,
      failed: this.#onRefused,
    });
  }

  #add(write: Write): number {
    this.#lastBatch = this.#host.commit.add(write);
    return this.#lastBatch;
  }

  /** Kept writes (C3) call this as well; only one that was given up (C4) voids its owner. */
  readonly #onRefused = (error: WfError): void => {
    if (this.void && !this.dropped) this.#host.broken(this, error);
  };

  #rest(): void {
    this.#busy--;
    if (this.#delays !== undefined && this.#delays.size > 0) this.#checkIdle();
  }

  #arm(open: OpenDelay): void {
    const left = open.wake - this.#host.clock();
    if (left <= 0) {
      this.#delays?.delete(open);
      open.resolve();
      return;
    }
    open.timer = setTimeout(() => this.#arm(open), Math.min(left, CLOCK_CHECK_MS));
  }

  /** After the turn: what a resolved delay or step leads to has begun by then. */
  #checkIdle(): void {
    if (this.#idleCheck) return;
    this.#idleCheck = true;
    setImmediate(() => {
      this.#idleCheck = false;
      if (this.#busy > 0 || this.#isGone() || this.#delays === undefined || this.#delays.size === 0) return;
      let nearest = Infinity;
      for (const { wake } of this.#delays) nearest = Math.min(nearest, wake);
      if (nearest - this.#host.clock() < this.#host.suspendMs) return;
      this.drop(); // W4
      this.#host.suspended(this, nearest);
    });
  }

  #load(records: WalkRecords): void {
    this.#outcomes = new Map();
    this.#marks = new Map();
    let tasks = 0;
    for (const row of records.steps) {
      if (row.attempt === 1) tasks++;
      this.#outcomes.set(outcomeKey(row.path, row.attempt), row);
      this.#n = Math.max(this.#n, row.key - this.seq * STEPS_PER_EXECUTION);
    }
    for (const row of records.marks) {
      if (row.step_id !== null) tasks++;
      this.#marks.set(row.path, row.at);
      this.#n = Math.max(this.#n, row.key - this.seq * STEPS_PER_EXECUTION);
    }
    this.tasks = tasks;
    this.#replied = this.replyIsDurable = records.replyPath !== undefined;
    this.#recordedReply = records.replyPath;
  }
}

/** How the end of a walk is kept; a walk that threw has met a defect, of which records say no more than that. */
export function endOf(error: unknown): Extract<ExecutionEnd, { status: "FAILED" }> {
  const known: StepError =
    error instanceof WfError
      ? { code: error.code, message: error.message }
      : { code: "INTERNAL", message: "Internal error" };
  return { status: "FAILED", error: known };
}

function outcomeKey(path: string, attempt: number): string {
  return `${attempt} ${path}`;
}

/** A promise of its own each time: reactions to a shared one would keep every dropped walk in memory. */
function never(): Promise<never> {
  return new Promise(() => {});
}
