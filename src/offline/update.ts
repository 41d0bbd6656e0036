/** Turns what came into what is expected: the edits of a file's `expect`. No I/O. */
import type { ExecutionWithSteps } from "../engine/engine.ts";
import { errorValue } from "../engine/outcome.ts";
import type { Json } from "../json.ts";
import type { Value } from "../value.ts";
import type { Node } from "../workflow/parse/node.ts";
import type { Expectations, RequestExpectation, StepExpectation } from "./expect.ts";
import { bodyOf } from "./judge.ts";
import { jsonBody, queryOf, requestsNamed, stepsNamed } from "./judge-step.ts";
import { mismatches, plainJson, projected } from "./match.ts";
import type { SentRequest } from "./mock-transport.ts";
import type { CaseRun } from "./run-case.ts";

/** A value to set, or with `undefined` to take away, at a path of keys. */
export interface ExpectEdit {
  readonly path: readonly ["expect", ...string[]];
  readonly value: Json | undefined;
}

type Path = ExpectEdit["path"];

/**
 * @param expected - Undefined where the file has no `expect` yet.
 * @returns None for what holds already; expressions and files of bodies are for people to mend
 */
export function updatesOf(expected: Expectations | undefined, run: CaseRun): ExpectEdit[] {
  if (expected === undefined || isEmpty(expected)) return [{ path: ["expect"], value: snapshotOf(run) }];
  const [main] = run.executions;
  return [
    ...edits(expected.status, run.answer.status, ["expect", "status"]),
    ...headerEdits(expected.headers, run.answer.headers, ["expect", "headers"]),
    ...edits(expected.body, bodyOf(run.answer), ["expect", "body"], expected.exact),
    ...expected.steps.flatMap((step) => stepEdits(step, run)),
    ...executionEdits(expected.execution, main),
  ];
}

function isEmpty({ status, headers, body, bodyFile, expressions, steps, execution }: Expectations): boolean {
  const given = [status, headers, body, bodyFile, execution].some((one) => one !== undefined);
  return !given && expressions.length + steps.length === 0;
}

/** What a first `expect` says: the answer, how often each step ran, the end. */
function snapshotOf(run: CaseRun): Json {
  const [main] = run.executions;
  const named = (main?.steps ?? []).filter(({ path, attempts }) => !path.includes("[") && attempts.length > 0);
  const body = bodyOf(run.answer);
  return {
    status: run.answer.status,
    ...(body === null || run.answer.status === 202 || run.answer.status === 542 ? {} : { body }),
    ...(named.length === 0
      ? {}
      : { steps: Object.fromEntries(named.map(({ stepId, attempts }) => [stepId, { runs: attempts.length }])) }),
    execution: main?.status ?? null,
  };
}

function edits(expected: Node | undefined, came: Value | undefined, path: Path, exact = false): ExpectEdit[] {
  const actual = came === undefined ? undefined : plainJson(came);
  if (expected === undefined || mismatches(expected, actual, exact).length === 0) return [];
  if (expected.kind !== "map" || typeof actual !== "object" || actual === null || Array.isArray(actual)) {
    return [{ path, value: projected(expected, actual, exact) }];
  }
  const values = actual as { readonly [key: string]: Json };
  const own = [...expected.entries.values()].flatMap(({ key, value }) =>
    edits(value, Object.hasOwn(values, key) ? values[key] : undefined, [...path, key], exact),
  );
  const more = exact ? Object.keys(values).filter((key) => !expected.entries.has(key)) : [];
  return [...own, ...more.map((key): ExpectEdit => ({ path: [...path, key], value: values[key] }))];
}

function headerEdits(
  expected: Expectations["headers"],
  actual: { readonly [name: string]: string | readonly string[] },
  path: Path,
): ExpectEdit[] {
  return [...(expected?.entries.values() ?? [])].flatMap(({ key, value }): ExpectEdit[] => {
    const now = actual[key.toLowerCase()];
    const text = typeof now === "string" || now === undefined ? now : now.join(", ");
    const wanted = value.kind === "scalar" && value.value !== null ? String(value.value) : undefined;
    return wanted === text ? [] : [{ path: [...path, key], value: text ?? null }];
  });
}

function stepEdits(expected: StepExpectation, run: CaseRun): ExpectEdit[] {
  const path: Path = ["expect", "steps", expected.name];
  const steps = stepsNamed(expected, run);
  const [only, second] = steps;
  const runs = steps.reduce((sum, { attempts }) => sum + attempts.length, 0);
  const one = second === undefined ? only : undefined;
  const { exact } = expected;
  return [
    ...edits(expected.runs, runs, [...path, "runs"]),
    ...(one === undefined
      ? []
      : [
          ...edits(expected.status, one.status, [...path, "status"]),
          ...edits(expected.output, one.output, [...path, "output"], exact),
          ...edits(expected.error, one.error === null ? null : errorValue(one.error), [...path, "error"]),
        ]),
    ...(expected.request === undefined
      ? []
      : requestEdits(expected.request, requestsNamed(expected, run).at(-1), [...path, "request"], exact)),
  ];
}

function requestEdits(
  expected: RequestExpectation,
  sent: SentRequest | undefined,
  path: Path,
  exact: boolean,
): ExpectEdit[] {
  if (sent === undefined) return [];
  const url = new URL(sent.url);
  const bare = expected.query === undefined ? sent.url : `${url.origin}${url.pathname}`;
  return [
    ...edits(expected.method, sent.method, [...path, "method"]),
    ...edits(expected.url, bare, [...path, "url"]),
    ...edits(expected.query, queryOf(url), [...path, "query"], exact),
    ...headerEdits(expected.headers, sent.headers, [...path, "headers"]),
    ...edits(expected.json, jsonBody(sent), [...path, "json"], exact),
    ...edits(expected.text, sent.body.toString(), [...path, "text"]),
  ];
}

function executionEdits(expected: Node | undefined, main: ExecutionWithSteps | undefined): ExpectEdit[] {
  if (expected === undefined) return [];
  const path: Path = ["expect", "execution"];
  if (expected.kind === "scalar") return edits(expected, main?.status ?? null, path);
  return edits(expected, main && { status: main.status, error: main.error && errorValue(main.error) }, path);
}
