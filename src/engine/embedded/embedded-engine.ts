/** The default engine: one process, one SQLite file. See `commit.ts` and `walk.ts` for what it promises. */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { WfError } from "../../errors.ts";
import type { Definition } from "../../workflow/definition.ts";
import type { ExecutionEnd } from "../context.ts";
import type {
  Engine,
  Execution,
  ExecutionFilter,
  ExecutionStart,
  ExecutionStatus,
  ExecutionWithSteps,
  Page,
  Reply,
} from "../engine.ts";
import type { FileStore } from "../files.ts";
import { impliedReply } from "../outcome.ts";
import type { Scrub } from "../record.ts";
import { GroupCommit } from "./commit.ts";
import { Definitions } from "./definitions.ts";
import { closedError, failureKind, storeError } from "./failure.ts";
import { FolderFiles } from "./files.ts";
import { ExecutionHistory } from "./history.ts";
import { Idempotency, type Started } from "./idempotency.ts";
import { encodeInput } from "./input.ts";
import type { FolderLock } from "./lock.ts";
import type { EmbeddedEngineOptions } from "./options.ts";
import { encodeError } from "./outcome.ts";
import { type ExecutionRow, Reader } from "./read.ts";
import { Replies } from "./replies.ts";
import { loadWalk, Resumer } from "./resume.ts";
import { Retention } from "./retention.ts";
import { STATUS } from "./schema.ts";
import { Store } from "./store.ts";
import { WriteAheadLog } from "./wal.ts";
import { Waiters } from "./waiters.ts";
import { endOf, LiveWalk, type WalkHost } from "./walk.ts";
import type { StartWrite } from "./write.ts";

/** Ties the parts together: starts, walks, waiting callers, cancelling, closing. */
export class EmbeddedEngine implements Engine, WalkHost {
  readonly files: FileStore;
  readonly commit: GroupCommit;
  readonly clock: () => number;
  readonly suspendMs: number;
  readonly #options: EmbeddedEngineOptions;
  readonly #database: DatabaseSync;
  readonly #lock: FolderLock;
  readonly #reader: Reader;
  readonly #history: ExecutionHistory;
  readonly #definitions: Definitions;
  readonly #resumer: Resumer;
  readonly #retention: Retention;
  readonly #live = new Map<string, LiveWalk>();
  /** Recorded executions that are on their way into memory, or being cancelled outside of it. */
  readonly #taken = new Set<number>();
  readonly #idempotency: Idempotency;
  readonly #replies = new Replies();
  readonly #ends = new Waiters<Execution>();
  #drained: (() => void)[] = [];
  #lastSeq: number;
  #closed: Promise<void> | undefined;

  constructor(options: EmbeddedEngineOptions, database: DatabaseSync, lock: FolderLock) {
    const file = join(options.directory, "wf.db");
    this.#options = options;
    this.#database = database;
    this.#lock = lock;
    this.clock = options.clock ?? Date.now;
    this.suspendMs = options.suspendMs ?? 1_000;
    const files = new FolderFiles(options.directory);
    const store = new Store(database);
    this.files = files;
    this.commit = new GroupCommit({
      store,
      wal: new WriteAheadLog(file),
      file,
      busyTimeoutMs: options.busyTimeoutMs ?? 5_000,
      onFailure: (error, kept) => options.log?.error({ err: error, code: error.code, kept }, error.message),
    });
    this.#reader = new Reader(database);
    this.#idempotency = new Idempotency(this.#reader, this.clock);
    this.#history = new ExecutionHistory(database, file, (id) => this.#live.get(id), this.clock);
    this.#definitions = new Definitions(options.parse, (hash) => this.#reader.definitionSource(hash));
    const { last } = database.prepare("SELECT coalesce(max(seq), 0) AS last FROM executions").get() as { last: number };
    this.#lastSeq = last;
    this.#resumer = new Resumer(
      database,
      {
        clock: this.clock,
        resume: (seq) => this.#resume(seq),
        isLive: (seq) => this.#taken.has(seq),
        found: (count) => this.#options.onResumed?.(count),
        failed: (error) => this.#options.log?.error({ err: error }, "Executions could not be resumed; trying again."),
      },
      last,
    );
    this.#retention = new Retention({
      database,
      files,
      clock: this.clock,
      retentionMs: options.retentionMs,
      onDefinitionsRemoved: () => store.forgetDefinitions(),
      onFailure: (error) =>
        options.log?.warn({ err: error }, "Old executions could not be removed; trying again in an hour."),
    });
    this.#retention.open();
    // After this turn, so that whoever opens the engine can finish wiring what walks use.
    setImmediate(() => this.#resumer.open());
  }

  get scrub(): Scrub | undefined {
    return this.#options.scrub;
  }

  get running(): number {
    return this.#live.size;
  }

  start(start: ExecutionStart): Promise<Started> {
    const refusal = this.#closed === undefined ? this.commit.failure : closedError();
    if (refusal !== undefined) return Promise.reject(refusal);
    const { idempotencyKey: key } = start;
    try {
      return key === undefined ? this.#begin(start) : this.#idempotency.start(start, key, () => this.#begin(start));
    } catch (error) {
      return Promise.reject(storeError(error, this.#options.directory));
    }
  }

  async waitResponse(id: string, timeoutMs: number): Promise<Reply | undefined> {
    const recent = this.#replies.recent(id);
    if (recent !== undefined || this.#closed !== undefined) return recent;
    const walk = this.#live.get(id);
    if (walk === undefined || walk.replyIsDurable) {
      const row = this.#reader.execution(id);
      if (row === undefined && walk === undefined) return undefined;
      const reply = row === undefined ? null : this.#history.reply(row);
      // What an end implies holds once the end is durable.
      const isEnding = walk === undefined && row !== undefined && this.#taken.has(row.seq);
      if (reply !== null && !(isEnding && reply.kind !== "response")) return reply;
    }
    return this.#replies.wait(id, timeoutMs);
  }

  async waitEnd(id: string, timeoutMs: number): Promise<Execution | undefined> {
    if (this.#closed !== undefined) return undefined;
    const row = this.#reader.execution(id);
    const isLive = this.#live.has(id);
    // A row is there before it is durable.
    if (row?.ended != null && !isLive && !this.#taken.has(row.seq)) return this.#history.toExecution(row);
    return row === undefined && !isLive ? undefined : this.#ends.wait(id, timeoutMs);
  }

  async cancel(id: string): Promise<boolean> {
    if (this.#closed !== undefined) throw closedError();
    let walk = this.#live.get(id);
    if (walk !== undefined && (walk.ending || walk.start?.written === false)) {
      await this.commit.durable();
      walk = this.#live.get(id);
    }
    const row = this.#reader.execution(id);
    if (row === undefined || row.status > STATUS.DELAYED || walk?.ending === true) return false;
    if (walk !== undefined) {
      walk.ending = true;
      walk.drop(new WfError("EXECUTION_CANCELLED", "The execution was cancelled."));
    }
    this.#taken.add(row.seq);
    return new Promise((resolve, reject) => {
      this.commit.add({
        kind: "status",
        owner: walk ?? { seq: row.seq, void: false },
        status: STATUS.CANCELLED,
        ended: Math.max(row.started, this.clock()),
        wake: null,
        tasks: walk?.tasks,
        error: null,
        done: (changed) => {
          this.#taken.delete(row.seq);
          if (walk !== undefined) this.#forget(walk);
          if (changed) this.#announceEnd(id, "CANCELLED");
          resolve(changed);
        },
        failed: reject,
      });
    });
  }

  list(filter: ExecutionFilter): Promise<Page<Execution>> {
    return this.#history.list(filter);
  }

  get(id: string): Promise<ExecutionWithSteps | undefined> {
    return this.#history.get(id);
  }

  async definition(hash: string): Promise<Definition | undefined> {
    return this.#definitions.get(hash);
  }

  drain(timeoutMs: number): Promise<void> {
    if (this.#live.size === 0) return this.commit.durable();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(timeoutMs, 2 ** 31 - 1));
    this.#drained.push(() => {
      clearTimeout(timer);
      resolve();
    });
    return promise;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  suspended(walk: LiveWalk, wake: number): void {
    this.#taken.add(walk.seq);
    this.#setStatus(walk, STATUS.DELAYED, wake, (changed) => {
      this.#forget(walk);
      if (changed) this.#resumer.sleeping(wake);
    });
  }

  replied(walk: LiveWalk, reply: Reply, size: number): void {
    this.#replies.settle(walk.id, reply, size);
  }

  broken(walk: LiveWalk, error: WfError): void {
    this.#options.log?.error({ err: error, execution: walk.id }, "A record of the execution could not be written.");
    walk.drop(error);
    this.#live.delete(walk.id);
    // An owner of its own: the walk's is void by now.
    void this.#failRow(walk.id, { seq: walk.seq, started: walk.started }, error, walk);
  }

  #begin(start: ExecutionStart): Promise<Started> {
    const { definition, id } = start;
    const { input, ...encoded } = encodeInput(start, this.scrub);
    const seq = ++this.#lastSeq;
    const started = this.clock();
    const walk = new LiveWalk(this, {
      seq,
      id,
      workflowId: definition.id,
      definitionHash: definition.hash,
      started,
      userId: input.userId,
      input,
    });
    return new Promise((resolve, reject) => {
      const write: StartWrite = {
        kind: "start",
        owner: walk,
        id,
        workflowId: definition.id,
        definitionHash: definition.hash,
        definitionSource: () => JSON.stringify(definition.source),
        userId: input.userId ?? null,
        started,
        idempotencyKey: start.idempotencyKey ?? null,
        replayOf: start.replayOf ?? null,
        parentId: start.parentId ?? null,
        input: encoded,
        status: STATUS.EXECUTING,
        ended: null,
        tasks: 0,
        error: null,
        written: false,
        done: () => resolve({ outcome: "created", id }),
        failed: (error) => {
          walk.drop(error);
          if (this.#live.get(id) === walk) this.#forget(walk);
          // The same id a second time is the same start, told twice.
          if (error.cause !== undefined && failureKind(error.cause) === "exists") resolve({ outcome: "exists", id });
          else reject(error);
        },
      };
      if (!this.#live.has(id)) this.#live.set(id, walk);
      walk.begin(write);
      this.#run(walk, definition);
    });
  }

  #run(walk: LiveWalk, definition: Definition): void {
    let walked: Promise<ExecutionEnd>;
    try {
      walked = this.#options.walk(definition, walk);
    } catch (error) {
      walked = Promise.reject(error);
    }
    walked.then(
      (end) => this.#finish(walk, end),
      (error: unknown) => {
        if (walk.dropped || walk.void || walk.ending) return;
        this.#options.log?.error({ err: error, execution: walk.id }, "The execution met a defect.");
        this.#finish(walk, endOf(error));
      },
    );
  }

  #finish(walk: LiveWalk, end: ExecutionEnd): void {
    if (walk.dropped || walk.void || walk.ending) return;
    const error = end.status === "FAILED" ? encodeError(end.error, this.scrub) : null;
    walk.end(STATUS[end.status], Math.max(walk.started, this.clock()), error, (changed) => {
      this.#forget(walk);
      if (changed) this.#announceEnd(walk.id, end.status);
    });
    // Branches that are still open have lost their execution.
    walk.drop(end.status === "FAILED" ? new WfError("EXECUTION_FAILED", "The execution has failed.") : undefined);
  }

  async #resume(seq: number): Promise<void> {
    this.#taken.add(seq);
    let row: ExecutionRow | undefined;
    let walk: LiveWalk;
    let definition: Definition;
    try {
      row = this.#reader.executionAt(seq);
      if (row === undefined || row.status > STATUS.DELAYED) {
        this.#taken.delete(seq);
        return;
      }
      definition = this.#definitions.recorded(row.hash);
      walk = loadWalk(this, this.#reader, row);
    } catch (error) {
      const failure = error instanceof WfError ? error : storeError(error, this.#options.directory);
      this.#options.log?.error({ err: failure, execution: row?.id ?? seq }, "The execution cannot go on.");
      // What cannot be read now may be readable later; only a definition that is no more ends the execution.
      if (row === undefined || failure.code !== "WORKFLOW_INVALID") this.#taken.delete(seq);
      else await this.#failRow(row.id, row, failure);
      return;
    }
    this.#live.set(walk.id, walk);
    if (row.status === STATUS.DELAYED) this.#setStatus(walk, STATUS.EXECUTING, null, () => {});
    const gone = new Promise<void>((resolve) => {
      walk.gone = resolve;
    });
    this.#run(walk, definition);
    await gone;
  }

  #setStatus(walk: LiveWalk, status: number, wake: number | null, done: (changed: boolean) => void): void {
    const { tasks } = walk;
    this.commit.add({ kind: "status", owner: walk, status, ended: null, wake, tasks, error: null, done });
  }

  #failRow(id: string, row: { seq: number; started: number }, failure: WfError, walk?: LiveWalk): Promise<void> {
    const error = encodeError({ code: failure.code, message: failure.message }, this.scrub);
    this.#taken.add(row.seq);
    return new Promise((resolve) => {
      this.commit.add({
        kind: "status",
        owner: { seq: row.seq, void: false },
        status: STATUS.FAILED,
        ended: Math.max(row.started, this.clock()),
        wake: null,
        tasks: walk?.tasks,
        error,
        done: (changed) => {
          this.#taken.delete(row.seq);
          if (walk !== undefined) this.#forget(walk);
          if (changed) this.#announceEnd(id, "FAILED");
          resolve();
        },
      });
    });
  }

  #forget(walk: LiveWalk): void {
    if (this.#live.get(walk.id) === walk) this.#live.delete(walk.id);
    this.#taken.delete(walk.seq);
    walk.gone?.();
    walk.gone = undefined;
    if (this.#live.size > 0 || this.#drained.length === 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #announceEnd(id: string, status: ExecutionStatus): void {
    const implied = impliedReply(status);
    if (implied !== null) this.#replies.end(id, implied);
    if (!this.#ends.has(id)) return;
    const execution = this.#history.find(id);
    if (execution !== undefined) this.#ends.settle(id, execution);
  }

  async #close(): Promise<void> {
    this.#resumer.close();
    for (const walk of this.#live.values()) walk.drop(new WfError("DRAINING", "The server is shutting down."));
    await this.commit.close();
    this.#replies.close();
    this.#ends.close();
    for (const resolve of this.#drained.splice(0)) resolve();
    await this.#retention.close();
    // Closing makes a checkpoint; a log that may have holes is left to SQLite's recovery.
    if (this.commit.failure === undefined) this.#database.close();
    this.#lock.release();
  }
}
