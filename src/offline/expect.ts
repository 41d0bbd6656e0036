/** What `expect` of test data says. No I/O. */
import { compileExpression } from "../workflow/compile.ts";
import type { Expression } from "../workflow/expression.ts";
import { type MapNode, type Node, type Range, rangeInScalar, valueAt } from "../workflow/parse/node.ts";
import type { Reader } from "../workflow/parse/reader.ts";
import type { IndexedStep, StepIndex } from "./step-index.ts";

export interface Expectations {
  readonly status?: ExpectedValue;
  readonly headers?: MapNode;
  readonly body?: ExpectedValue;
  readonly bodyFile?: { readonly bytes: Buffer; readonly name: string; readonly range: Range };
  /** The body has what is written and nothing else. */
  readonly exact: boolean;
  readonly expressions: readonly ExpectedExpression[];
  readonly steps: readonly StepExpectation[];
  readonly execution?: ExpectedValue;
}

/** A value at its place in the file. */
type ExpectedValue = Node;

interface ExpectedExpression {
  readonly expression: Expression;
  readonly range: Range;
}

export interface StepExpectation {
  /** As written: `send`, `notify[0].send`, `crm/reply`. */
  readonly name: string;
  readonly range: Range;
  readonly step: IndexedStep;
  /** Output and request JSON have what is written and nothing else. */
  readonly exact: boolean;
  readonly runs?: ExpectedValue;
  readonly status?: ExpectedValue;
  readonly output?: ExpectedValue;
  readonly error?: ExpectedValue;
  readonly request?: RequestExpectation;
  readonly requests?: { readonly range: Range; readonly list: readonly RequestExpectation[] };
}

export interface RequestExpectation {
  readonly range: Range;
  readonly method?: ExpectedValue;
  readonly url?: ExpectedValue;
  readonly query?: ExpectedValue;
  readonly headers?: MapNode;
  readonly json?: ExpectedValue;
  readonly text?: ExpectedValue;
}

const EXPECT_KEYS = ["status", "headers", "body", "body_file", "exact", "expression", "steps", "execution"];
const STEP_KEYS = ["exact", "runs", "status", "output", "error", "request", "requests"];
const REQUEST_KEYS = ["method", "url", "query", "headers", "json", "text"];
const EXECUTION_KEYS = ["status", "error"];
const STEP_STATUSES = ["SUCCEEDED", "FAILED", "SKIPPED"];
const EXECUTION_STATUSES = ["SUCCEEDED", "FAILED", "CANCELLED"];
/** What `expression` sees. */
const ROOTS = ["status", "headers", "body", "steps", "execution", "trigger"];

/** @param beside - The bytes of a file beside the test data, or why there are none. */
export function readExpectations(
  reader: Reader,
  node: Node,
  index: StepIndex,
  beside: (name: string) => Buffer | string,
): Expectations {
  const map = reader.map(node, "`expect`", EXPECT_KEYS, "or-nothing");
  const at = (key: string): Node | undefined => map && valueAt(map, key);
  const exact = at("exact");
  const steps = at("steps");
  const expression = at("expression");
  const execution = at("execution");
  const status = at("status");
  const headers = at("headers");
  const bodyFile = at("body_file");
  if (status) reader.integer(status, "`status`", 200, 599);
  if (execution) checkExecution(reader, execution);
  return {
    ...optional("status", status),
    ...optional("headers", headers && reader.map(headers, "`headers`", undefined, "or-nothing")),
    ...optional("body", at("body")),
    ...optional("bodyFile", bodyFile && readBodyFile(reader, bodyFile, beside)),
    exact: (exact && reader.boolean(exact, "`exact`")) ?? false,
    expressions: expression ? readExpressions(reader, expression) : [],
    steps: steps ? readSteps(reader, steps, index) : [],
    ...optional("execution", execution),
  };
}

function optional<Key extends string, T>(key: Key, value: T | undefined): { readonly [K in Key]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: T };
}

function checkExecution(reader: Reader, node: Node): void {
  if (node.kind === "scalar" && node.value === null) return;
  if (node.kind !== "map") {
    reader.oneOf(node, "`execution`", EXECUTION_STATUSES);
    return;
  }
  const map = reader.map(node, "`execution`", EXECUTION_KEYS);
  const status = map && valueAt(map, "status");
  if (status) reader.oneOf(status, "`status`", EXECUTION_STATUSES);
}

function readBodyFile(reader: Reader, node: Node, beside: (name: string) => Buffer | string): Expectations["bodyFile"] {
  const name = reader.string(node, "`body_file`");
  if (name === undefined) return undefined;
  const bytes = beside(name);
  if (typeof bytes !== "string") return { bytes, name, range: node };
  reader.error(node, "no-file", bytes, "The bytes lie in a file beside this one.");
  return undefined;
}

function readExpressions(reader: Reader, node: Node): ExpectedExpression[] {
  return (node.kind === "list" ? node.items : [node]).flatMap((one) => readExpression(reader, one) ?? []);
}

function readExpression(reader: Reader, node: Node): ExpectedExpression | undefined {
  if (node.kind !== "scalar" || node.value === null) {
    reader.wrong(node, "wrong-type", "`expression` as an expression, or a list of them");
    return undefined;
  }
  const source = String(node.value);
  try {
    const expression = compileExpression(source);
    for (const { path, offsets } of expression.references) {
      const root = path[0] ?? "";
      if (ROOTS.includes(root)) continue;
      const range = rangeInScalar(reader.text, node, offsets[0] ?? 0, root.length);
      reader.error(range, "unknown-name", `there is no \`${root}\` here`, `Names: ${ROOTS.join(", ")}.`);
    }
    return { expression, range: node };
  } catch (error) {
    const { message, offset, length, hint } = error as Error & { offset?: number; length?: number; hint?: string };
    if (offset === undefined) throw error;
    reader.error(rangeInScalar(reader.text, node, offset, length ?? 1), "expression-syntax", message, hint);
    return undefined;
  }
}

function readSteps(reader: Reader, node: Node, index: StepIndex): StepExpectation[] {
  const map = reader.map(node, "`steps`", undefined, "or-nothing");
  return [...(map?.entries.values() ?? [])].flatMap(({ key, keyRange, value }) => {
    const step = index.find(key);
    if (step === undefined) {
      reader.error(keyRange, "unknown-step", `there is no step \`${key.slice(0, 60)}\``, index.hint(key));
      return [];
    }
    return readStep(reader, value, { name: key, range: keyRange, step }) ?? [];
  });
}

function readStep(
  reader: Reader,
  node: Node,
  about: Pick<StepExpectation, "name" | "range" | "step">,
): StepExpectation | undefined {
  const map = reader.map(node, "what is expected of a step", STEP_KEYS, "or-nothing");
  if (!map) return undefined;
  const runs = valueAt(map, "runs");
  const status = valueAt(map, "status");
  const request = map.entries.get("request");
  const requests = map.entries.get("requests");
  if (runs) reader.integer(runs, "`runs`", 0, 1_000_000);
  if (status) reader.oneOf(status, "`status`", STEP_STATUSES);
  for (const entry of [request, requests]) {
    if (entry === undefined || about.step.step.kind === "http") continue;
    reader.error(
      entry.keyRange,
      "no-request",
      `\`${about.name}\` is a ${about.step.step.kind} step: it sends no request`,
    );
  }
  const list = requests && reader.list(requests.value, "`requests`");
  const exact = valueAt(map, "exact");
  return {
    ...about,
    exact: (exact && reader.boolean(exact, "`exact`")) ?? false,
    ...optional("runs", runs),
    ...optional("status", status),
    ...optional("output", valueAt(map, "output")),
    ...optional("error", valueAt(map, "error")),
    ...optional("request", request && readRequest(reader, request.value)),
    ...optional(
      "requests",
      requests && list && { range: requests.keyRange, list: list.flatMap((one) => readRequest(reader, one) ?? []) },
    ),
  };
}

function readRequest(reader: Reader, node: Node): RequestExpectation | undefined {
  const map = reader.map(node, "a request", REQUEST_KEYS, "or-nothing");
  if (!map) return undefined;
  const headers = valueAt(map, "headers");
  return {
    range: { start: map.start, end: map.end },
    ...optional("method", valueAt(map, "method")),
    ...optional("url", valueAt(map, "url")),
    ...optional("query", valueAt(map, "query")),
    ...optional("headers", headers && reader.map(headers, "`headers`", undefined, "or-nothing")),
    ...optional("json", valueAt(map, "json")),
    ...optional("text", valueAt(map, "text")),
  };
}
