/** Holds one step of a case against what its file expects of it. No I/O. */
import type { StepExecution } from "../engine/engine.ts";
import { errorValue } from "../engine/outcome.ts";
import type { Json } from "../json.ts";
import type { Value } from "../value.ts";
import type { RequestExpectation, StepExpectation } from "./expect.ts";
import type { Judging } from "./judging.ts";
import { show } from "./match.ts";
import type { SentRequest } from "./mock-transport.ts";
import type { CaseRun } from "./run-case.ts";
import { splitName } from "./step-index.ts";

export function judgeStep(expected: StepExpectation, run: CaseRun, judging: Judging): void {
  const { name, exact } = expected;
  const steps = stepsNamed(expected, run);
  const runs = steps.reduce((sum, { attempts }) => sum + attempts.length, 0);
  if (expected.runs?.kind === "scalar" && expected.runs.value !== runs) {
    const message = `${name}: expected ${times(Number(expected.runs.value))}, ran ${times(runs)}`;
    judging.fail(expected.runs, "steps", message);
  }
  judgeRequests(expected, run, judging);
  const parts = [expected.status, expected.output, expected.error].filter((one) => one !== undefined);
  const [first] = parts;
  if (first === undefined) return;
  const [step, second] = steps;
  if (step === undefined) {
    judging.fail(expected.range, "steps", `${name} was not reached`);
    return;
  }
  if (second !== undefined) {
    const paths = steps.map(({ path }) => path).slice(0, 3);
    const hint = `Name one: ${paths.map((path) => `\`${path}\``).join(", ")}${steps.length > 3 ? ", …" : ""}.`;
    judging.fail(expected.range, "steps", `${name} ran in ${steps.length} places`, { hint });
    return;
  }
  if (expected.status?.kind === "scalar" && expected.status.value !== step.status) {
    const why = step.error && `${step.error.code} ${step.error.message}`;
    const message = `${name}: expected ${String(expected.status.value)}, got ${step.status}`;
    judging.fail(expected.status, "steps", message, typeof why === "string" ? { hint: why } : {});
  }
  judging.value(expected.output, step.output, "steps", `${name}.output`, { exact });
  judging.value(expected.error, step.error === null ? null : errorValue(step.error), "steps", `${name}.error`, {
    exact,
  });
}

type Named = Pick<StepExpectation, "name" | "step">;

/** The runs that a name stands for. */
export function stepsNamed({ name, step }: Named, run: CaseRun): StepExecution[] {
  return run.executions
    .filter(({ workflowId }) => workflowId === step.definition.id)
    .flatMap(({ steps }) => steps)
    .filter((one) => isNamed(name, one));
}

/** The requests that those sent, in order. */
export function requestsNamed({ name, step }: Named, run: CaseRun): SentRequest[] {
  return run.sent.filter((one) => one.workflowId === step.definition.id && isNamed(name, one));
}

function isNamed(name: string, run: { readonly path: string; readonly stepId: string }): boolean {
  const { path } = splitName(name);
  return path === run.path || path === run.stepId;
}

function judgeRequests(expected: StepExpectation, run: CaseRun, judging: Judging): void {
  const { name, request, requests, exact } = expected;
  if (request === undefined && requests === undefined) return;
  const sent = requestsNamed(expected, run);
  if (requests !== undefined && requests.list.length !== sent.length) {
    judging.fail(
      requests.range,
      "steps",
      `${name}: expected ${count(requests.list.length)}, sent ${count(sent.length)}`,
    );
  } else {
    for (const [at, one] of requests?.list.entries() ?? [])
      judgeRequest(one, sent[at], `${name}.requests[${at}]`, exact, judging);
  }
  if (request === undefined) return;
  const last = sent.at(-1);
  const places = new Set(sent.map(({ path }) => path));
  if (places.size > 1) {
    const hint = `Name one, such as \`${last?.path}\`, or list all under \`requests\`.`;
    judging.fail(expected.range, "steps", `${name} sent requests from ${places.size} places`, { hint });
  } else judgeRequest(request, last, `${name}.request`, exact, judging);
}

function judgeRequest(
  expected: RequestExpectation,
  sent: SentRequest | undefined,
  what: string,
  exact: boolean,
  judging: Judging,
): void {
  if (sent === undefined) {
    judging.fail(expected.range, "steps", `${what}: none was sent`);
    return;
  }
  const url = new URL(sent.url);
  const bare = expected.query === undefined ? sent.url : `${url.origin}${url.pathname}`;
  judging.value(expected.method, sent.method, "steps", `${what}.method`);
  judging.value(expected.url, bare, "steps", `${what}.url`);
  judging.value(expected.query, queryOf(url), "steps", `${what}.query`, { exact });
  for (const { key, keyRange, value } of expected.headers?.entries.values() ?? []) {
    const actual = sent.headers[key.toLowerCase()];
    const text = typeof actual === "string" ? actual : actual?.join(", ");
    if (value.kind === "scalar" && (value.value === null ? text === undefined : String(value.value) === text)) continue;
    const message = `${what}: header ${key} was ${show(text)}`;
    judging.fail(value.kind === "scalar" ? value : keyRange, "steps", message);
  }
  judging.value(expected.json, jsonBody(sent), "steps", `${what}.json`, { exact });
  judging.value(expected.text, sent.body.toString(), "steps", `${what}.text`);
}

/** Repeated parameters as lists. */
export function queryOf(url: URL): { readonly [name: string]: Value } {
  const names = [...new Set(url.searchParams.keys())];
  return Object.fromEntries(
    names.map((name): [string, Value] => {
      const values = url.searchParams.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}

/** @returns undefined when the body is no JSON */
export function jsonBody({ body }: SentRequest): Json | undefined {
  try {
    return JSON.parse(body.toString()) as Json;
  } catch {
    return undefined;
  }
}

function times(runs: number): string {
  return runs === 1 ? "once" : runs === 0 ? "never" : `${runs} times`;
}

function count(requests: number): string {
  return requests === 1 ? "1 request" : `${requests} requests`;
}
