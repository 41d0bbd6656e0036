/** Reads every kind of step except `http`. No I/O. */
import { posix } from "node:path";
import type { DelayStep, ParallelStep, ResponseStep, Step, SwitchStep } from "../definition.ts";
import type { Expression, Template } from "../expression.ts";
import type { Draft } from "./draft.ts";
import { checkHeaders } from "./headers.ts";
import { valueAt, type MapNode, type Node, type Range } from "./node.ts";
import { present } from "./rule.ts";
import { Frame, RESERVED_ROOTS, RESERVED_WORDS, withRoots, type ParseScope } from "./scope.ts";

const RESPONSE_KEYS: readonly string[] = ["status", "headers", "json", "text", "file"];
const WORKFLOW_KEYS: readonly string[] = ["id", "query", "headers", "body", "wait"];
export const WORKFLOW_ID: RegExp = /^[a-z0-9][a-z0-9-]{0,63}$/;
const DEFAULT_MEMORY_BYTES = 128_000_000;
const MIN_MEMORY_BYTES = 16_000_000;

/** What a kind's reader gets: the whole step, and the kind's own value. */
export interface KindInput {
  readonly map: MapNode;
  readonly value: Node;
  readonly key: Range;
  readonly scope: ParseScope;
  readonly readSteps: (draft: Draft, node: Node, what: string, scope: ParseScope) => Step[];
}

/** Yields the fields that the kind adds to the common ones; undefined when they cannot be read. */
export type KindReader = (draft: Draft, input: KindInput) => object | undefined;

export const readFunction: KindReader = (draft, { map, value, scope }) => {
  const { reader } = draft;
  const path = reader.string(value, "`function`");
  const memoryNode = valueAt(map, "memory");
  const memory = memoryNode && reader.size(memoryNode, "`memory`");
  if (memoryNode && memory !== undefined && memory < MIN_MEMORY_BYTES) {
    reader.error(memoryNode, "out-of-range", "`memory` must be at least 16MB");
  }
  const input = valueAt(map, "with");
  const template = input && draft.expressions.template(input, scope);
  if (path === undefined) return undefined;
  if (!/^\.\.?\//.test(path) || path.includes("\\")) {
    const hint = `For example ./functions/${posix.basename(path.replaceAll("\\", "/")) || "score.ts"}.`;
    reader.error(value, "bad-module", "`function` takes a path that begins with ./ or ../", hint);
    return undefined;
  }
  const module = posix.join(draft.folder, path);
  if (module === ".." || module.startsWith("../") || module.startsWith("/")) {
    reader.error(value, "bad-module", "the module lies outside the project's folder");
    return undefined;
  }
  if (!/\.(?:ts|mts|js|mjs)$/.test(module)) {
    reader.error(value, "bad-module", "a function's module ends in .ts, .mts, .js or .mjs");
    return undefined;
  }
  draft.functions.push({ module, range: value });
  return present({ module, with: template, maxMemoryBytes: memory ?? DEFAULT_MEMORY_BYTES });
};

export const readSwitch: KindReader = (draft, { value, scope, readSteps }) => {
  const { reader } = draft;
  const items = reader.list(value, "`switch`");
  if (!items) return undefined;
  if (items.length === 0) reader.error(startOf(value), "no-case", "`switch` needs at least one case");
  const cases: { when?: Expression; steps: Step[] }[] = [];
  const frames: Frame[] = [];
  for (const [index, item] of items.entries()) {
    const map = reader.map(item, "a case of `switch`", ["when", "steps", "else"]);
    if (!map) continue;
    const frame = new Frame("case", scope.frame);
    const inner: ParseScope = { frame, roots: scope.roots };
    frames.push(frame);
    const otherwise = map.entries.get("else");
    if (otherwise) {
      if (index < items.length - 1) reader.error(otherwise.keyRange, "else-not-last", "`else` must be the last case");
      if (map.entries.size > 1) {
        reader.error(
          otherwise.keyRange,
          "else-not-last",
          "`else` holds the steps itself: no `when` or `steps` beside it",
        );
      }
      cases.push({ steps: readSteps(draft, otherwise.value, "`else`", inner) });
      continue;
    }
    const when = valueAt(map, "when");
    const steps = valueAt(map, "steps");
    if (!when)
      reader.error(startOf(item), "missing-key", "a case needs the key `when`", "The last may be `else: [...]`.");
    if (!steps) reader.error(startOf(item), "missing-key", "a case needs the key `steps`");
    const condition = when && draft.expressions.expression(when, "`when`", scope);
    const list = steps ? readSteps(draft, steps, "`steps`", inner) : [];
    if (condition) cases.push({ when: condition, steps: list });
  }
  for (const frame of frames) scope.frame?.adopt(frame, draft.expressions.tick());
  return { cases } satisfies Pick<SwitchStep, "cases">;
};

export const readForeach: KindReader = (draft, { map, value, key, scope, readSteps }) => {
  const { reader } = draft;
  const isExpression = value.kind === "scalar" && typeof value.value === "string" && value.value.includes("${{");
  if (value.kind !== "list" && !isExpression) {
    const hint = "For example ${{ trigger.body.items }}.";
    reader.wrong(value, "wrong-type", "`foreach` as a list, or an expression that yields one", hint);
  }
  const list = draft.expressions.template(value, scope);
  const asNode = valueAt(map, "as");
  const as = (asNode && readLoopName(draft, asNode)) ?? "item";
  const concurrency = valueAt(map, "concurrency");
  const steps = valueAt(map, "steps");
  if (!steps) reader.error(key, "missing-key", "`foreach` needs the key `steps` beside it");
  const inner = withRoots({ frame: new Frame("foreach", scope.frame), roots: scope.roots }, as, `${as}_index`);
  return {
    list,
    as,
    concurrency: (concurrency && reader.integer(concurrency, "`concurrency`", 1, 1000)) ?? 10,
    steps: steps ? readSteps(draft, steps, "`steps`", inner) : [],
  };
};

function readLoopName(draft: Draft, node: Node): string | undefined {
  const name = draft.reader.string(node, "`as`");
  if (name === undefined) return undefined;
  if (/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name) && !RESERVED_ROOTS.includes(name) && !RESERVED_WORDS.has(name))
    return name;
  const hint = `A name of letters, digits and _ that is none of: ${RESERVED_ROOTS.join(", ")}.`;
  draft.reader.error(node, "bad-id", `\`${name.slice(0, 60)}\` cannot name a loop's item`, hint);
  return undefined;
}

export const readParallel: KindReader = (draft, { value, scope, readSteps }) => {
  const map = draft.reader.map(value, "`parallel`");
  if (!map) return undefined;
  if (map.entries.size === 0) draft.reader.error(startOf(value), "no-case", "`parallel` needs at least one branch");
  const frames: Frame[] = [];
  const branches = [...map.entries.values()].map((entry) => {
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(entry.key)) {
      const hint = "Letters, digits, _ and -, a letter first, at most 64.";
      draft.reader.error(entry.keyRange, "bad-id", `\`${entry.key.slice(0, 60)}\` cannot name a branch`, hint);
    }
    const frame = new Frame("branch", scope.frame);
    frames.push(frame);
    const inner: ParseScope = { frame, roots: scope.roots };
    return { name: entry.key, steps: readSteps(draft, entry.value, `the branch \`${entry.key}\``, inner) };
  });
  for (const frame of frames) scope.frame?.adopt(frame, draft.expressions.tick());
  return { branches } satisfies Pick<ParallelStep, "branches">;
};

export const readDelay: KindReader = (draft, { value, scope }): Pick<DelayStep, "delay"> | undefined => {
  const { reader, expressions } = draft;
  let kind: "for" | "until" = "for";
  let node = value;
  if (value.kind === "map") {
    reader.knownKeys(value, "`delay`", ["for", "until"]);
    const span = valueAt(value, "for");
    const until = valueAt(value, "until");
    if ((span === undefined) === (until === undefined)) {
      reader.error(startOf(value), "wrong-type", "`delay` takes exactly one of `for` and `until`");
      return undefined;
    }
    kind = span ? "for" : "until";
    node = span ?? until ?? value;
  }
  const isExpression = node.kind === "scalar" && typeof node.value === "string" && node.value.includes("${{");
  if (!isExpression) {
    if (kind === "for" && reader.duration(node, "`delay`") === undefined) return undefined;
    if (kind === "until" && !isInstant(node)) {
      const hint = "For example 2027-01-31T09:00:00Z, or an expression.";
      reader.wrong(node, "bad-time", "`until` as an ISO 8601 time with its zone", hint);
      return undefined;
    }
  }
  return { delay: { kind, value: expressions.template(node, scope) } };
};

function isInstant(node: Node): boolean {
  const text = node.kind === "scalar" && typeof node.value === "string" ? node.value : "";
  const syntax = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;
  return syntax.test(text) && !Number.isNaN(Date.parse(text));
}

export const readResponse: KindReader = (draft, { value, scope }) => {
  const { reader, expressions } = draft;
  const map = reader.map(value, "`response`", RESPONSE_KEYS, "or-nothing");
  if (!map) return undefined;
  const status = valueAt(map, "status");
  if (status && !(status.kind === "scalar" && typeof status.value === "string" && status.value.includes("${{"))) {
    reader.integer(status, "`status`", 200, 599);
  }
  const headers = valueAt(map, "headers");
  if (headers) checkHeaders(reader, headers);
  const kinds = (["json", "text", "file"] as const).filter((kind) => map.entries.has(kind));
  const [kind, second] = kinds;
  if (second !== undefined) {
    const found = kinds.map((one) => `\`${one}\``).join(", ");
    reader.error(
      map.entries.get(second)?.keyRange ?? map,
      "two-bodies",
      `a response has one body; this one has ${found}`,
    );
  }
  const node = kind && valueAt(map, kind);
  if (node && kind === "text" && (node.kind !== "scalar" || node.value === null)) {
    reader.wrong(node, "wrong-type", "`text` as a text");
  }
  if (node && kind === "file" && !(node.kind === "scalar" && String(node.value).includes("${{"))) {
    reader.wrong(
      node,
      "wrong-type",
      "`file` as an expression that yields a file",
      "For example ${{ steps.report.body }}.",
    );
  }
  const literal: Node = { kind: "scalar", value: 200, style: "plain", start: value.start, end: value.start };
  return present<Pick<ResponseStep, "status" | "headers" | "body">>({
    status: expressions.template(status ?? literal, scope),
    headers: headers && expressions.template(headers, scope),
    body: kind && node ? { kind, value: expressions.template(node, scope) } : { kind: "empty" },
  });
};

export const readSubWorkflow: KindReader = (draft, { value, key, scope }) => {
  const { reader, expressions } = draft;
  const map = value.kind === "map" ? reader.map(value, "`workflow`", WORKFLOW_KEYS) : undefined;
  const idNode = map ? valueAt(map, "id") : value;
  if (!idNode) reader.error(key, "missing-key", "`workflow` needs the key `id`");
  const id = idNode && reader.string(idNode, "a workflow's id");
  if (idNode && id !== undefined) {
    if (WORKFLOW_ID.test(id)) draft.calls.push({ workflow: id, range: idNode });
    else
      reader.error(
        idNode,
        "bad-id",
        `\`${id.slice(0, 60)}\` is no workflow's id`,
        "It is literal: the file's name without .yaml.",
      );
  }
  const template = (name: string): Template | undefined => {
    const node = map && valueAt(map, name);
    return node && expressions.template(node, scope);
  };
  const headers = map && valueAt(map, "headers");
  if (headers) checkHeaders(reader, headers);
  const wait = map && valueAt(map, "wait");
  return present({
    workflow: id ?? "",
    query: template("query"),
    headers: template("headers"),
    body: template("body"),
    wait: (wait && reader.boolean(wait, "`wait`")) ?? true,
  });
};

export const readFail: KindReader = (draft, { value, key, scope }) => {
  const map = value.kind === "map" ? draft.reader.map(value, "`fail`", ["message"]) : undefined;
  const message = map ? valueAt(map, "message") : value;
  if (!message) {
    draft.reader.error(key, "missing-key", "`fail` needs the key `message`");
    return undefined;
  }
  if (draft.reader.string(message, "`fail` (its message)") === undefined) return undefined;
  return { message: draft.expressions.template(message, scope) };
};

function startOf(node: Node): Range {
  return { start: node.start, end: node.start + 1 };
}
