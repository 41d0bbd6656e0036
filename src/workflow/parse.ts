/** A workflow file's text to its definition, or to all of its problems at once. No I/O. */
import { createHash } from "node:crypto";
import { checkFlow } from "./check-flow.ts";
import { checkReferences } from "./check-references.ts";
import type { AuthKind, Definition, DefinitionSource } from "./definition.ts";
import { parseDocument } from "./parse/document.ts";
import { Draft } from "./parse/draft.ts";
import { type MapNode, type Node, valueAt } from "./parse/node.ts";
import { Reader } from "./parse/reader.ts";
import { present } from "./parse/rule.ts";
import { Frame, type ParseScope, BASE_ROOTS, withRoots } from "./parse/scope.ts";
import { readSteps } from "./parse/step.ts";
import { readTrigger } from "./parse/trigger.ts";
import type { Place, Problem } from "./problem.ts";
import type { SeenSample } from "./seen.ts";

const WORKFLOW_KEYS: readonly string[] = [
  "name",
  "description",
  "trigger",
  "steps",
  "on_error",
  "timeout",
  "idempotency",
];

/** A name that a file uses, and where. */
export interface Mention {
  readonly name: string;
  readonly place: Place;
}

/** A trigger's `auth`, and where. */
export interface AuthMention {
  readonly kind: AuthKind;
  readonly place: Place;
  /** Names of secrets. */
  readonly secrets: readonly Mention[];
}

/** A file as read, before the modules that its definition includes are known. */
export interface WorkflowFile {
  /** In the order of the file. */
  readonly problems: readonly Problem[];
  /** Function modules, relative to the root. */
  readonly functions: readonly Mention[];
  /** Workflows that `workflow` steps start. */
  readonly calls: readonly Mention[];
  /** What its `auth` cannot do without. */
  readonly auth?: AuthMention;
  /** Undefined when the file has an error. */
  readonly content?: Omit<Definition, "hash" | "source">;
}

/**
 * Reads a definition. Never throws for content.
 *
 * @returns All problems in the order of the file; `definition` unless one of them is an error. Modules of functions are
 * taken from the source as they are.
 */
export function parseWorkflow(source: DefinitionSource): { definition?: Definition; problems: readonly Problem[] } {
  const file = readWorkflow(source.workflowId, source.file, source.yaml);
  const definition = defineWorkflow(file, source);
  return definition ? { definition, problems: file.problems } : { problems: file.problems };
}

/** Joins a file with its source. @returns undefined when the file has an error */
export function defineWorkflow(file: WorkflowFile, source: DefinitionSource): Definition | undefined {
  return file.content && { ...file.content, hash: hashOf(source), source };
}

function hashOf({ workflowId, file, yaml, modules }: DefinitionSource): string {
  const sorted = Object.entries(modules).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([workflowId, file, yaml, sorted]))
    .digest("hex");
}

/**
 * Reads and checks a file by itself. Never throws for content.
 *
 * @param seen - Its test data, for warnings of names that no request had.
 */
export function readWorkflow(
  workflowId: string,
  file: string,
  yaml: string,
  seen?: readonly SeenSample[],
): WorkflowFile {
  // A byte order mark is no part of the text, for columns neither.
  const text = yaml.startsWith("\uFEFF") ? yaml.slice(1) : yaml;
  const reader = new Reader(file, text);
  const document = parseDocument(text);
  for (const error of document.errors) reader.error(error, error.check, error.message, error.hint);
  const { root } = document;
  if (!root) {
    if (!reader.failed) {
      const hint = "`wf init` writes one to begin with.";
      reader.error({ start: 0, end: 1 }, "empty-file", "the file holds no workflow", hint);
    }
    return { problems: reader.problems(), functions: [], calls: [] };
  }
  const draft = new Draft(reader, workflowId, idsOf(root));
  const content = readContent(draft, root, seen);
  const mention = (name: string, range: { start: number; end: number }): Mention => ({
    name,
    place: reader.place(range),
  });
  const { auth } = draft;
  const rest = {
    ...(auth && {
      auth: {
        kind: auth.kind,
        place: reader.place(auth.range),
        secrets: draft.authSecrets.map(({ name, range }) => mention(name, range)),
      },
    }),
    problems: reader.problems(),
    functions: draft.functions.map(({ module, range }) => mention(module, range)),
    calls: draft.calls.map(({ workflow, range }) => mention(workflow, range)),
  };
  return content && !reader.failed ? { ...rest, content } : rest;
}

function readContent(draft: Draft, root: Node, seen: readonly SeenSample[] | undefined): WorkflowFile["content"] {
  const { reader, expressions } = draft;
  const map = reader.map(root, "a workflow", WORKFLOW_KEYS);
  if (!map) return undefined;
  requireKeys(reader, map);
  const at = (key: string): Node | undefined => valueAt(map, key);
  const name = at("name");
  const description = at("description");
  const trigger = at("trigger");
  const timeout = at("timeout");
  const idempotency = at("idempotency");
  const stepsNode = at("steps");
  const onErrorNode = at("on_error");
  const started = trigger && readTrigger(draft, trigger);
  const request = started?.request;
  const beforeSteps: ParseScope = { frame: undefined, roots: new Set(["trigger"]) };
  const key = idempotency && expressions.expression(idempotency, "`idempotency`", beforeSteps);
  const scope: ParseScope = { frame: new Frame("file"), roots: new Set(BASE_ROOTS) };
  const steps = stepsNode ? readSteps(draft, stepsNode, "`steps`", scope) : [];
  const onError = onErrorNode ? readSteps(draft, onErrorNode, "`on_error`", withRoots(scope, "error")) : [];
  checkReferences(draft, request, seen);
  const responds = checkFlow(draft, steps, onError);
  if (!request) return undefined;
  return present<Omit<Definition, "hash" | "source">>({
    id: draft.workflowId,
    name: name && reader.string(name, "`name`"),
    description: description && reader.string(description, "`description`"),
    request,
    event: started?.event,
    steps,
    onError,
    timeoutMs: timeout && reader.duration(timeout, "`timeout`", 1),
    idempotency: key,
    responds,
  });
}

function requireKeys(reader: Reader, map: MapNode): void {
  const range = { start: map.start, end: map.start + 1 };
  if (!map.entries.has("trigger")) {
    const hint = "Add `trigger: { request: {} }`.";
    reader.error(range, "missing-key", "a workflow needs the key `trigger`", hint);
  }
  if (!map.entries.has("steps")) reader.error(range, "missing-key", "a workflow needs the key `steps`");
}

/** Every text under a key `id`, so that ids which are made up stay clear of them. */
function idsOf(root: Node): ReadonlySet<string> {
  const ids = new Set<string>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (node.kind === "scalar" || seen.has(node)) return;
    seen.add(node);
    if (node.kind === "list") return node.items.forEach(visit);
    for (const { key, value } of node.entries.values()) {
      if (key === "id" && value.kind === "scalar") ids.add(String(value.value));
      visit(value);
    }
  };
  visit(root);
  return ids;
}
