/** Holds what a case came to against what its file expects. No I/O. */
import type { ExecutionWithSteps, StepError } from "../engine/engine.ts";
import { errorValue } from "../engine/outcome.ts";
import { WfError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Value, ValueObject } from "../value.ts";
import type { Expression } from "../workflow/expression.ts";
import type { Range } from "../workflow/parse/node.ts";
import { jsonOf, type Reader } from "../workflow/parse/reader.ts";
import type { Expectations } from "./expect.ts";
import type { Failure } from "./failure.ts";
import { Judging } from "./judging.ts";
import { judgeStep } from "./judge-step.ts";
import { plainJson, show } from "./match.ts";
import type { Answer, CaseRun } from "./run-case.ts";

/** @returns Every expectation that does not hold, in the order in which they are checked */
export function judge(expected: Expectations, run: CaseRun, reader: Reader): Failure[] {
  const judging = new Judging(reader);
  const [main] = run.executions;
  const body = bodyOf(run.answer);
  if (expected.status?.kind === "scalar" && expected.status.value !== run.answer.status) {
    const message = `status: expected ${show(expected.status.value)}, got ${run.answer.status}`;
    const hint = whyOf(run);
    judging.fail(expected.status, "status", message, hint === undefined ? {} : { hint });
  }
  for (const { key, keyRange, value } of expected.headers?.entries.values() ?? []) {
    const actual = run.answer.headers[key.toLowerCase()];
    if (value.kind === "scalar" && (value.value === null ? actual === undefined : String(value.value) === actual))
      continue;
    const message = `header ${key}: expected ${show(jsonOf(value))}, got ${show(actual)}`;
    judging.fail(value.kind === "scalar" ? value : keyRange, "headers", message);
  }
  const told = judging.failures.length > 0 ? undefined : whyOf(run);
  judging.value(expected.body, body, "body", "body", { exact: expected.exact, hint: told });
  const { bodyFile } = expected;
  if (bodyFile !== undefined && !bodyFile.bytes.equals(run.answer.body)) {
    const sizes = `${bodyFile.bytes.length} expected, ${run.answer.body.length} came`;
    judging.fail(bodyFile.range, "body", `the body's bytes are not those of ${bodyFile.name}: ${sizes}`);
  }
  judgeExecution(expected, main, judging);
  for (const step of expected.steps) judgeStep(step, run, judging);
  const scope = scopeOf(run);
  for (const { expression, range } of expected.expressions) {
    let value: Value;
    try {
      value = expression.evaluate(scope);
    } catch (error) {
      if (!(error instanceof WfError)) throw error;
      judging.fail(range, "expression", error.message, { hint: error.hint });
      continue;
    }
    if (value === true) continue;
    const hint = readBy(expression, scope);
    judging.fail(range, "expression", `yields ${show(value)}, not true`, hint === "" ? {} : { hint });
  }
  return judging.failures;
}

/** Without `expect`: the caller got what it asked for, and nothing failed. */
export function judgeHealth(run: CaseRun, reader: Reader, range: Range): Failure[] {
  const judging = new Judging(reader);
  const failed = run.executions.find(({ status }) => status !== "SUCCEEDED");
  const hint = whyOf(run);
  const more = hint === undefined ? {} : { hint };
  if (run.answer.status >= 400) judging.fail(range, "status", `the caller got ${run.answer.status}`, more);
  else if (failed !== undefined) {
    judging.fail(range, "execution", `workflow \`${failed.workflowId}\` ended ${failed.status}`, more);
  }
  return judging.failures;
}

function judgeExecution(expected: Expectations, main: ExecutionWithSteps | undefined, judging: Judging): void {
  const node = expected.execution;
  if (node === undefined) return;
  if (node.kind === "scalar") {
    const actual = main?.status ?? null;
    if (node.value === actual) return;
    const hint = main?.error && errorText(main.error);
    const message = `execution: expected ${node.value === null ? "none" : String(node.value)}, got ${actual ?? "none"}`;
    judging.fail(node, "execution", message, typeof hint === "string" ? { hint } : {});
    return;
  }
  const actual = main && { status: main.status, error: main.error && errorValue(main.error) };
  judging.value(node, actual, "execution", "execution");
}

/** What went wrong, where an answer alone would leave one guessing. */
function whyOf(run: CaseRun): string | undefined {
  const failed = run.executions.find(({ error }) => error !== null);
  if (failed?.error) return `Workflow \`${failed.workflowId}\` failed: ${errorText(failed.error)}`;
  const body = bodyOf(run.answer);
  if (run.answer.status < 400 || typeof body !== "object" || body === null) return undefined;
  const { message, errors } = body as { message?: Json; errors?: Json };
  const broken = Array.isArray(errors)
    ? errors.map((one) => (one as { message?: string }).message ?? "").filter((one) => one !== "")
    : [];
  return typeof message === "string" ? [message, ...broken].join(" ") : undefined;
}

function errorText({ code, message }: StepError): string {
  return `${code} ${message}`;
}

/** JSON and text as such; other bytes as what they are. */
export function bodyOf({ headers, body }: Answer): Json {
  const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (body.length === 0) return null;
  if (type === "application/json" || type.endsWith("+json")) {
    try {
      return JSON.parse(body.toString()) as Json;
    } catch {
      return body.toString();
    }
  }
  if (type.startsWith("text/") || type.endsWith("xml") || type === "") return body.toString();
  return { mimeType: type, size: body.length };
}

/** What an expression read, name by name. */
function readBy({ references }: Expression, scope: { readonly [name: string]: Value }): string {
  const names = new Map(references.map(({ path }) => [path.join("."), path]));
  const read = [...names].slice(0, 5).map(([name, path]) => `${name} is ${show(valueIn(scope, path))}`);
  return read.join("; ");
}

function valueIn(scope: Value, path: readonly string[]): Value | undefined {
  let at: Value | undefined = scope;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as { readonly [key: string]: Value })[key];
  }
  return at;
}

function scopeOf(run: CaseRun): { readonly [name: string]: Value } {
  const [main] = run.executions;
  return {
    status: run.answer.status,
    headers: run.answer.headers,
    body: bodyOf(run.answer),
    steps: outputsOf(main),
    execution:
      main === undefined ? null : { id: main.id, status: main.status, error: main.error && errorValue(main.error) },
    trigger: main === undefined ? null : plainJson(main.input as unknown as Value),
  };
}

/** Outputs by step id, as expressions of the workflow see them; steps of a loop are in the loop's. */
function outputsOf(main: ExecutionWithSteps | undefined): ValueObject {
  const own = (main?.steps ?? []).filter(({ path }) => !path.includes("["));
  return Object.fromEntries(
    own.map(({ stepId, output, error }) => [stepId, error === null ? output : { error: errorValue(error) }]),
  );
}
