/** The statements that write; one transaction at a time, on the engine's own connection. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { MarkWrite, ReplyWrite, StartWrite, StatusWrite, StepWrite, Write } from "./write.ts";
import type { EncodedValue } from "../record.ts";
import { keys } from "./read.ts";

/** A definition's last use is noted this often, for retention; not on every start. */
const USE_NOTED_EVERY_MS = 3_600_000;
/** The log is carried into the database when it has grown by so many pages. */
const CHECKPOINT_PAGES = 4_000;

interface KnownDefinition {
  readonly key: number;
  usedNoted: number;
}

interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

export class Store {
  readonly #database: DatabaseSync;
  readonly #definitions = new Map<string, KnownDefinition>();
  /** Added in the transaction that is open; known only once it is committed. */
  #fresh: string[] = [];
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #execution: StatementSync;
  readonly #input: StatementSync;
  readonly #idempotency: StatementSync;
  readonly #step: StatementSync;
  readonly #mark: StatementSync;
  readonly #reply: StatementSync;
  readonly #status: StatementSync;
  readonly #definition: StatementSync;
  readonly #definitionUsed: StatementSync;
  readonly #fileUse: StatementSync;
  readonly #log: StatementSync;
  readonly #checkpoint: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const prepare = (sql: string): StatementSync => database.prepare(sql);
    this.#begin = prepare("BEGIN IMMEDIATE");
    this.#commit = prepare("COMMIT");
    this.#execution = prepare(`INSERT INTO executions (seq, id, workflow, definition, user_id, status, started, ended,
      tasks, error, error_files, replay_of, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#input = prepare("INSERT INTO inputs (seq, json, files) VALUES (?, ?, ?)");
    // The engine has found any older row to be past its window.
    this.#idempotency = prepare(`INSERT INTO idempotency (workflow, key, id, started) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET id = excluded.id, started = excluded.started`);
    this.#step = prepare(`INSERT INTO steps (key, path, attempt, step_id, kind, name, status, started, ended, retryable,
      retry_after, input, input_files, output, output_files, logs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#mark = prepare(
      "INSERT INTO marks (key, kind, path, at, started, step_id, name) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#reply = prepare("INSERT INTO replies (seq, path, json, files) VALUES (?, ?, ?, ?)");
    // The last condition is what makes final states final.
    this.#status = prepare(`UPDATE executions SET status = ?, ended = ?, wake = ?, tasks = coalesce(?, tasks),
      error = ?, error_files = ? WHERE seq = ? AND status IN (0, 1)`);
    this.#definition = prepare(`INSERT INTO definitions (hash, source, used) VALUES (?, ?, ?)
      ON CONFLICT (hash) DO UPDATE SET used = max(used, excluded.used) RETURNING key`);
    this.#definitionUsed = prepare("UPDATE definitions SET used = ? WHERE key = ?");
    this.#fileUse = prepare("INSERT OR IGNORE INTO file_uses (seq, hash) VALUES (?, ?)");
    this.#log = prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#checkpoint = prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  begin(): void {
    this.#fresh = [];
    this.#begin.run();
  }

  commit(): void {
    this.#commit.run();
  }

  /** Also right when SQLite has rolled back by itself, as it does when the disk is full. */
  rollback(): void {
    for (const hash of this.#fresh) this.#definitions.delete(hash);
    this.#fresh = [];
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  /** @returns false when the execution had ended, so that nothing was changed */
  apply(write: Write): boolean {
    switch (write.kind) {
      case "start":
        return this.#applyStart(write);
      case "step":
        return this.#applyStep(write);
      case "mark":
        return this.#applyMark(write);
      case "reply":
        return this.#applyReply(write);
      case "status":
        return this.#applyStatus(write);
      case "none":
        return true;
      case "other":
        write.apply();
        return true;
      default:
        return write satisfies never;
    }
  }

  /** Takes an execution back whose start was refused after it had been committed. */
  remove(seq: number): void {
    const [from, to] = keys(seq);
    for (const table of ["steps", "marks"]) {
      this.#database.prepare(`DELETE FROM ${table} WHERE key >= ? AND key < ?`).run(from, to);
    }
    this.#database.prepare("DELETE FROM idempotency WHERE id = (SELECT id FROM executions WHERE seq = ?)").run(seq);
    for (const table of ["inputs", "replies", "file_uses", "executions"]) {
      this.#database.prepare(`DELETE FROM ${table} WHERE seq = ?`).run(seq);
    }
  }

  /** Pages in the write-ahead log, also those that a checkpoint has carried into the database already. */
  loggedFrames(): number {
    return (this.#log.get() as unknown as LogState).log;
  }

  /** To be called when the log is synced, so that the checkpoint need not wait for that. */
  checkpointWhenDue(): void {
    const { log, checkpointed } = this.#log.get() as unknown as LogState;
    if (log - checkpointed < CHECKPOINT_PAGES) return;
    try {
      this.#checkpoint.get();
    } catch {
      // The log is kept as it is, and the next commit comes past here again.
    }
  }

  /** To be called when retention has removed definitions. */
  forgetDefinitions(): void {
    this.#definitions.clear();
  }

  #applyStart(write: StartWrite): boolean {
    const { seq } = write.owner;
    const definition = this.#definitionKey(write);
    this.#execution.run(
      seq,
      write.id,
      write.workflowId,
      definition,
      write.userId,
      write.status,
      write.started,
      write.ended,
      write.tasks,
      write.error === null ? null : write.error.json,
      write.error === null ? null : write.error.files,
      write.replayOf,
      write.parentId,
    );
    this.#input.run(seq, write.input.json, write.input.files);
    if (write.idempotencyKey !== null) {
      this.#idempotency.run(write.workflowId, write.idempotencyKey, write.id, write.started);
    }
    this.#noteFiles(seq, write.input);
    this.#noteFiles(seq, write.error);
    return true;
  }

  #applyStep(write: StepWrite): boolean {
    const { input, output } = write;
    this.#step.run(
      write.key,
      write.path,
      write.attempt,
      write.stepId,
      write.stepKind,
      write.name,
      write.status,
      write.started,
      write.ended,
      write.retryable ? 1 : 0,
      write.retryAfterMs,
      input === null ? null : input.json,
      input === null ? null : input.files,
      output === null ? null : output.json,
      output === null ? null : output.files,
      write.logs,
    );
    this.#noteFiles(write.owner.seq, input);
    this.#noteFiles(write.owner.seq, output);
    return true;
  }

  #applyMark(write: MarkWrite): boolean {
    this.#mark.run(write.key, write.mark, write.path, write.at, write.started, write.stepId, write.name);
    return true;
  }

  #applyReply(write: ReplyWrite): boolean {
    this.#reply.run(write.owner.seq, write.path, write.reply.json, write.reply.files);
    this.#noteFiles(write.owner.seq, write.reply);
    return true;
  }

  #applyStatus(write: StatusWrite): boolean {
    const { changes } = this.#status.run(
      write.status,
      write.ended,
      write.wake,
      write.tasks ?? null,
      write.error === null ? null : write.error.json,
      write.error === null ? null : write.error.files,
      write.owner.seq,
    );
    if (changes > 0) this.#noteFiles(write.owner.seq, write.error);
    return changes > 0;
  }

  #definitionKey(write: StartWrite): number {
    const known = this.#definitions.get(write.definitionHash);
    if (known === undefined) {
      const { key } = this.#definition.get(write.definitionHash, write.definitionSource(), write.started) as {
        key: number;
      };
      this.#definitions.set(write.definitionHash, { key, usedNoted: write.started });
      this.#fresh.push(write.definitionHash);
      return key;
    }
    if (write.started - known.usedNoted > USE_NOTED_EVERY_MS) {
      this.#definitionUsed.run(write.started, known.key);
      known.usedNoted = write.started;
    }
    return known.key;
  }

  #noteFiles(seq: number, value: EncodedValue | null): void {
    if (value === null || value.files === null) return;
    for (const { hash } of JSON.parse(value.files) as { hash: string }[]) this.#fileUse.run(seq, hash);
  }
}
