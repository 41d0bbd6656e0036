/**
 * Brings recorded executions back to life: those that a crash left, and those whose delay is over.
 *
 * One timer serves every sleeping execution. However many are due at once, only so many are walked at a time.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ExecutionRow, Reader } from "./read.ts";
import { STATUS } from "./schema.ts";
import { LiveWalk, type WalkHost } from "./walk.ts";

const MAX_RESUMED = 200;
/** The clock is looked at this often, so that a clock that is set forward is noticed; far below the timers' 2^31 ms. */
const CLOCK_CHECK_MS = 60_000;

export interface ResumeHost {
  readonly clock: () => number;
  /** Walks the execution again; resolves when its walk has ended or was dropped. */
  resume(seq: number): Promise<void>;
  isLive(seq: number): boolean;
  /** So many were left by an earlier process. */
  found(count: number): void;
  /** The store could not be read; asked again later. */
  failed(error: unknown): void;
}

export class Resumer {
  readonly #host: ResumeHost;
  readonly #left: StatementSync;
  readonly #due: StatementSync;
  readonly #nearest: StatementSync;
  /** Executions with greater numbers were started by this process. */
  readonly #lastLeft: number;
  #recovered = 0;
  #recovering = true;
  #active = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #closed = false;

  constructor(database: DatabaseSync, host: ResumeHost, lastSeq: number) {
    this.#host = host;
    this.#lastLeft = lastSeq;
    this.#left = database.prepare(
      `SELECT seq FROM executions INDEXED BY executions_status WHERE status = ${STATUS.EXECUTING} ORDER BY started, seq`,
    );
    this.#due = database.prepare(
      `SELECT seq FROM executions WHERE wake IS NOT NULL AND wake <= ? AND status = ${STATUS.DELAYED} ORDER BY wake LIMIT ?`,
    );
    this.#nearest = database.prepare(
      `SELECT min(wake) AS wake FROM executions WHERE wake IS NOT NULL AND wake > ? AND status = ${STATUS.DELAYED}`,
    );
  }

  #queue: number[] = [];

  /** Reads what an earlier process left, and begins to walk it. */
  open(): void {
    if (this.#closed) return;
    this.#queue = (this.#left.all() as unknown as { seq: number }[])
      .map(({ seq }) => seq)
      .filter((seq) => seq <= this.#lastLeft);
    if (this.#queue.length > 0) this.#host.found(this.#queue.length);
    this.pump();
  }

  /** An execution sleeps until then; to be called when that is durable. */
  sleeping(wake: number): void {
    if (wake < this.#timerAt) this.#arm(wake);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  pump(): void {
    if (this.#closed) return;
    try {
      while (this.#recovering && this.#active < MAX_RESUMED) {
        const seq = this.#queue[this.#recovered++];
        if (seq === undefined) {
          this.#recovering = false;
          this.#queue = [];
        } else if (!this.#host.isLive(seq)) this.#resume(seq);
      }
      this.#wakeDue();
    } catch (error) {
      this.#host.failed(error);
      this.#arm(this.#host.clock() + 1_000);
    }
  }

  #wakeDue(): void {
    const now = this.#host.clock();
    const free = MAX_RESUMED - this.#active;
    if (free > 0) {
      // Rows of live walks are due until their new status is written; so many more are asked for.
      const rows = this.#due.all(now, MAX_RESUMED * 2) as unknown as { seq: number }[];
      let left = free;
      for (const { seq } of rows) {
        if (left === 0) break;
        if (this.#host.isLive(seq)) continue;
        left--;
        this.#resume(seq);
      }
    }
    const { wake } = this.#nearest.get(now) as { wake: number | null };
    this.#timerAt = Infinity;
    clearTimeout(this.#timer);
    if (wake !== null) this.#arm(wake);
  }

  #resume(seq: number): void {
    this.#active++;
    void this.#host.resume(seq).finally(() => {
      this.#active--;
      // The last of a full house makes room; otherwise the timer is enough.
      if (this.#recovering || this.#active === MAX_RESUMED - 1) setImmediate(() => this.pump());
    });
  }

  #arm(wake: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timerAt = wake;
    const left = Math.min(Math.max(1, wake - this.#host.clock()), CLOCK_CHECK_MS);
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.pump();
    }, left);
  }
}

/** An execution as it was recorded, ready to be walked again. */
export function loadWalk(host: WalkHost, reader: Reader, row: ExecutionRow): LiveWalk {
  const { seq } = row;
  return new LiveWalk(
    host,
    {
      seq,
      id: row.id,
      workflowId: row.workflow,
      definitionHash: row.hash,
      started: row.started,
      userId: row.user_id ?? undefined,
      input: reader.input(seq),
    },
    { steps: reader.steps(seq), marks: reader.marks(seq), replyPath: reader.reply(seq)?.path },
  );
}
