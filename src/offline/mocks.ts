/** What `mocks` of test data say: the answers of other servers, by step. No network. */
import { basename, extname } from "node:path";
import type { HttpStep, Step } from "../workflow/definition.ts";
import { isHeaderName, isHeaderValue } from "../workflow/header-syntax.ts";
import { type MapNode, type Node, type Range, valueAt } from "../workflow/parse/node.ts";
import { jsonOf, type Reader } from "../workflow/parse/reader.ts";
import { namesOf, type StepIndex } from "./step-index.ts";

/** Ways in which a request finds no answer, with the code that the HTTP client gives them. */
export const MOCK_ERRORS = {
  refused: "ECONNREFUSED",
  reset: "ECONNRESET",
  dns: "ENOTFOUND",
  tls: "CERT_HAS_EXPIRED",
  timeout: "UND_ERR_HEADERS_TIMEOUT",
} as const;

export type MockError = keyof typeof MOCK_ERRORS;

export interface MockAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: { readonly [name: string]: string | string[] };
  readonly body: Buffer;
  /** In the place of the rest. */
  readonly error?: MockError;
  /** Of the case's own time. */
  readonly delayMs: number;
}

export interface Mock {
  readonly name: string;
  readonly answers: readonly MockAnswer[];
  /** One answer after the other, each once; otherwise the one answer serves every request. */
  readonly isSequence: boolean;
  /** Where its name stands. */
  readonly range: Range;
}

export type Mocks = ReadonlyMap<string, Mock>;

/** The mock that answers a run of a step. */
export function mockFor(mocks: Mocks, run: Parameters<typeof namesOf>[0]): Mock | undefined {
  for (const name of namesOf(run)) {
    const mock = mocks.get(name);
    if (mock !== undefined) return mock;
  }
  return undefined;
}

const ANSWER_KEYS: readonly string[] = ["status", "headers", "json", "text", "file", "error", "delay"];
const BODY_KEYS = ["json", "text", "file"] as const;
const ERROR_ALIASES = {
  ECONNREFUSED: "refused",
  "connect refused": "refused",
  "connection refused": "refused",
  ECONNRESET: "reset",
  ENOTFOUND: "dns",
  ETIMEDOUT: "timeout",
};
/** Until the HTTP client itself gives up on an answer. */
const CLIENT_TIMEOUT_MS = 300_000;

/** @param beside - The bytes of a file beside the test data, or why there are none. */
export function readMocks(
  reader: Reader,
  node: Node | undefined,
  index: StepIndex,
  beside: (name: string) => Buffer | string,
): Mocks {
  const mocks = new Map<string, Mock>();
  const map = node && reader.map(node, "`mocks`", undefined, "or-nothing");
  for (const { key, keyRange, value } of map?.entries.values() ?? []) {
    const found = index.find(key);
    if (found === undefined) {
      reader.error(keyRange, "unknown-step", `there is no http step \`${key.slice(0, 60)}\``, index.hint(key, isHttp));
      continue;
    }
    if (!isHttp(found.step)) {
      const hint = "Functions, workflows and all others run as they are; mocks answer http steps.";
      reader.error(keyRange, "unknown-step", `\`${key}\` is a ${found.step.kind} step`, hint);
      continue;
    }
    const sequence = sequenceOf(reader, value);
    const answers = (sequence ?? [value]).map((one) => readAnswer(reader, one, beside));
    mocks.set(key, { name: key, answers, isSequence: sequence !== undefined, range: keyRange });
  }
  return mocks;
}

function isHttp(step: Step): step is HttpStep {
  return step.kind === "http";
}

function sequenceOf(reader: Reader, node: Node): readonly Node[] | undefined {
  if (node.kind === "list") return node.items;
  const sequence = node.kind === "map" ? node.entries.get("sequence") : undefined;
  if (sequence === undefined) return undefined;
  reader.map(node, "a sequence", ["sequence"]);
  return reader.list(sequence.value, "`sequence`") ?? [];
}

function readAnswer(reader: Reader, node: Node, beside: (name: string) => Buffer | string): MockAnswer {
  const map = reader.map(node, "an answer", ANSWER_KEYS, "or-nothing");
  const at = (key: string): Node | undefined => map && valueAt(map, key);
  const status = at("status");
  const delay = at("delay");
  const error = at("error");
  const headers = at("headers");
  if (map) refuseTwoBodies(reader, map);
  const body = readBody(reader, map, beside);
  const own = headers ? readHeaders(reader, headers) : {};
  const failure = error && reader.oneOf(error, "`error`", Object.keys(MOCK_ERRORS) as MockError[], ERROR_ALIASES);
  const waits = failure === "timeout" ? CLIENT_TIMEOUT_MS : 0;
  return {
    status: (status && reader.integer(status, "`status`", 200, 599)) ?? 200,
    headers: body.type === undefined || "content-type" in own ? own : { "content-type": body.type, ...own },
    body: body.bytes,
    ...(failure === undefined ? {} : { error: failure }),
    delayMs: (delay && reader.duration(delay, "`delay`")) ?? waits,
  };
}

function refuseTwoBodies(reader: Reader, map: MapNode): void {
  const given = BODY_KEYS.flatMap((key) => map.entries.get(key) ?? []);
  const [first, second] = given;
  if (first === undefined) return;
  if (second !== undefined) {
    const message = `an answer has one body: \`${first.key}\` or \`${second.key}\`, not both`;
    reader.error(second.keyRange, "two-bodies", message);
  }
  const error = map.entries.get("error");
  if (error !== undefined) reader.error(error.keyRange, "two-bodies", "a request that fails has no answer beside it");
}

function readBody(
  reader: Reader,
  map: MapNode | undefined,
  beside: (name: string) => Buffer | string,
): { readonly bytes: Buffer; readonly type: string | undefined } {
  const nothing = { bytes: Buffer.alloc(0), type: undefined };
  if (map === undefined) return nothing;
  const json = valueAt(map, "json");
  if (json !== undefined) return { bytes: Buffer.from(JSON.stringify(jsonOf(json))), type: "application/json" };
  const text = valueAt(map, "text");
  if (text !== undefined) {
    return { bytes: Buffer.from(reader.string(text, "`text`") ?? ""), type: "text/plain; charset=utf-8" };
  }
  const file = valueAt(map, "file");
  const name = file && reader.string(file, "`file`");
  if (file === undefined || name === undefined) return nothing;
  if (name !== basename(name) || name.startsWith(".")) {
    reader.error(file, "bad-file", "`file` is the name of a file beside this one");
    return nothing;
  }
  const bytes = beside(name);
  if (typeof bytes === "string") {
    reader.error(file, "no-file", bytes, "The bytes lie in a file beside this one.");
    return nothing;
  }
  return { bytes, type: TYPES[extname(name).toLowerCase()] ?? "application/octet-stream" };
}

const TYPES: { readonly [extension: string]: string | undefined } = {
  ".csv": "text/csv; charset=utf-8",
  ".gif": "image/gif",
  ".html": "text/html; charset=utf-8",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml",
  ".zip": "application/zip",
};

function readHeaders(reader: Reader, node: Node): { readonly [name: string]: string | string[] } {
  const map = reader.map(node, "`headers`", undefined, "or-nothing");
  const entries: [string, string | string[]][] = [];
  for (const { key, keyRange, value } of map?.entries.values() ?? []) {
    if (!isHeaderName(key)) reader.error(keyRange, "bad-header", `\`${key.slice(0, 60)}\` is no header name`);
    const lines = (value.kind === "list" ? value.items : [value]).flatMap((one) => readHeaderValue(reader, one) ?? []);
    entries.push([key.toLowerCase(), value.kind === "list" ? lines : (lines[0] ?? "")]);
  }
  return Object.fromEntries(entries);
}

function readHeaderValue(reader: Reader, node: Node): string | undefined {
  if (node.kind !== "scalar" || node.value === null) {
    reader.wrong(node, "wrong-type", "a header as a text");
    return undefined;
  }
  const text = String(node.value);
  if (isHeaderValue(text)) return text;
  reader.error(node, "bad-header", "the value holds a character that headers cannot carry");
  return undefined;
}
