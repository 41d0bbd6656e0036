import { formatDuration } from "../duration.ts";
import type { ExecutionEnd } from "../engine/context.ts";
import type { Definition } from "../workflow/definition.ts";
import type { Problem } from "../workflow/problem.ts";
import { problemToJson } from "../workflow/problem.ts";
import { showProblem } from "./show-problem.ts";
import { layOut, note, paint, print, safeLine } from "./terminal.ts";

interface EndedExecution {
  readonly id: string;
  readonly workflowId: string;
  readonly status: ExecutionEnd["status"];
  readonly durationMs: number;
  readonly error?: { readonly code: string; readonly message: string };
}

interface Reload {
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Tells on stdout and stderr what `wf serve` does. */
export interface ServeReport {
  ready(url: string, definitions: ReadonlyMap<string, Definition>): void;
  reloaded(reload: Reload): void;
  problem(problem: Problem, source: string): void;
  /** Absent when nobody would read it: a line for each of thousands a second has its price. */
  readonly execution: ((execution: EndedExecution) => void) | undefined;
  /** Executions that an earlier process left and that go on now. */
  resumed(count: number): void;
  note(text: string): void;
  stopped(): void;
}

export function createServeReport(json: boolean): ServeReport {
  return json ? jsonReport(true) : textReport();
}

/** Of a server in production, whose output is read by programs only. */
export function createDeployedReport(): ServeReport {
  return {
    ...jsonReport(false),
    note: (text) => void process.stdout.write(`${JSON.stringify({ event: "note", message: text })}\n`),
  };
}

/** Of a server inside of another command, which has stdout for itself: only what needs mending is told. */
export function createProblemReport(): ServeReport {
  return { ...textReport(), ready: () => undefined, execution: undefined };
}

function textReport(): ServeReport {
  return {
    ready(url, definitions) {
      const rows = sorted(definitions).map((definition) => [
        definition.id,
        definition.event === undefined ? definition.request.methods.join(",") : "event",
        definition.event === undefined ? `${url}/triggers/${definition.id}` : safeLine(definition.event),
        definition.request.auth.kind === "none" ? "" : `auth: ${definition.request.auth.kind}`,
      ]);
      if (rows.length === 0) note("No workflows yet: add a file to workflows/, or run `wf init`.\n");
      print(
        layOut(rows, (cell, column) => (column === 0 ? paint("bold", cell) : column === 1 ? paint("dim", cell) : cell)),
      );
      print(`${paint("green", "ready")} ${url}${paint("dim", `   test URLs: ${url}/test/<workflow>`)}\n`);
    },
    reloaded({ changed, removed }) {
      for (const id of changed) note(`${paint("green", "reloaded", process.stderr)} ${id}\n`);
      for (const id of removed) note(`${paint("yellow", "removed", process.stderr)}  ${id}\n`);
    },
    problem: (problem, source) => note(`${showProblem(problem, source, process.stderr)}\n\n`),
    execution({ id, workflowId, status, durationMs, error }) {
      // A log keeps what went wrong; a line for each of thousands a second that went well has its price.
      if (status === "SUCCEEDED" && !process.stderr.isTTY) return;
      const mark = status === "SUCCEEDED" ? paint("green", "✓", process.stderr) : paint("red", "✗", process.stderr);
      const reason = error === undefined ? "" : `  ${error.code} ${safeLine(error.message)}`;
      note(`${mark} ${workflowId} ${paint("dim", id, process.stderr)} ${formatDuration(durationMs)}${reason}\n`);
    },
    resumed: (count) => note(`resumed ${count} ${count === 1 ? "execution" : "executions"} from before\n`),
    note: (text) => note(`${text}\n`),
    stopped: () => undefined,
  };
}

/** A reader that has stopped reading costs its events, never the server's memory. */
const MAX_UNREAD_BYTES = 4_000_000;
const FLUSH_AFTER_MS = 50;

function jsonReport(hasTestUrls: boolean): ServeReport {
  let unwritten = "";
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (unwritten === "" || process.stdout.destroyed) return;
    process.stdout.write(unwritten);
    unwritten = "";
  };
  const emit = (event: { readonly event: string; readonly [key: string]: unknown }): void => {
    if (process.stdout.writableLength + unwritten.length > MAX_UNREAD_BYTES) {
      dropped++;
      return;
    }
    if (dropped > 0) unwritten += `${JSON.stringify({ event: "dropped", count: dropped })}\n`;
    dropped = 0;
    unwritten += `${JSON.stringify(event)}\n`;
  };
  const emitNow = (event: { readonly event: string; readonly [key: string]: unknown }): void => {
    emit(event);
    flush();
  };
  return {
    ready: (url, definitions) =>
      emitNow({
        event: "ready",
        url,
        workflows: sorted(definitions).map(({ id, request, event }) => ({
          id,
          ...(event === undefined ? { methods: request.methods, url: `${url}/triggers/${id}` } : { startedBy: event }),
          ...(hasTestUrls && { testUrl: `${url}/test/${id}` }),
        })),
      }),
    reloaded: (reload) => emitNow({ event: "reloaded", ...reload }),
    problem: (problem) => emitNow({ event: "problem", ...problemToJson(problem) }),
    execution(execution) {
      emit({ event: "execution", ...execution });
      // Many end at once under load: one write for all of them.
      timer ??= setTimeout(flush, FLUSH_AFTER_MS).unref();
    },
    resumed: (count) => emitNow({ event: "resumed", count }),
    note: (text) => note(`${text}\n`),
    stopped: () => emitNow({ event: "stopped" }),
  };
}

function sorted(definitions: ReadonlyMap<string, Definition>): Definition[] {
  return [...definitions.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
