import { setTimeout as sleep } from "node:timers/promises";
import { formatDuration } from "../duration.ts";
import type { Execution, ExecutionFilter, ExecutionStatus, History } from "../engine/engine.ts";
import { WfError } from "../errors.ts";
import { paintStatus, renderExecution, renderHeading, renderStep } from "./execution-tree.ts";
import { eachExecution, type HistoryPlace, openRecords, resolveId } from "./history-store.ts";
import { readCount, readTime } from "./options.ts";
import { findRoot } from "./project.ts";
import { requireServerState } from "./server-state.ts";
import { requestCancel, requestReplay } from "./task-history.ts";
import { layOut, note, paint, print, printJson, safeLine, terminalWidth } from "./terminal.ts";
import { hasEnded, untilEnded } from "./watch-execution.ts";

export interface ListOptions extends HistoryPlace {
  readonly workflow?: string;
  readonly status?: string;
  readonly user?: string;
  readonly before?: string;
  readonly after?: string;
  readonly limit?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export interface ShowOptions extends HistoryPlace {
  readonly full?: boolean;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export interface ControlOptions extends HistoryPlace {
  readonly current?: boolean;
  readonly json?: boolean;
}

const STATUSES: readonly ExecutionStatus[] = ["EXECUTING", "DELAYED", "SUCCEEDED", "FAILED", "CANCELLED"];
const FOLLOW_LOOK_MS = 250;

/** `wf history list`. @returns The exit code. */
export async function listHistory(options: ListOptions): Promise<number> {
  const filter = readFilter(options);
  const limit = readCount("--limit", options.limit ?? "20", { min: 1, max: 1_000_000 });
  if (options.follow) return followHistory(filter, options);
  const history = await openRecords(options);
  try {
    const found: Execution[] = [];
    if (history) {
      for await (const execution of eachExecution(history, filter, limit)) {
        if (options.json) printJson(execution);
        else found.push(execution);
      }
    }
    if (!options.json) showList(found);
    return 0;
  } finally {
    history?.close();
  }
}

function readFilter(options: ListOptions): ExecutionFilter {
  const status = options.status?.toUpperCase() as ExecutionStatus | undefined;
  if (status !== undefined && !STATUSES.includes(status)) {
    throw new WfError("USAGE", `--status is one of ${STATUSES.join(", ")}, not "${options.status}".`);
  }
  return {
    ...(options.workflow === undefined ? {} : { workflowId: options.workflow }),
    ...(status === undefined ? {} : { status }),
    ...(options.user === undefined ? {} : { userId: options.user }),
    ...(options.before === undefined ? {} : { before: readTime("--before", options.before) }),
    ...(options.after === undefined ? {} : { after: readTime("--after", options.after) }),
  };
}

function showList(executions: readonly Execution[]): void {
  if (executions.length === 0) {
    note("No executions.\n");
    return;
  }
  const header = ["execution", "workflow", "status", "started", "took", "steps", "user"];
  const rows = executions.map((execution) => [
    execution.id,
    execution.workflowId,
    execution.status,
    execution.dateStarted,
    execution.runDurationMs === null ? "" : formatDuration(execution.runDurationMs),
    String(execution.taskCount),
    execution.userId === null ? "" : safeLine(execution.userId),
  ]);
  print(
    layOut([header, ...rows], (cell, column, row) => {
      if (row === 0) return paint("dim", cell);
      return column === 2 ? paintStatus(cell as ExecutionStatus, cell) : cell;
    }),
  );
}

/** Shows executions as they end, until interrupted; those that began before and end now are among them. */
async function followHistory(filter: ExecutionFilter, options: ListOptions): Promise<number> {
  const { status, ...unended } = filter;
  const wanted = (execution: Execution): boolean => status === undefined || execution.status === status;
  let history = await openRecords(options);
  const pending = new Set<string>();
  const seen = new Set<string>();
  const began = Date.now();
  let since = new Date(began).toISOString();
  if (history) {
    for (const open of ["EXECUTING", "DELAYED"] as const) {
      for await (const { id } of eachExecution(history, { ...unended, status: open }, 10_000)) pending.add(id);
    }
  }
  if (!options.json) note(`Waiting for executions to end; Ctrl-C stops.\n`);
  for (;;) {
    // Nothing may have been recorded yet when the command starts.
    history ??= await openRecords(options);
    if (history) {
      const ended = await lookForEnded(history, { ...unended, after: since }, pending, seen);
      for (const execution of ended.filter(wanted)) {
        if (options.json) printJson(execution);
        else print(`${renderHeading(execution)}\n`);
      }
      // What starts within the window is met again and known by `seen`; a window of a minute keeps both small.
      since = new Date(Math.max(began, Date.now() - 60_000)).toISOString();
      for (const id of seen) if (seen.size > 100_000) seen.delete(id);
    }
    await sleep(FOLLOW_LOOK_MS);
  }
}

async function lookForEnded(
  history: History,
  filter: ExecutionFilter,
  pending: Set<string>,
  seen: Set<string>,
): Promise<Execution[]> {
  const ended: Execution[] = [];
  for await (const execution of eachExecution(history, { ...filter, order: "ASC" }, 100_000)) {
    if (seen.has(execution.id)) continue;
    if (!hasEnded(execution.status)) {
      pending.add(execution.id);
      continue;
    }
    pending.delete(execution.id);
    seen.add(execution.id);
    ended.push(execution);
  }
  for (const id of [...pending].slice(0, 200)) {
    const execution = await history.get(id);
    pending.delete(id);
    if (execution === undefined) continue;
    // Back to the end of the queue, so that many sleeping executions take turns.
    if (!hasEnded(execution.status)) pending.add(id);
    else if (!seen.has(id)) {
      seen.add(id);
      const { input: _input, steps: _steps, reply: _reply, ...summary } = execution;
      ended.push(summary);
    }
  }
  return ended;
}

/** `wf history show <id>`. @returns The exit code. */
export async function showExecution(text: string, options: ShowOptions): Promise<number> {
  const history = await openRecords(options);
  try {
    const id = await resolveId(history, text);
    const look = async () => {
      const execution = await history?.get(id);
      if (execution) return execution;
      throw new WfError("EXECUTION_NOT_FOUND", `There is no execution ${id}.`);
    };
    const shown = new Set<string>();
    const execution = options.follow
      ? await untilEnded(look, {
          onLook: ({ steps }) => {
            for (const step of steps) {
              if (options.json || step.end === null || shown.has(step.path)) continue;
              shown.add(step.path);
              note(`${renderStep(step)}\n`);
            }
          },
        })
      : await look();
    if (execution === undefined) return 1;
    if (options.json) printJson(execution);
    else print(renderExecution(execution, { width: terminalWidth(), full: options.full ?? false }));
    return options.follow && execution.status !== "SUCCEEDED" ? 1 : 0;
  } finally {
    history?.close();
  }
}

/** `wf history cancel <id>`. @returns The exit code. */
export async function cancelExecution(text: string, options: ControlOptions): Promise<number> {
  const server = requireServerState(findRoot(options.dir));
  const id = await resolveRunningId(text, server.store, options);
  const answer = await requestCancel(server, id);
  if (options.json) printJson(answer ?? { id, status: "CANCELLED" });
  else note(`Cancelled ${id}.\n`);
  return 0;
}

/** `wf history replay <id>`. @returns The exit code. */
export async function replayExecution(text: string, options: ControlOptions): Promise<number> {
  const server = requireServerState(findRoot(options.dir));
  const id = await resolveRunningId(text, server.store, options);
  const replay = await requestReplay(server, id, options.current ? "current" : "same");
  if (options.json) printJson(replay);
  else print(`${replay.id}\n`);
  if (!options.json && process.stderr.isTTY) note(`\`wf history show ${replay.id} --follow\` shows how it goes.\n`);
  return 0;
}

async function resolveRunningId(text: string, store: string, options: ControlOptions): Promise<string> {
  const history = await openRecords({ ...options, store });
  try {
    return await resolveId(history, text);
  } finally {
    history?.close();
  }
}
