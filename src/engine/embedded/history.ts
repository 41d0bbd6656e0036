/** Executions as they are read: pages by keyset, single ones with their steps. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { WfError } from "../../errors.ts";
import type { StepKind } from "../../workflow/definition.ts";
import type {
  Execution,
  ExecutionFilter,
  ExecutionStatus,
  ExecutionWithSteps,
  History,
  Page,
  Reply,
  StepExecution,
} from "../engine.ts";
import { impliedReply } from "../outcome.ts";
import { EXECUTION_COLUMNS, decodeError, type ExecutionRow, Reader } from "./read.ts";
import { hasTables, openDatabaseToRead, STATUS, STATUSES } from "./schema.ts";
import { stepExecutions } from "./step-history.ts";
import type { RunningStep } from "./walk.ts";
import { storeError } from "./failure.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** What only the owner knows of an execution that runs. */
export interface LiveView {
  readonly tasks: number;
  readonly running: ReadonlyMap<number, RunningStep>;
}

export class ExecutionHistory implements History {
  readonly #database: DatabaseSync;
  readonly #reader: Reader;
  readonly #file: string;
  readonly #live: (id: string) => LiveView | undefined;
  readonly #clock: () => number;

  constructor(
    database: DatabaseSync,
    file: string,
    live: (id: string) => LiveView | undefined = () => undefined,
    clock: () => number = Date.now,
  ) {
    this.#database = database;
    this.#reader = new Reader(database);
    this.#file = file;
    this.#live = live;
    this.#clock = clock;
  }

  async list(filter: ExecutionFilter): Promise<Page<Execution>> {
    const limit = checkLimit(filter.limit);
    const { sql, values } = query(filter, limit + 1);
    let rows: ExecutionRow[];
    try {
      rows = this.#database.prepare(sql).all(...values) as unknown as ExecutionRow[];
    } catch (error) {
      throw storeError(error, this.#file);
    }
    const items = rows.slice(0, limit).map((row) => this.toExecution(row));
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return last === undefined ? { items } : { items, next: encodeCursor(last) };
  }

  async get(id: string): Promise<ExecutionWithSteps | undefined> {
    try {
      const row = this.#reader.execution(id);
      if (row === undefined) return undefined;
      const execution = this.toExecution(row);
      const steps = this.#steps(row);
      return {
        ...execution,
        input: this.#reader.input(row.seq),
        reply: this.reply(row),
        steps,
      };
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  /** The execution alone, without its input and steps. */
  find(id: string): Execution | undefined {
    const row = this.#reader.execution(id);
    return row === undefined ? undefined : this.toExecution(row);
  }

  /** What its caller gets; null while that is open. */
  reply(row: ExecutionRow): Reply | null {
    return this.#reader.reply(row.seq)?.reply ?? impliedReply(STATUSES[row.status] as ExecutionStatus);
  }

  toExecution(row: ExecutionRow): Execution {
    const status = STATUSES[row.status] as ExecutionStatus;
    // `tasks` is written when a walk sleeps or ends; until then the records are counted.
    const taskCount =
      row.status === STATUS.EXECUTING ? (this.#live(row.id)?.tasks ?? this.#reader.tasks(row.seq)) : row.tasks;
    return {
      id: row.id,
      workflowId: row.workflow,
      definitionHash: row.hash,
      userId: row.user_id,
      status,
      dateStarted: iso(row.started),
      dateEnded: row.ended === null ? null : iso(row.ended),
      taskCount,
      runDurationMs: row.ended === null ? null : row.ended - row.started,
      error: decodeError(row.error, row.error_files),
      replayOf: row.replay_of,
      parentId: row.parent,
    };
  }

  #steps(row: ExecutionRow): StepExecution[] {
    const steps = stepExecutions(row, this.#reader.steps(row.seq), this.#reader.marks(row.seq), this.#clock());
    const running = this.#live(row.id)?.running;
    if (running === undefined || running.size === 0) return steps;
    const byPath = new Map(steps.map((step, index) => [step.path, index]));
    for (const { attempt, started } of running.values()) {
      const earlier = byPath.get(attempt.path);
      const known = earlier === undefined ? undefined : steps[earlier];
      const shown: StepExecution = {
        id: `${row.id}:${attempt.path}`,
        stepId: attempt.stepId,
        path: attempt.path,
        kind: attempt.kind satisfies StepKind,
        name: attempt.name ?? null,
        status: "EXECUTING",
        start: known?.start ?? iso(started),
        end: null,
        input: known?.input ?? null,
        output: null,
        error: null,
        attempts: known?.attempts ?? [],
        logs: known?.logs ?? [],
      };
      if (earlier === undefined) steps.push(shown);
      else steps[earlier] = shown;
    }
    return steps;
  }
}

/**
 * Opens the history of a project to read it, beside the process that owns it or without one.
 *
 * @param directory - The project's `.wf` folder; one that does not exist has an empty history.
 * @throws {@link WfError} `STORE_VERSION`, `STORE_FAILED`
 */
export async function openHistory(directory: string): Promise<History & { close(): void }> {
  const file = join(directory, "wf.db");
  const database = existsSync(file) ? openDatabaseToRead(file) : undefined;
  if (database === undefined || !hasTables(database)) {
    database?.close();
    return {
      list: async (filter) => {
        query(filter, checkLimit(filter.limit));
        return { items: [] };
      },
      get: async () => undefined,
      close: () => {},
    };
  }
  const history = new ExecutionHistory(database, file);
  return {
    list: (filter) => history.list(filter),
    get: (id) => history.get(id),
    close: () => database.close(),
  };
}

function query(filter: ExecutionFilter, limit: number): { sql: string; values: SQLInputValue[] } {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  // Numbered, because a condition may stand in several ranges.
  const value = (one: SQLInputValue): string => `?${values.push(one)}`;
  if (filter.workflowId !== undefined) conditions.push(`e.workflow = ${value(filter.workflowId)}`);
  if (filter.userId !== undefined) conditions.push(`e.user_id = ${value(filter.userId)}`);
  const status = filter.status === undefined ? undefined : (STATUS[filter.status] as number | undefined);
  if (filter.status !== undefined && status === undefined) {
    throw invalid(`status ${JSON.stringify(filter.status)} is none of ${STATUSES.join(", ")}`);
  }
  if (filter.before !== undefined) conditions.push(`e.started < ${value(parseTime("before", filter.before))}`);
  if (filter.after !== undefined) conditions.push(`e.started > ${value(parseTime("after", filter.after))}`);
  const ascending = filter.order === "ASC";
  if (filter.cursor !== undefined) {
    const { started, seq } = decodeCursor(filter.cursor);
    conditions.push(`(e.started, e.seq) ${ascending ? ">" : "<"} (${value(started)}, ${value(seq)})`);
  }
  const direction = ascending ? "ASC" : "DESC";
  const order = `ORDER BY e.started ${direction}, e.seq ${direction} LIMIT ${limit}`;
  const range = (index: string, more: readonly string[]): string =>
    `SELECT e.seq, e.started FROM executions e INDEXED BY ${index} WHERE ${[...more, ...conditions].join(" AND ")} ${order}`;
  let found: string;
  if (filter.userId !== undefined) {
    found = range("executions_user", status === undefined ? [] : [`e.status = ${status}`]);
  } else {
    const index = filter.workflowId === undefined ? "executions_status" : "executions_workflow_status";
    const statuses = status === undefined ? Object.values(STATUS) : [status];
    const ranges = statuses.map((one) => `SELECT * FROM (${range(index, [`e.status = ${one}`])})`);
    found = `SELECT * FROM (${ranges.join(" UNION ALL ")}) e ${order}`;
  }
  return { sql: `SELECT ${EXECUTION_COLUMNS} WHERE e.seq IN (SELECT seq FROM (${found})) ${order}`, values };
}

function checkLimit(limit: number | undefined): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw invalid(`limit ${limit} is not an integer from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

function parseTime(name: string, text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw invalid(`${name} ${JSON.stringify(text)} is no ISO 8601 time`);
  return ms;
}

function encodeCursor(row: ExecutionRow): string {
  return Buffer.from(`${row.started}.${row.seq}`).toString("base64url");
}

function decodeCursor(cursor: string): { started: number; seq: number } {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  if (match === null) throw invalid("the cursor is not the `next` of an earlier page");
  return { started: Number(match[1]), seq: Number(match[2]) };
}

function invalid(problem: string): WfError {
  return new WfError("REQUEST_INVALID", `Executions cannot be listed: ${problem}.`, {
    hint: "Leave it out, or mend it.",
  });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
