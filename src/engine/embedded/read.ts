/** The statements that read, on any connection: the owner's or one beside it. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Reply, StepError, TriggerInput } from "../engine.ts";
import { decodeValue } from "../record.ts";
import { STEPS_PER_EXECUTION } from "./schema.ts";

export interface ExecutionRow {
  readonly seq: number;
  readonly id: string;
  readonly workflow: string;
  readonly hash: string;
  readonly user_id: string | null;
  readonly status: number;
  readonly started: number;
  readonly ended: number | null;
  readonly wake: number | null;
  readonly tasks: number;
  readonly error: string | null;
  readonly error_files: string | null;
  readonly replay_of: string | null;
  readonly parent: string | null;
}

export interface StepRow {
  readonly key: number;
  readonly path: string;
  readonly attempt: number;
  readonly step_id: string;
  readonly kind: string;
  readonly name: string | null;
  readonly status: number;
  readonly started: number;
  readonly ended: number;
  readonly retryable: number;
  readonly retry_after: number | null;
  readonly input: string | null;
  readonly input_files: string | null;
  readonly output: string | null;
  readonly output_files: string | null;
  readonly logs: string | null;
}

export interface MarkRow {
  readonly key: number;
  readonly kind: number;
  readonly path: string;
  readonly at: number;
  readonly started: number;
  readonly step_id: string | null;
  readonly name: string | null;
}

interface ValueRow {
  readonly json: string;
  readonly files: string | null;
}

/** CROSS JOIN keeps the order: the index on executions drives, however few the definitions are. */
export const EXECUTION_COLUMNS: string = `e.seq, e.id, e.workflow, d.hash, e.user_id, e.status, e.started, e.ended, e.wake,
  e.tasks, e.error, e.error_files, e.replay_of, e.parent FROM executions e CROSS JOIN definitions d ON d.key = e.definition`;

export class Reader {
  readonly #byId: StatementSync;
  readonly #bySeq: StatementSync;
  readonly #idempotent: StatementSync;
  readonly #definition: StatementSync;
  readonly #input: StatementSync;
  readonly #reply: StatementSync;
  readonly #steps: StatementSync;
  readonly #marks: StatementSync;
  readonly #tasks: StatementSync;
  readonly #delayTasks: StatementSync;

  constructor(database: DatabaseSync) {
    this.#byId = database.prepare(`SELECT ${EXECUTION_COLUMNS} WHERE e.id = ?`);
    this.#bySeq = database.prepare(`SELECT ${EXECUTION_COLUMNS} WHERE e.seq = ?`);
    this.#idempotent = database.prepare("SELECT id FROM idempotency WHERE workflow = ? AND key = ? AND started > ?");
    this.#definition = database.prepare("SELECT source FROM definitions WHERE hash = ?");
    this.#input = database.prepare("SELECT json, files FROM inputs WHERE seq = ?");
    this.#reply = database.prepare("SELECT path, json, files FROM replies WHERE seq = ?");
    this.#steps = database.prepare("SELECT * FROM steps WHERE key >= ? AND key < ? ORDER BY key");
    this.#marks = database.prepare("SELECT * FROM marks WHERE key >= ? AND key < ? ORDER BY key");
    this.#tasks = database.prepare("SELECT count(DISTINCT path) AS n FROM steps WHERE key >= ? AND key < ?");
    this.#delayTasks = database.prepare(
      "SELECT count(*) AS n FROM marks WHERE key >= ? AND key < ? AND step_id IS NOT NULL",
    );
  }

  execution(id: string): ExecutionRow | undefined {
    return this.#byId.get(id) as ExecutionRow | undefined;
  }

  executionAt(seq: number): ExecutionRow | undefined {
    return this.#bySeq.get(seq) as ExecutionRow | undefined;
  }

  /** The first execution with this key that was started after `since`. */
  idempotent(workflowId: string, key: string, since: number): string | undefined {
    return (this.#idempotent.get(workflowId, key, since) as { id: string } | undefined)?.id;
  }

  definitionSource(hash: string): string | undefined {
    return (this.#definition.get(hash) as { source: string } | undefined)?.source;
  }

  input(seq: number): TriggerInput {
    const row = this.#input.get(seq) as unknown as ValueRow;
    return decodeValue(row.json, row.files) as unknown as TriggerInput;
  }

  reply(seq: number): { readonly path: string; readonly reply: Reply } | undefined {
    const row = this.#reply.get(seq) as (ValueRow & { path: string }) | undefined;
    return row === undefined
      ? undefined
      : { path: row.path, reply: decodeValue(row.json, row.files) as unknown as Reply };
  }

  steps(seq: number): StepRow[] {
    return this.#steps.all(...keys(seq)) as unknown as StepRow[];
  }

  marks(seq: number): MarkRow[] {
    return this.#marks.all(...keys(seq)) as unknown as MarkRow[];
  }

  /** What `tasks` will hold when the execution ends. */
  tasks(seq: number): number {
    const steps = this.#tasks.get(...keys(seq)) as { n: number };
    const delays = this.#delayTasks.get(...keys(seq)) as { n: number };
    return steps.n + delays.n;
  }
}

/** From the first key of an execution to the first one of the next. */
export function keys(seq: number): [number, number] {
  return [seq * STEPS_PER_EXECUTION, (seq + 1) * STEPS_PER_EXECUTION];
}

export function decodeError(json: string | null, files: string | null): StepError | null {
  return json === null ? null : (decodeValue(json, files) as unknown as StepError);
}
