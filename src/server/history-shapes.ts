/** Records → the shapes of the Task History API. No I/O. */
import type { Execution, ExecutionWithSteps, StepError, StepExecution } from "../engine/engine.ts";
import type { Value } from "../value.ts";
import type { Definition, Step, StepKind } from "../workflow/definition.ts";
import { toPlainJson } from "./reply.ts";

export interface ExecutionShape {
  readonly id: string;
  readonly userId: string | null;
  readonly taskCount: number;
  /** Milliseconds; null until it has ended. */
  readonly runDuration: number | null;
  readonly workflowId: string;
  readonly status: string;
  readonly dateStarted: string;
  readonly dateEnded: string | null;
}

export interface StepExecutionShape {
  readonly id: string;
  readonly stepId: string;
  readonly workflowExecutionId: string;
  readonly status: string;
  /** `TRIGGER/REQUEST`, `ACTION/REQUEST`, … */
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  /** Ids of the step executions that followed this one. */
  readonly next: readonly string[];
  readonly prev: string | null;
  /** Bytes of JSON, as text. */
  readonly inputSize: string;
  readonly outputSize: string;
}

export interface StepDataShape {
  readonly isLargeInput: boolean;
  readonly isLargeOutput: boolean;
  readonly input: Value;
  /** A failed step's is its error, as text. */
  readonly output: Value;
}

/** Path of the trigger among the step executions; no step id has a `$`. */
const TRIGGER_PATH = "$trigger";
const LARGE_BYTES = 1_000_000;

const TYPES: Readonly<Record<StepKind, string>> = {
  http: "ACTION/REQUEST",
  function: "ACTION/FUNCTION",
  switch: "ACTION/CONDITIONAL",
  foreach: "ACTION/FAN_OUT",
  parallel: "ACTION/PARALLEL",
  delay: "ACTION/DELAY",
  response: "ACTION/RESPONSE",
  workflow: "ACTION/WORKFLOW",
  fail: "ACTION/FAIL",
};

export function shapeExecution(execution: Execution): ExecutionShape {
  return {
    id: execution.id,
    userId: execution.userId,
    taskCount: execution.taskCount,
    runDuration: execution.runDurationMs,
    workflowId: execution.workflowId,
    status: execution.status,
    dateStarted: execution.dateStarted,
    dateEnded: execution.dateEnded,
  };
}

/**
 * The execution with its steps; the trigger comes first, as a step of its own.
 *
 * @param definition - What it runs; without it the steps are joined in the order in which they started.
 */
export function shapeDetails(
  execution: ExecutionWithSteps,
  definition: Definition | undefined,
): ExecutionShape & { readonly stepExecutions: readonly StepExecutionShape[] } {
  const triggerId = `${execution.id}:${TRIGGER_PATH}`;
  const links = linksOf(execution.steps, definition, triggerId);
  const next = new Map<string, string[]>();
  for (const [id, prev] of links) next.set(prev, [...(next.get(prev) ?? []), id]);

  const trigger: StepExecutionShape = {
    id: triggerId,
    stepId: "trigger",
    workflowExecutionId: execution.id,
    status: "SUCCEEDED",
    type: "TRIGGER/REQUEST",
    start: execution.dateStarted,
    end: execution.dateStarted,
    next: next.get(triggerId) ?? [],
    prev: null,
    ...sizesOf(triggerData(execution)),
  };
  const steps = execution.steps.map((step): StepExecutionShape => ({
    id: step.id,
    stepId: step.stepId,
    workflowExecutionId: execution.id,
    status: step.status,
    type: TYPES[step.kind],
    start: step.start,
    end: step.end,
    next: next.get(step.id) ?? [],
    prev: links.get(step.id) ?? null,
    ...sizesOf(stepData(step)),
  }));
  return { ...shapeExecution(execution), stepExecutions: [trigger, ...steps] };
}

/** @returns undefined when the execution has no such step */
export function shapeStepData(execution: ExecutionWithSteps, stepExecutionId: string): StepDataShape | undefined {
  if (stepExecutionId === `${execution.id}:${TRIGGER_PATH}`) return withSizes(triggerData(execution));
  const step = execution.steps.find(({ id }) => id === stepExecutionId);
  return step && withSizes(stepData(step));
}

/** Everything that is known of an execution, for `wf history show`. */
export function shapeAll(execution: ExecutionWithSteps): Value {
  return toPlainJson(execution as unknown as Value);
}

interface StepData {
  readonly input: Value;
  readonly output: Value;
}

function triggerData({ input: request }: ExecutionWithSteps): StepData {
  const { query, headers, body, file } = request;
  return { input: null, output: toPlainJson({ query, headers, body, ...(file !== undefined && { file }) }) };
}

function stepData(step: StepExecution): StepData {
  const output = step.status === "FAILED" && step.error !== null ? textOfError(step.error) : step.output;
  return { input: toPlainJson(step.input), output: toPlainJson(output) };
}

function textOfError({ code, message }: StepError): string {
  return `${code}: ${message}`;
}

function sizesOf(data: StepData): { inputSize: string; outputSize: string } {
  return { inputSize: String(bytesOf(data.input)), outputSize: String(bytesOf(data.output)) };
}

function withSizes(data: StepData): StepDataShape {
  return {
    isLargeInput: bytesOf(data.input) > LARGE_BYTES,
    isLargeOutput: bytesOf(data.output) > LARGE_BYTES,
    ...data,
  };
}

function bytesOf(value: Value): number {
  return value === null ? 0 : Buffer.byteLength(JSON.stringify(value));
}

/** What stands before each step in the file: the step above it, or the one that contains it. */
interface Position {
  readonly above: string | undefined;
  readonly container: string | undefined;
}

/** By step execution id, the one it came after. */
function linksOf(
  steps: readonly StepExecution[],
  definition: Definition | undefined,
  triggerId: string,
): Map<string, string> {
  const positions = new Map<string, Position>();
  if (definition !== undefined) {
    place(definition.steps, undefined, positions);
    place(definition.onError, undefined, positions);
  }
  const byStepAndTurn = new Map<string, string>();
  for (const step of steps) byStepAndTurn.set(`${step.stepId} ${turnOf(step.path)}`, step.id);

  const links = new Map<string, string>();
  let last = triggerId;
  for (const step of steps) {
    const position = positions.get(step.stepId);
    links.set(step.id, position === undefined ? last : before(step, position, byStepAndTurn, triggerId));
    last = step.id;
  }
  return links;
}

function before(
  step: StepExecution,
  { above, container }: Position,
  byStepAndTurn: ReadonlyMap<string, string>,
  triggerId: string,
): string {
  const turn = turnOf(step.path);
  const sibling = above === undefined ? undefined : byStepAndTurn.get(`${above} ${turn}`);
  if (sibling !== undefined) return sibling;
  if (container === undefined) return triggerId;
  // A loop itself stands one turn further out than what it repeats.
  const outside = turnOf(turn.slice(0, turn.lastIndexOf("[")));
  return byStepAndTurn.get(`${container} ${turn}`) ?? byStepAndTurn.get(`${container} ${outside}`) ?? triggerId;
}

/** `notify[2].send` → `notify[2]`: the innermost loop turn that a path lies in. */
function turnOf(path: string): string {
  return path.slice(0, path.lastIndexOf("]") + 1);
}

function place(steps: readonly Step[], container: string | undefined, positions: Map<string, Position>): void {
  let above: string | undefined;
  for (const step of steps) {
    positions.set(step.id, { above, container });
    for (const inner of stepListsOf(step)) place(inner, step.id, positions);
    above = step.id;
  }
}

function stepListsOf(step: Step): readonly (readonly Step[])[] {
  if (step.kind === "switch") return step.cases.map((one) => one.steps);
  if (step.kind === "parallel") return step.branches.map((branch) => branch.steps);
  return step.kind === "foreach" ? [step.steps] : [];
}
