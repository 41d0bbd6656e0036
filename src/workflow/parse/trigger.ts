/** Reads the trigger of a workflow file. No I/O. */
import type { Definition, RequestTrigger } from "../definition.ts";
import type { Json } from "../../json.ts";
import type { RequestRules } from "../rule.ts";
import { checkBodySchema } from "../rules.ts";
import { readAuth } from "./auth.ts";
import type { Draft } from "./draft.ts";
import { valueAt, type MapNode, type Node, type Range } from "./node.ts";
import { jsonOf, type Reader } from "./reader.ts";
import { present, readRuleSet } from "./rule.ts";

const TRIGGER_KEYS: readonly string[] = ["methods", "auth", "query", "headers", "body", "body_schema", "additional"];
export const TRIGGER_METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

const NO_RULES: RequestRules = { query: {}, headers: {}, additional: "allow" };

/** Events come from users. */
const EVENT_REQUEST: RequestTrigger = { methods: [], auth: { kind: "user-token" }, rules: NO_RULES };
export const MAX_EVENT_NAME_LENGTH = 200;

/** Reads `trigger`; what it cannot read is reported and left at its default. */
export function readTrigger(draft: Draft, node: Node): Pick<Definition, "request" | "event"> {
  const { reader } = draft;
  const trigger = reader.map(node, "`trigger`", ["request", "event"]);
  const request = trigger && valueAt(trigger, "request");
  const event = trigger && valueAt(trigger, "event");
  if (trigger && !request && !event) {
    const range = { start: trigger.start, end: trigger.start + 1 };
    const hint = "Add `request: {}`, or `event` with the event's name.";
    reader.error(range, "missing-key", "`trigger` needs the key `request` or `event`", hint);
  }
  if (!trigger || !event) return { request: readRequest(draft, request) };
  if (request) {
    const range = trigger.entries.get("event")?.keyRange ?? rangeOf(event);
    const hint = "Make two workflows; a `workflow` step starts one from the other.";
    reader.error(range, "conflicting-keys", "`trigger` has either `request` or `event`", hint);
  }
  draft.auth = { kind: "user-token", range: trigger.entries.get("event")?.keyRange ?? rangeOf(event) };
  return present<Pick<Definition, "request" | "event">>({ request: EVENT_REQUEST, event: readEvent(reader, event) });
}

function readEvent(reader: Reader, node: Node): string | undefined {
  const name = reader.string(node, "`event`");
  if (name === undefined || (name.trim() !== "" && name.length <= MAX_EVENT_NAME_LENGTH)) return name;
  reader.error(
    rangeOf(node),
    "out-of-range",
    `the name of an event has 1 to ${MAX_EVENT_NAME_LENGTH} characters`,
    "For example `event: Order Created`.",
  );
  return undefined;
}

function readRequest(draft: Draft, requestNode: Node | undefined): RequestTrigger {
  const { reader } = draft;
  const empty: RequestTrigger = { methods: ["POST"], auth: { kind: "none" }, rules: NO_RULES };
  const request = requestNode && reader.map(requestNode, "`request`", TRIGGER_KEYS, "or-nothing");
  if (!request) return empty;
  const methods = valueAt(request, "methods");
  const auth = valueAt(request, "auth");
  return {
    methods: methods ? readMethods(reader, methods) : empty.methods,
    auth: auth ? readAuth(draft, auth) : empty.auth,
    rules: readRules(reader, request),
  };
}

function readMethods(reader: Reader, node: Node): readonly string[] {
  const items = node.kind === "scalar" ? [node] : reader.list(node, "`methods`");
  const methods = new Set<string>();
  for (const item of items ?? []) {
    const text = reader.string(item, "a method");
    if (text === undefined) continue;
    const method = text.toUpperCase();
    if (TRIGGER_METHODS.includes(method)) methods.add(method);
    else reader.oneOf(item, "a method", TRIGGER_METHODS);
  }
  if (items?.length === 0) reader.error(rangeOf(node), "out-of-range", "`methods` needs at least one method");
  return methods.size > 0 ? [...methods] : ["POST"];
}

/** Reads the rules of `request`. */
export function readRules(reader: Reader, request: MapNode): RequestRules {
  const query = valueAt(request, "query");
  const headers = valueAt(request, "headers");
  const body = valueAt(request, "body");
  const schema = valueAt(request, "body_schema");
  const additional = valueAt(request, "additional");
  return present<RequestRules>({
    query: query ? readRuleSet(reader, query, "`query`", "query") : {},
    headers: headers ? readRuleSet(reader, headers, "`headers`", "headers") : {},
    body: body && readRuleSet(reader, body, "`body`", "body"),
    bodySchema: schema && readBodySchema(reader, schema),
    additional: (additional && reader.oneOf(additional, "`additional`", ["allow", "reject"])) ?? "allow",
  });
}

function readBodySchema(reader: Reader, node: Node): Json {
  const schema = jsonOf(node);
  if (node.kind === "list" || (node.kind === "scalar" && typeof node.value !== "boolean")) {
    reader.wrong(node, "wrong-type", "`body_schema` as a JSON Schema (a map)");
    return {};
  }
  for (const problem of checkBodySchema(schema)) {
    reader.error(schemaRange(node, problem.path), "bad-schema", problem.message);
  }
  return schema;
}

/** The place that a JSON pointer (`/properties/a`) names, as near as the file has it. */
function schemaRange(node: Node, pointer: string): Range {
  let at: Node = node;
  let range = rangeOf(node);
  for (const segment of pointer.split("/").slice(1)) {
    const key = segment.replaceAll("~1", "/").replaceAll("~0", "~");
    const entry = at.kind === "map" ? at.entries.get(key) : undefined;
    const next: Node | undefined = at.kind === "list" ? at.items[Number(key)] : entry?.value;
    if (next === undefined) break;
    range = entry?.keyRange ?? rangeOf(next);
    at = next;
  }
  return range;
}

function rangeOf(node: Node): Range {
  return node.kind === "scalar" ? node : { start: node.start, end: node.start + 1 };
}
