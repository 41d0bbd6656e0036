/** Reads steps: the keys that all have, then the kind's own. No I/O. */
import type { RetryPolicy, Step, StepKind } from "../definition.ts";
import type { Expression } from "../expression.ts";
import { readDelay, readFail, readForeach, readFunction, readParallel, readResponse } from "./kinds.ts";
import { readSwitch, readSubWorkflow, type KindReader } from "./kinds.ts";
import type { Draft } from "./draft.ts";
import { readHttp } from "./http.ts";
import { valueAt, type MapNode, type Node, type Range } from "./node.ts";
import { didYouMean } from "./reader.ts";
import { present } from "./rule.ts";
import { type ParseScope, RESERVED_WORDS, withRoots } from "./scope.ts";

const COMMON_KEYS: readonly string[] = ["id", "name", "if", "retry", "timeout", "on_error"];

/** The keys beside the kind's own that a kind has at the level of the step. */
const KIND_KEYS: { readonly [kind in StepKind]: readonly string[] } = {
  http: [],
  function: ["with", "memory"],
  switch: [],
  foreach: ["as", "concurrency", "steps"],
  parallel: [],
  delay: [],
  response: [],
  workflow: [],
  fail: [],
};

const KINDS = Object.keys(KIND_KEYS) as readonly StepKind[];

const READERS: { readonly [kind in StepKind]: KindReader } = {
  http: readHttp,
  function: readFunction,
  switch: readSwitch,
  foreach: readForeach,
  parallel: readParallel,
  delay: readDelay,
  response: readResponse,
  workflow: readSubWorkflow,
  fail: readFail,
};

/** @defaultValue of functions, which run code that may never end. */
const FUNCTION_TIMEOUT_MS = 30_000;

const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [10_000, 20_000, 30_000, 50_000, 80_000];
const MAX_RETRIES = 5;
const MAX_RETRIES_WITH_DELAY = 100;
const DEFAULT_MAX_DELAY_MS = 3_600_000;

/** Reads a list of steps; their ids become visible in the scope's frame one after the other. */
export function readSteps(draft: Draft, node: Node, what: string, scope: ParseScope): Step[] {
  const items = draft.reader.list(node, what) ?? [];
  return items.map((item) => readStep(draft, item, scope)).filter((step): step is Step => step !== undefined);
}

function readStep(draft: Draft, node: Node, scope: ParseScope): Step | undefined {
  const { reader } = draft;
  const map = reader.map(node, "a step");
  if (!map) return undefined;
  const found = KINDS.filter((kind) => map.entries.has(kind));
  const [kind, second] = found;
  const entry = kind && map.entries.get(kind);
  if (kind === undefined || entry === undefined) {
    reportNoKind(draft, map);
    // The common keys still get their checks, and the id becomes known, so that one slip is one problem.
    readCommon(draft, map, undefined, scope);
    return undefined;
  }
  if (second !== undefined) {
    const range = map.entries.get(second)?.keyRange ?? map;
    reader.error(
      range,
      "two-kinds",
      `a step has one kind; this one has ${found.map((one) => `\`${one}\``).join(", ")}`,
    );
  }
  const keys = [...COMMON_KEYS, kind, ...KIND_KEYS[kind]];
  for (const one of map.entries.values()) {
    if (keys.includes(one.key) || found.some((other) => other === one.key)) continue;
    reader.unknownKey(one, `a step of kind \`${kind}\``, keys);
  }
  const common = readCommon(draft, map, kind, scope);
  const own = READERS[kind](draft, { map, value: entry.value, key: entry.keyRange, scope, readSteps });
  const range = { start: map.start, end: map.start + 1 };
  if (own === undefined) {
    publish(draft, common, scope, range);
    return undefined;
  }
  const timeoutMs = common.timeoutMs ?? (kind === "function" ? FUNCTION_TIMEOUT_MS : undefined);
  // The kind's reader yields exactly the fields that its kind adds to the common ones.
  const step = present({ ...common.base, timeoutMs, ...own, kind }) as unknown as Step;
  draft.ranges.set(step, entry.keyRange);
  publish(draft, common, scope, range, step);
  return step;
}

function reportNoKind(draft: Draft, map: MapNode): void {
  const unknown = [...map.entries.values()].filter((entry) => !COMMON_KEYS.includes(entry.key));
  const slip = unknown.find((entry) => didYouMean(entry.key, KINDS) !== undefined) ?? unknown[0];
  const range = slip?.keyRange ?? { start: map.start, end: map.start + 1 };
  const hint = (slip && didYouMean(slip.key, KINDS)) ?? `A step has one of: ${KINDS.join(", ")}.`;
  if (slip === undefined) draft.reader.error(range, "no-kind", "this step does nothing", hint);
  else draft.reader.error(range, "unknown-key", `\`${slip.key}\` is no kind of step`, hint);
}

interface Common {
  readonly base: object;
  readonly timeoutMs: number | undefined;
  readonly named: string | undefined;
  readonly idRange: Range | undefined;
}

function readCommon(draft: Draft, map: MapNode, kind: StepKind | undefined, scope: ParseScope): Common {
  const { reader, expressions } = draft;
  const idNode = valueAt(map, "id");
  const named = idNode && readId(draft, idNode);
  const name = valueAt(map, "name");
  const condition = valueAt(map, "if");
  const retry = valueAt(map, "retry");
  const timeout = valueAt(map, "timeout");
  const onError = valueAt(map, "on_error");
  const base = {
    id: named ?? draft.makeId(kind ?? "step"),
    named: named !== undefined,
    name: name && reader.string(name, "`name`"),
    if: condition && expressions.expression(condition, "`if`", scope),
    retry: retry && readRetry(draft, retry, scope),
    onError: (onError && reader.oneOf(onError, "`on_error`", ["fail", "continue"])) ?? "fail",
    line: reader.line(map.start),
  };
  return {
    base,
    timeoutMs: timeout && reader.duration(timeout, "`timeout`", 1),
    named,
    idRange: idNode && { start: idNode.start, end: idNode.end },
  };
}

/** Makes the id visible to what follows. */
function publish(draft: Draft, common: Common, scope: ParseScope, range: Range, step?: Step): void {
  if (common.named === undefined) return;
  const known = draft.steps.get(common.named);
  const at = common.idRange ?? range;
  if (known !== undefined) {
    const first = `The first is on line ${draft.reader.line(known.range.start)}.`;
    draft.reader.error(at, "duplicate-id", `two steps have the id \`${common.named}\``, first);
    return;
  }
  draft.steps.set(common.named, step ? { range: at, step } : { range: at });
  scope.frame?.add(common.named, draft.expressions.tick());
}

function readId(draft: Draft, node: Node): string | undefined {
  const id = draft.reader.string(node, "`id`");
  if (id === undefined) return undefined;
  if (/^[a-z][a-z0-9_]{0,63}$/.test(id) && !/^(?:true|false|null|in)$/.test(id)) return id;
  const clean = id
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "_")
    .replace(/^[^a-z]+/, "")
    .slice(0, 64);
  const usable = clean === "" || RESERVED_WORDS.has(clean) ? "" : ` For example \`${clean}\`.`;
  const hint = `Lower-case letters, digits and _, a letter first, at most 64.${usable}`;
  draft.reader.error(node, "bad-id", `\`${id.slice(0, 60)}\` cannot be a step's id`, hint);
  return undefined;
}

function readRetry(draft: Draft, node: Node, scope: ParseScope): RetryPolicy | undefined {
  const { reader } = draft;
  const policy = { max: MAX_RETRIES, delaysMs: DEFAULT_RETRY_DELAYS_MS, backoff: 1, maxDelayMs: DEFAULT_MAX_DELAY_MS };
  if (node.kind === "scalar") {
    if (node.value === true) return policy;
    if (node.value === false) return undefined;
    const max = reader.integer(node, "`retry` (true, a number of retries, or a map)", 0, MAX_RETRIES);
    return max === undefined ? undefined : { ...policy, max };
  }
  const map = reader.map(node, "`retry`", ["max", "delay", "backoff", "max_delay", "when"]);
  if (!map) return undefined;
  const delay = valueAt(map, "delay");
  const max = valueAt(map, "max");
  const backoff = valueAt(map, "backoff");
  const maxDelay = valueAt(map, "max_delay");
  const when = valueAt(map, "when");
  const limit = delay ? MAX_RETRIES_WITH_DELAY : MAX_RETRIES;
  const factor = backoff && reader.number(backoff, "`backoff`");
  if (backoff && factor !== undefined && (factor < 1 || factor > 100)) {
    reader.error(backoff, "out-of-range", `\`backoff\` must be from 1 to 100, not ${factor}`);
  }
  return present<RetryPolicy & { when?: Expression }>({
    max: (max && reader.integer(max, "`max`", 0, limit)) ?? policy.max,
    delaysMs: (delay && readDelays(draft, delay)) ?? policy.delaysMs,
    backoff: factor ?? policy.backoff,
    maxDelayMs: (maxDelay && reader.duration(maxDelay, "`max_delay`", 1)) ?? policy.maxDelayMs,
    when: when && draft.expressions.expression(when, "`when`", withRoots(scope, "error")),
  });
}

function readDelays(draft: Draft, node: Node): readonly number[] | undefined {
  if (node.kind !== "list") {
    const delay = draft.reader.duration(node, "`delay`");
    return delay === undefined ? undefined : [delay];
  }
  if (node.items.length === 0) {
    draft.reader.error(
      { start: node.start, end: node.start + 1 },
      "out-of-range",
      "`delay` needs at least one duration",
    );
    return undefined;
  }
  return node.items.map((item) => draft.reader.duration(item, "`delay`") ?? 0);
}
