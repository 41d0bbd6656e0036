/** Rows of attempts and delays, put together to one entry a step. No I/O. */
import type { StepKind } from "../../workflow/definition.ts";
import type { StepError, StepExecution } from "../engine.ts";
import { decodeValue } from "../record.ts";
import { decodeError, type ExecutionRow, type MarkRow, type StepRow } from "./read.ts";
import { STEP_STATUS, STEP_STATUSES } from "./schema.ts";

interface Draft {
  readonly order: number;
  started: number;
  step: StepExecution;
}

/** @returns in the order in which they started */
export function stepExecutions(
  execution: ExecutionRow,
  rows: readonly StepRow[],
  marks: readonly MarkRow[],
  now: number,
): StepExecution[] {
  const drafts = new Map<string, Draft>();
  for (const mark of marks) {
    if (mark.step_id === null) continue;
    // A delay that is tried again waits under `path#2`.
    const path = mark.path.replace(/#\d+$/, "");
    const step = delayed(execution, mark, path, mark.step_id, now);
    drafts.set(path, { order: mark.key, started: drafts.get(path)?.started ?? mark.started, step });
  }
  for (const row of rows) {
    const before = drafts.get(row.path);
    if (before === undefined)
      drafts.set(row.path, { order: row.key, started: row.started, step: fromRow(execution, row) });
    else before.step = merged(before.step, fromRow(execution, row));
  }
  beginLoops(drafts);
  return [...drafts.values()]
    .sort((a, b) => a.started - b.started || a.order - b.order)
    .map(({ started, step }) => ({ ...step, start: iso(started) }));
}

function fromRow(execution: ExecutionRow, row: StepRow): StepExecution {
  const failed = row.status === STEP_STATUS.failed;
  const error: StepError | null = failed ? decodeError(row.output, row.output_files) : null;
  return {
    id: `${execution.id}:${row.path}`,
    stepId: row.step_id,
    path: row.path,
    kind: row.kind as StepKind,
    name: row.name,
    status: STEP_STATUSES[row.status] as StepExecution["status"],
    start: iso(row.started),
    end: iso(row.ended),
    input: row.input === null ? null : decodeValue(row.input, row.input_files),
    output: failed || row.output === null ? null : decodeValue(row.output, row.output_files),
    error,
    attempts: row.status === STEP_STATUS.skipped ? [] : [{ start: iso(row.started), end: iso(row.ended), error }],
    logs: row.logs === null ? [] : (JSON.parse(row.logs) as string[]),
  };
}

function merged(before: StepExecution, last: StepExecution): StepExecution {
  return {
    ...last,
    start: before.start,
    attempts: [...before.attempts, ...last.attempts],
    logs: [...before.logs, ...last.logs],
  };
}

function delayed(execution: ExecutionRow, mark: MarkRow, path: string, stepId: string, now: number): StepExecution {
  const common = {
    id: `${execution.id}:${path}`,
    stepId,
    path,
    kind: "delay" as const,
    name: mark.name,
    start: iso(mark.started),
    input: { until: iso(mark.at) },
    output: null,
    logs: [],
  };
  const { ended } = execution;
  if (ended !== null && ended < mark.at) {
    const error: StepError = { code: "EXECUTION_CANCELLED", message: "The execution ended before the delay was over." };
    const attempts = [{ start: common.start, end: iso(ended), error }];
    return { ...common, status: "FAILED", end: iso(ended), error, attempts };
  }
  if (now < mark.at) return { ...common, status: "DELAYED", end: null, error: null, attempts: [] };
  const attempts = [{ start: common.start, end: iso(mark.at), error: null }];
  return { ...common, status: "SUCCEEDED", end: iso(mark.at), error: null, attempts };
}

/** A loop is recorded when it is over; it began with its first turn. */
function beginLoops(drafts: ReadonlyMap<string, Draft>): void {
  for (const [path, draft] of drafts) {
    for (let open = path.lastIndexOf("["); open > 0; open = path.lastIndexOf("[", open - 1)) {
      const loop = drafts.get(path.slice(0, open));
      if (loop !== undefined && draft.started < loop.started) loop.started = draft.started;
    }
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
