/** Removes what is older than the project keeps, in the background, a few milliseconds at a time. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { FolderFiles } from "./files.ts";
import { keys } from "./read.ts";
import { STATUS } from "./schema.ts";

const FIRST_RUN_MS = 5_000;
const EVERY_MS = 3_600_000;
/** The process does nothing else meanwhile. */
const TURN_MS = 5;
const PAUSE_MS = 20;
const ROWS_AT_ONCE = 200;
/** How long idempotency keys are kept. */
export const IDEMPOTENCY_WINDOW_MS: number = 86_400_000;
/** A definition's last use is noted to the hour. */
const USE_SLACK_MS = 7_200_000;
/** Each status is one range of the index. */
const ANY = Object.values(STATUS).join(", ");
const ENDED = [STATUS.SUCCEEDED, STATUS.FAILED, STATUS.CANCELLED].join(", ");

export interface RetentionOptions {
  readonly database: DatabaseSync;
  readonly files: FolderFiles;
  readonly clock: () => number;
  readonly retentionMs: number;
  readonly onDefinitionsRemoved: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #old: StatementSync;
  readonly #steps: StatementSync;
  readonly #marks: StatementSync;
  readonly #rest: readonly StatementSync[];
  readonly #idempotency: StatementSync;
  readonly #definitions: StatementSync;
  readonly #used: StatementSync;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #run: Promise<void> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.#options = options;
    const prepare = (sql: string): StatementSync => options.database.prepare(sql);
    this.#old = prepare(
      `SELECT seq FROM executions INDEXED BY executions_status WHERE status IN (${ENDED}) AND started < ?1 AND ended < ?1
        LIMIT 100`,
    );
    const children = (table: string): string =>
      `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE key >= ? AND key < ? LIMIT ${ROWS_AT_ONCE})`;
    this.#steps = prepare(children("steps"));
    this.#marks = prepare(children("marks"));
    this.#rest = ["inputs", "replies", "file_uses", "executions"].map((table) =>
      prepare(`DELETE FROM ${table} WHERE seq = ?`),
    );
    this.#idempotency = prepare(
      `DELETE FROM idempotency WHERE (workflow, key) IN (SELECT workflow, key FROM idempotency WHERE started < ? LIMIT ${ROWS_AT_ONCE})`,
    );
    // Executions that old are few by now, so the search is short.
    this.#definitions = prepare(`DELETE FROM definitions WHERE used < ?1 AND NOT EXISTS
      (SELECT 1 FROM executions e INDEXED BY executions_status WHERE e.status IN (${ANY}) AND
        e.started < ?1 + ${USE_SLACK_MS} AND e.definition = definitions.key)`);
    this.#used = prepare("SELECT 1 FROM file_uses WHERE hash = ? LIMIT 1");
  }

  open(): void {
    this.#arm(FIRST_RUN_MS);
  }

  /** Resolves when nothing is left to remove. */
  async run(): Promise<void> {
    const { clock, retentionMs, files } = this.#options;
    const cutoff = clock() - retentionMs;
    await this.#repeat(() => this.#removeExecutions(cutoff));
    await this.#repeat(() => Number(this.#idempotency.run(clock() - IDEMPOTENCY_WINDOW_MS).changes) > 0);
    await this.#repeat(() => {
      if (Number(this.#definitions.run(cutoff - USE_SLACK_MS).changes) > 0) this.#options.onDefinitionsRemoved();
      return false;
    });
    if (!this.#stop.signal.aborted) await files.sweep((hash) => this.#isUsed(hash), clock());
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#run;
  }

  #isUsed(hash: string): boolean {
    // Once closed, nothing is known any more.
    return this.#stop.signal.aborted || this.#used.get(hash) !== undefined;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#run = this.run()
        .catch((error: unknown) => this.#options.onFailure(error))
        .then(() => {
          if (!this.#stop.signal.aborted) this.#arm(EVERY_MS);
        });
    }, ms);
    this.#timer.unref();
  }

  /** Each turn is a transaction; `work` says whether there may be more. */
  async #repeat(work: () => boolean): Promise<void> {
    const { database } = this.#options;
    while (!this.#stop.signal.aborted) {
      const end = performance.now() + TURN_MS;
      let more = true;
      database.exec("BEGIN IMMEDIATE");
      try {
        while (more && performance.now() < end) more = work();
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
      if (!more) return;
      await sleep(PAUSE_MS, undefined, { ref: false });
    }
  }

  #pending: number[] = [];

  /** Removes one execution, or a part of a large one. */
  #removeExecutions(cutoff: number): boolean {
    if (this.#pending.length === 0) {
      this.#pending = (this.#old.all(cutoff) as unknown as { seq: number }[]).map(({ seq }) => seq).reverse();
    }
    const seq = this.#pending.at(-1);
    if (seq === undefined) return false;
    const range = keys(seq);
    if (this.#steps.run(...range).changes === ROWS_AT_ONCE) return true;
    if (this.#marks.run(...range).changes === ROWS_AT_ONCE) return true;
    for (const statement of this.#rest) statement.run(seq);
    this.#pending.pop();
    return true;
  }
}
