/**
 * Group commit: everything that one turn of the event loop wants written goes into one transaction.
 *
 * C1 Writes become durable in the order in which they were added.
 * C2 A start that cannot be written is refused, and nothing of its execution is ever written.
 * C3 Every other write is kept and tried again until the store takes it.
 * C4 A write that is itself at fault is given up alone; the rest of its transaction is written.
 * C5 Waiting for a lock never blocks the process.
 */
import type { WfError } from "../../errors.ts";
import { failureKind, storeError } from "./failure.ts";
import type { Store } from "./store.ts";
import type { Write } from "./write.ts";

const BUSY_RETRY_MS = 20;
const FAILED_RETRY_MS = 250;

export interface CommitOptions {
  readonly store: Store;
  /** For messages. */
  readonly file: string;
  /** How long starts wait for a lock before they are refused. */
  readonly busyTimeoutMs: number;
  readonly onFailure: (error: WfError, kept: number) => void;
}

export class GroupCommit {
  readonly #options: CommitOptions;
  #queue: Write[] = [];
  /** Tried without success; goes before the queue. */
  #kept: Write[] = [];
  #scheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #busySince: number | undefined;
  #durable: PromiseWithResolvers<void> | undefined;
  #batch = 1;
  #durableBatch = 0;
  #closed = false;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  /** @returns the number of the batch that it will be part of, for {@link isDurable} */
  add(write: Write): number {
    this.#queue.push(write);
    // During a wait for a lock the queue grows until the next try.
    if (!this.#scheduled && this.#busySince === undefined) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    return this.#batch;
  }

  isDurable(batch: number): boolean {
    return batch <= this.#durableBatch;
  }

  /** Resolves when everything added until now is durable (or, C2 and C4, given up). */
  durable(): Promise<void> {
    if (this.#queue.length === 0 && this.#kept.length === 0) return Promise.resolve();
    this.#durable ??= Promise.withResolvers<void>();
    return this.#durable.promise;
  }

  /** Writes what is left, once; what the store refuses then is lost to this process, as in a crash. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#busySince = undefined;
    if (this.#queue.length > 0 || this.#kept.length > 0) this.#flush();
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
    const changed: boolean[] = [];
    for (;;) {
      changed.length = 0;
      const culprit = this.#attempt(batch, changed);
      if (culprit === undefined) break;
      if (culprit === "store") return;
      batch = this.#without(batch, culprit.index, culprit.error);
    }
    this.#busySince = undefined;
    this.#durableBatch = this.#batch - 1;
    for (let i = 0; i < batch.length; i++) {
      const write = batch[i] as Write;
      if (!write.owner.void) write.done?.(changed[i] as boolean);
    }
    const durable = this.#durable;
    this.#durable = undefined;
    durable?.resolve();
  };

  /** @returns undefined when the batch is durable, the write that is at fault, or "store" when all has been dealt with */
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
      this.#refuse(batch, error, kind === "busy");
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

  #refuse(batch: Write[], error: unknown, busy: boolean): void {
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
    for (const write of batch) {
      if (write.kind === "start") write.owner.void = true; // C2
      if (write.kind === "start" || !write.owner.void) write.failed?.(failure);
    }
    this.#kept = batch.filter((write) => !write.owner.void); // C3
    this.#options.onFailure(failure, this.#kept.length);
    if (this.#closed) return;
    if (this.#kept.length > 0 || this.#durable !== undefined) this.#retry = setTimeout(this.#flush, FAILED_RETRY_MS);
  }
}
