/** An execution as text: what was asked, each step with what went in and came out, how it ended. No I/O. */
import { formatDuration } from "../duration.ts";
import type { Execution, ExecutionWithSteps, StepError, StepExecution } from "../engine/engine.ts";
import { cut, paint, safeLine, safeText } from "./terminal.ts";

export interface TreeOptions {
  /** Lines are cut to so many characters, unless `full`. */
  readonly width: number;
  /** Everything: whole values over several lines, every turn of a loop. */
  readonly full: boolean;
}

/** Turns of a loop beyond so many are counted, not shown; failed ones are always shown. */
const SHOWN_TURNS = 20;

const MARKS: { readonly [status: string]: string } = {
  SUCCEEDED: "✓",
  FAILED: "✗",
  SKIPPED: "–",
  CANCELLED: "✗",
  EXECUTING: "▸",
  DELAYED: "◷",
};

/** @returns Lines that end with a line break */
export function renderExecution(execution: ExecutionWithSteps, options: TreeOptions): string {
  const lines = [renderHeading(execution)];
  const { input } = execution;
  lines.push(`  ${safeLine(`${input.method} ${input.url}`)}`);
  if (execution.replayOf) lines.push(`  replay of ${execution.replayOf}`);
  if (execution.parentId) lines.push(`  started by ${execution.parentId}`);
  if (options.full) {
    lines.push(
      ...valueLines("query", input.query, "  ", options),
      ...valueLines("headers", input.headers, "  ", options),
    );
  }
  lines.push(...valueLines("body", input.body, "  ", options));
  lines.push(...stepLines(execution.steps, options));
  if (execution.error) lines.push(...errorLines(execution.error, "  ", options));
  if (execution.reply?.kind === "response") {
    const { status, body } = execution.reply;
    lines.push(`  answered ${status}`);
    if (body.kind !== "empty") {
      const value = body.kind === "json" ? body.value : body.kind === "text" ? body.text : body.file;
      lines.push(...valueLines("answer", value, "  ", options));
    }
  }
  const [heading, ...others] = lines;
  return `${[heading, ...others.map((line) => (options.full ? line : cutPainted(line, options.width)))].join("\n")}\n`;
}

/** @returns One line: mark, workflow, id, status, duration */
export function renderHeading(execution: Execution): string {
  const took = execution.runDurationMs === null ? "" : ` in ${formatDuration(execution.runDurationMs)}`;
  const user = execution.userId === null ? "" : ` for ${safeLine(execution.userId)}`;
  const { status } = execution;
  return `${paintStatus(status, `${MARKS[status]} ${status}`)}${took}  ${paint("bold", execution.workflowId)}  ${execution.id}${user}  ${paint("dim", execution.dateStarted)}`;
}

export function paintStatus(status: Execution["status"] | StepExecution["status"], text: string): string {
  if (status === "SUCCEEDED") return paint("green", text);
  if (status === "FAILED" || status === "CANCELLED") return paint("red", text);
  if (status === "SKIPPED") return paint("dim", text);
  return paint("yellow", text);
}

/** @returns One line for a step, with its attempts and duration, without values */
export function renderStep(step: StepExecution): string {
  const name = step.name === null ? "" : ` ${paint("dim", safeLine(step.name))}`;
  const took =
    step.end === null || step.status === "SKIPPED" ? "" : ` ${formatDuration(elapsed(step.start, step.end))}`;
  const attempts = step.attempts.length > 1 ? ` ${step.attempts.length} attempts` : "";
  const state = step.status === "SUCCEEDED" ? "" : ` ${step.status.toLowerCase()}`;
  return `${paintStatus(step.status, MARKS[step.status] ?? "?")} ${safeLine(lastSegment(step.path))} ${paint("dim", step.kind)}${name}${state}${took}${attempts}`;
}

function stepLines(steps: readonly StepExecution[], options: TreeOptions): string[] {
  const lines: string[] = [];
  const hidden = new Map<string, Set<string>>();
  const openTurns: string[] = [];
  const failedTurns = new Set(steps.filter((step) => step.status === "FAILED").flatMap((step) => turnsOf(step.path)));
  for (const step of inTreeOrder(steps)) {
    const turns = turnsOf(step.path);
    const skip = options.full
      ? undefined
      : turns.find((turn) => turnIndex(turn) >= SHOWN_TURNS && !failedTurns.has(turn));
    if (skip !== undefined) {
      const loop = skip.slice(0, skip.lastIndexOf("["));
      hidden.set(loop, (hidden.get(loop) ?? new Set()).add(skip));
      continue;
    }
    for (const [depth, turn] of turns.entries()) {
      if (openTurns[depth] === turn) continue;
      openTurns.splice(depth, Infinity, turn);
      lines.push(`${"  ".repeat(depth * 2 + 2)}${paint("dim", lastSegment(turn))}`);
    }
    const indent = "  ".repeat(turns.length * 2 + 1);
    lines.push(indent + renderStep(step), ...detailLines(step, `${indent}    `, options));
  }
  for (const [loop, turns] of hidden) {
    lines.push(`  ${paint("dim", `… ${turns.size} more turns of ${safeLine(loop)} (--full shows them)`)}`);
  }
  return lines;
}

function detailLines(step: StepExecution, indent: string, options: TreeOptions): string[] {
  const lines: string[] = [];
  for (const [at, attempt] of step.attempts.entries()) {
    if (at < step.attempts.length - 1 && attempt.error) {
      lines.push(indent + paint("dim", `attempt ${at + 1}: ${attempt.error.code} ${safeLine(attempt.error.message)}`));
    }
  }
  if (step.input !== null) lines.push(...valueLines("in", step.input, indent, options));
  if (step.error) lines.push(...errorLines(step.error, indent, options));
  else if (step.output !== null) lines.push(...valueLines("out", step.output, indent, options));
  for (const text of step.logs) lines.push(`${indent}${paint("dim", "log")} ${safeLine(text)}`);
  return lines;
}

function errorLines(error: StepError, indent: string, options: TreeOptions): string[] {
  const lines = [`${indent}${paint("red", error.code)} ${safeLine(error.message)}`];
  if (error.details !== undefined) lines.push(...valueLines("details", error.details, indent, options));
  return lines;
}

function valueLines(label: string, value: unknown, indent: string, options: TreeOptions): string[] {
  if (value === null || value === undefined) return [];
  const title = `${indent}${paint("dim", label)}`;
  if (!options.full) return [`${title} ${safeLine(cut(JSON.stringify(value), options.width * 2))}`];
  const text = safeText(typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const lines = text.split("\n");
  return lines.length === 1 ? [`${title} ${lines[0]}`] : [title, ...lines.map((line) => `${indent}  ${line}`)];
}

/** Steps of concurrent turns interleave in time; in the tree each turn stays together, loops in the order of their turns. */
function inTreeOrder(steps: readonly StepExecution[]): readonly StepExecution[] {
  const firstSeen = new Map<string, number>();
  for (const [at, step] of steps.entries()) {
    for (const part of ancestors(step.path)) if (!firstSeen.has(part)) firstSeen.set(part, at);
  }
  const keys = new Map<StepExecution, number[]>();
  for (const step of steps) {
    const key: number[] = [];
    for (const turn of turnsOf(step.path)) {
      key.push(firstSeen.get(turn.slice(0, turn.lastIndexOf("["))) ?? 0, turnIndex(turn));
    }
    key.push(firstSeen.get(step.path) ?? 0);
    keys.set(step, key);
  }
  return [...steps].sort((a, b) => compareKeys(keys.get(a) ?? [], keys.get(b) ?? []));
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Of `notify[2].send`: `notify`, `notify[2].send`. */
function ancestors(path: string): string[] {
  return [...turnsOf(path).map((turn) => turn.slice(0, turn.lastIndexOf("["))), path];
}

/** Of `a[0].b[2].c`: `a[0]`, `a[0].b[2]`. */
function turnsOf(path: string): string[] {
  return [...path.matchAll(/\]/g)].map((match) => path.slice(0, match.index + 1));
}

function turnIndex(turn: string): number {
  return Number(turn.slice(turn.lastIndexOf("[") + 1, -1));
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function elapsed(start: string, end: string): number {
  return Math.max(0, Date.parse(end) - Date.parse(start));
}

/** Colour codes take no room; one that the cut has left open is closed. */
function cutPainted(line: string, width: number): string {
  // oxlint-disable-next-line no-control-regex
  const codes = [...line.matchAll(/\u001b\[\d+m/g)].reduce((sum, [code]) => sum + code.length, 0);
  const short = cut(line, width + codes);
  return short === line || codes === 0 ? short : `${short}\u001b[0m`;
}
