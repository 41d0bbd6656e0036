/**
 * Group commit: everything that one turn of the event loop wants written goes into one transaction, and the log is synced
 * after it while the next transaction gathers.
 *
 * C1 Writes become durable in the order in which they were added.
 * C2 A start that cannot be written is refused, and nothing of its execution stays written.
 * C3 Every other write is kept and tried again until the store takes it.
 * C4 A write that is itself at fault is given up alone; the rest of its transaction is written.
 * C5 Waiting for a lock never blocks the process.
 * C6 Nothing is told to be durable before a sync that began after its commit has succeeded.
 * C7 After a failed sync the system may have dropped what it did not write, and the next sync would not tell. So nothing
 *    is committed on top, and no checkpoint made, until the whole log was found intact, written again and synced.
 */
import { WfError } from "../../errors.ts";
import { failureKind, storeError } from "./failure.ts";
import type { Store } from "./store.ts";
import type { WriteAheadLog } from "./wal.ts";
import type { Write } from "./write.ts";

const BUSY_RETRY_MS = 20;
const FAILED_RETRY_MS = 250;

export interface CommitOptions {
  readonly store: Store;
  /** Closed with the group commit. */
  readonly wal: WriteAheadLog;
  /** For messages. */
  readonly file: string;
  /** How long starts wait for a lock before they are refused. */
  readonly busyTimeoutMs: number;
  readonly onFailure: (error: WfError, kept: number) => void;
}

/** A transaction that SQLite has taken. */
interface Committed {
  readonly number: number;
  readonly writes: readonly Write[];
  readonly changed: readonly boolean[];
}

/** What a failed sync left behind (C7). */
interface Unsynced {
  readonly committed: Committed;
  /** Starts that were refused although SQLite has them. */
  readonly refused: readonly number[];
  readonly error: WfError;
}

interface Problem {
  readonly error: unknown;
  readonly busy: boolean;
}

export class GroupCommit {
  readonly #options: CommitOptions;
  #queue: Write[] = [];
  /** Tried without success; goes before the queue. */
  #kept: Write[] = [];
  #scheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #busySince: number | undefined;
  #syncing: Committed | undefined;
  #onSynced: (() => void) | undefined;
  #unsynced: Unsynced | undefined;
  /** Who waits for a batch, by its number. */
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #batch = 1;
  #durableBatch = 0;
  #closed = false;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  /** Why the store takes nothing for now (C7). */
  get failure(): WfError | undefined {
    return this.#unsynced?.error;
  }

  /** @returns the number of the batch that it will be part of, for {@link isDurable} */
  add(write: Write): number {
    this.#queue.push(write);
    this.#schedule();
    return this.#batch;
  }

  isDurable(batch: number): boolean {
    return batch <= this.#durableBatch;
  }

  /**
   * Resolves when everything of a batch is durable (or, C2 and C4, given up).
   *
   * @param batch - by default, everything added until now
   */
  durable(batch: number = this.#lastPending()): Promise<void> {
    if (this.isDurable(batch) || this.#lastPending() === 0) return Promise.resolve();
    let waiting = this.#waiting.get(batch);
    if (waiting === undefined) {
      waiting = Promise.withResolvers<void>();
      this.#waiting.set(batch, waiting);
    }
    return waiting.promise;
  }

  /** Writes what is left, once; what the store refuses then is lost to this process, as in a crash. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    if (this.#syncing !== undefined) await new Promise<void>((resolve) => (this.#onSynced = resolve));
    this.#busySince = undefined;
    if (this.#lastPending() > 0) this.#flush();
    this.#options.wal.close();
  }

  /** The newest batch that has something in it which is not durable; 0 when nothing is open. */
  #lastPending(): number {
    if (this.#queue.length > 0 || this.#kept.length > 0) return this.#batch;
    return (this.#syncing ?? this.#unsynced?.committed)?.number ?? 0;
  }

  #schedule(): void {
    // During a sync or a wait for a lock the queue grows until the next try.
    if (this.#scheduled || this.#syncing !== undefined || this.#busySince !== undefined) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    let batch = this.#queue;
    this.#queue = [];
    if (this.#kept.length > 0) {
      batch = [...this.#kept, ...batch];
      this.#kept = [];
    }
    this.#batch++;
    const problem = this.#recover();
    if (problem !== undefined) return this.#refuse(batch, problem);
    const changed: boolean[] = [];
    for (;;) {
      changed.length = 0;
      const culprit = this.#attempt(batch, changed);
      if (culprit === undefined) break;
      if (culprit === "store") return;
      batch = this.#without(batch, culprit.index, culprit.error);
    }
    this.#busySince = undefined;
    const committed: Committed = { number: this.#batch - 1, writes: batch, changed };
    if (batch.length === 0) this.#complete(committed);
    else this.#sync(committed);
  };

  /** C6 */
  #sync(committed: Committed): void {
    const { wal } = this.#options;
    if (this.#closed) {
      let failure: unknown = null;
      try {
        wal.syncNow();
      } catch (error) {
        failure = error;
      }
      this.#synced(committed, failure);
      return;
    }
    this.#syncing = committed;
    wal.sync((error) => {
      this.#syncing = undefined;
      this.#synced(committed, error);
      this.#onSynced?.();
      if (this.#closed || this.#queue.length === 0 || this.#scheduled) return;
      this.#scheduled = true;
      // Answers that have just left bring the next requests: a turn later those share the transaction and its sync.
      setImmediate(() => setImmediate(this.#flush));
    });
  }

  #synced(committed: Committed, error: unknown): void {
    if (error !== null) return this.#distrust(committed, error);
    this.#complete(committed);
    this.#options.store.checkpointWhenDue();
  }

  #complete({ number, writes, changed }: Committed): void {
    this.#durableBatch = number;
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i] as Write;
      if (!write.owner.void) write.done?.(changed[i] as boolean);
    }
    if (this.#waiting.size === 0) return;
    for (const [batch, { resolve }] of this.#waiting) {
      if (batch > number) continue;
      this.#waiting.delete(batch);
      resolve();
    }
  }

  /** C7 */
  #distrust(committed: Committed, error: unknown): void {
    const failure = storeError(error, this.#options.file);
    const starts = committed.writes.filter((write) => write.kind === "start" && !write.owner.void);
    this.#unsynced = { committed, refused: starts.map(({ owner }) => owner.seq), error: failure };
    this.#tellFailure(committed.writes, failure);
    this.#options.onFailure(failure, committed.writes.filter(({ owner }) => !owner.void).length);
    if (!this.#closed) this.#retry = setTimeout(this.#flush, FAILED_RETRY_MS);
  }

  /** @returns why the store cannot be trusted yet */
  #recover(): Problem | undefined {
    const unsynced = this.#unsynced;
    if (unsynced === undefined) return undefined;
    const { store, wal, file } = this.#options;
    try {
      store.begin();
      for (const seq of unsynced.refused) store.remove(seq); // C2
      store.commit();
      const frames = store.loggedFrames();
      store.begin(); // Keeps other connections from the log.
      const isWhole = wal.rewrite(frames);
      store.rollback();
      if (!isWhole) {
        const message = `${file} was not written to the disk, and what was to be written is gone: ${unsynced.error.message}`;
        const hint = "See to the disk and start `wf serve` again; everything that was acknowledged is there.";
        return { error: new WfError("STORE_FAILED", message, { hint, cause: unsynced.error }), busy: false };
      }
    } catch (error) {
      this.#rollback();
      return { error, busy: failureKind(error) === "busy" };
    }
    this.#unsynced = undefined;
    this.#complete(unsynced.committed);
    return undefined;
  }

  /** @returns undefined when SQLite has the batch, the write that is at fault, or "store" when all has been dealt with */
  #attempt(batch: Write[], changed: boolean[]): undefined | "store" | { index: number; error: unknown } {
    const { store } = this.#options;
    let index = -1;
    if (batch.length === 0) return undefined;
    try {
      store.begin();
      for (index = 0; index < batch.length; index++) {
        const write = batch[index] as Write;
        changed.push(write.owner.void ? false : store.apply(write));
      }
      index = -1;
      store.commit();
    } catch (error) {
      this.#rollback();
      const kind = failureKind(error);
      if (index >= 0 && (kind === "refused" || kind === "exists")) return { index, error };
      this.#refuse(batch, { error, busy: kind === "busy" });
      return "store";
    }
    // From here on a change of the walk's end needs a write of its own.
    for (const write of batch) if (write.kind === "start") write.written = true;
    return undefined;
  }

  #rollback(): void {
    try {
      this.#options.store.rollback();
    } catch {
      // The error that led here says more.
    }
  }

  /** C4 */
  #without(batch: Write[], index: number, error: unknown): Write[] {
    const culprit = batch[index] as Write;
    culprit.owner.void = true;
    const failure = storeError(error, this.#options.file);
    // A start in the same transaction goes with it.
    for (const write of batch) if (write.owner === culprit.owner) write.failed?.(failure);
    return batch.filter((write) => !write.owner.void);
  }

  #refuse(batch: Write[], { error, busy }: Problem): void {
    if (busy && !this.#closed) {
      this.#busySince ??= performance.now();
      if (performance.now() - this.#busySince < this.#options.busyTimeoutMs) {
        this.#kept = batch;
        this.#retry = setTimeout(this.#flush, BUSY_RETRY_MS);
        return;
      }
    }
    this.#busySince = undefined;
    const failure = storeError(error, this.#options.file);
    this.#tellFailure(batch, failure);
    this.#kept = batch.filter((write) => !write.owner.void); // C3
    this.#options.onFailure(failure, this.#kept.length);
    if (this.#closed) return;
    if (this.#kept.length > 0 || this.#waiting.size > 0 || this.#unsynced !== undefined) {
      this.#retry = setTimeout(this.#flush, FAILED_RETRY_MS);
    }
  }

  #tellFailure(writes: readonly Write[], failure: WfError): void {
    for (const write of writes) {
      if (write.kind === "start") write.owner.void = true; // C2
      if (write.kind === "start" || !write.owner.void) write.failed?.(failure);
    }
  }
}
