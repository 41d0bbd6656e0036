/** YAML text to test data, with every problem's place. No I/O. */
import { isHeaderName, isHeaderValue } from "../workflow/header-syntax.ts";
import { parseDocument } from "../workflow/parse/document.ts";
import { describeNode, type MapNode, type Node, valueAt } from "../workflow/parse/node.ts";
import { jsonOf, Reader } from "../workflow/parse/reader.ts";
import { present } from "../workflow/parse/rule.ts";
import type { Redacted, TestBody, TestData } from "./test-data.ts";

const FILE_KEYS: readonly string[] = ["description", "request", "captured", "redacted", "mocks", "expect"];
const REQUEST_KEYS: readonly string[] = ["method", "url", "query", "headers", "body", "body_file", "user"];

/** A file of test data as read, before its body's file is. */
export interface ParsedTestData {
  /** Collects problems, those of whoever reads `mocks` and `expect` too. */
  readonly reader: Reader;
  /** Undefined when the file has an error outside `mocks` and `expect`. */
  readonly data: TestData | undefined;
  /** Where the body's bytes lie; `data` has no body then. */
  readonly bodyFile: { readonly name: string; readonly node: Node } | undefined;
  /** As they stand in the file, unread: `wf test` gives them their meaning. */
  readonly mocks: Node | undefined;
  readonly expect: Node | undefined;
}

/**
 * Reads the text of a file. Never throws for content.
 *
 * @param source - `file` is the path that problems name, relative to the project's root.
 */
export function parseTestData(source: {
  readonly workflowId: string;
  readonly name: string;
  readonly file: string;
  readonly text: string;
}): ParsedTestData {
  const text = source.text.startsWith("\uFEFF") ? source.text.slice(1) : source.text;
  const reader = new Reader(source.file, text);
  const document = parseDocument(text);
  for (const error of document.errors) reader.error(error, error.check, error.message, error.hint);
  const nothing = { reader, data: undefined, bodyFile: undefined, mocks: undefined, expect: undefined };
  if (reader.failed) return nothing;
  const hint = "It needs at least `request: { body: … }`.";
  if (!document.root) {
    reader.error({ start: 0, end: 1 }, "empty-file", "the file holds no test data", hint);
    return nothing;
  }
  const map = reader.map(document.root, "test data", FILE_KEYS);
  if (!map) return nothing;
  const requestNode = valueAt(map, "request");
  if (!requestNode) {
    reader.error({ start: map.start, end: map.start + 1 }, "missing-key", "test data needs the key `request`", hint);
  }
  const description = valueAt(map, "description");
  const captured = valueAt(map, "captured");
  const redacted = valueAt(map, "redacted");
  const read = requestNode && readRequest(reader, requestNode, source.workflowId);
  const data = present<TestData>({
    workflowId: source.workflowId,
    name: source.name,
    description: description && reader.string(description, "`description`"),
    request: read?.request,
    captured: captured && readCaptured(reader, captured),
    redacted: redacted && readRedacted(reader, redacted),
  });
  return {
    reader,
    data: reader.failed ? undefined : data,
    bodyFile: read?.bodyFile,
    mocks: valueAt(map, "mocks"),
    expect: valueAt(map, "expect"),
  };
}

interface ReadRequest {
  readonly request: TestData["request"];
  readonly bodyFile: ParsedTestData["bodyFile"];
}

function readRequest(reader: Reader, node: Node, workflowId: string): ReadRequest | undefined {
  const map = reader.map(node, "`request`", REQUEST_KEYS, "or-nothing");
  if (!map) return undefined;
  const at = (key: string): Node | undefined => valueAt(map, key);
  const method = at("method");
  const url = at("url");
  const query = at("query");
  const headers = at("headers");
  const bodyFile = at("body_file");
  const user = at("user");
  const userId = user && reader.string(user, "`user`");
  const second = map.entries.get("body_file");
  if (second && map.entries.has("body")) {
    reader.error(second.keyRange, "two-bodies", "a request has one body: `body` or `body_file`, not both");
  }
  const address = (url && readUrl(reader, url)) ?? `/test/${workflowId}`;
  const request = {
    method: (method && readMethod(reader, method)) ?? "POST",
    url: address + (query ? readQuery(reader, query, address) : ""),
    headers: headers ? readHeaders(reader, headers) : [],
    body: readBody(reader, at("body")),
    ...(userId === undefined ? {} : { userId }),
  };
  const name = bodyFile && readBodyFile(reader, bodyFile);
  return { request, bodyFile: bodyFile && name !== undefined ? { name, node: bodyFile } : undefined };
}

function readMethod(reader: Reader, node: Node): string | undefined {
  const method = reader.string(node, "`method`");
  if (method === undefined || /^[A-Z][A-Z-]{0,19}$/.test(method)) return method;
  reader.error(node, "bad-method", "`method` is an HTTP method in capitals", "For example POST.");
  return undefined;
}

function readUrl(reader: Reader, node: Node): string | undefined {
  const url = reader.string(node, "`url`");
  if (url === undefined) return undefined;
  const literal = url.replaceAll(/\$\{\{[^{}]*\}\}/g, "");
  if (/^(?:\/|https?:\/\/)[\x21\x22\x24-\x7e]*$/.test(literal)) return url;
  const hint = "Percent-encode other characters: a space is %20.";
  if (url.startsWith("/")) reader.error(node, "bad-url", "`url` holds a character that requests cannot carry", hint);
  else reader.error(node, "bad-url", "`url` is path and query and begins with /", "For example /test/hello?page=2.");
  return undefined;
}

function readQuery(reader: Reader, node: Node, url: string): string {
  const map = reader.map(node, "`query`", undefined, "or-nothing");
  if (!map || map.entries.size === 0) return "";
  const fields = [...map.entries.values()].flatMap(({ key, value }) =>
    (value.kind === "list" ? value.items : [value]).map((one) => [key, readText(reader, one, `\`${key}\``) ?? ""]),
  );
  return `${url.includes("?") ? "&" : "?"}${new URLSearchParams(fields).toString()}`;
}

function readHeaders(reader: Reader, node: Node): [string, string][] {
  if (node.kind === "map") return headersOfMap(reader, node);
  if (node.kind !== "list") {
    reader.wrong(
      node,
      "wrong-type",
      "`headers` as a list of [name, value]",
      "Or as a map, where the order does not matter.",
    );
    return [];
  }
  return node.items.flatMap((item): [string, string][] => {
    if (item.kind !== "list" || item.items.length !== 2) {
      reader.wrong(item, "wrong-type", "a header as [name, value]", "For example [content-type, application/json].");
      return [];
    }
    const [nameNode, valueNode] = item.items as [Node, Node];
    const name = readText(reader, nameNode, "a header's name");
    const value = readText(reader, valueNode, "a header's value");
    if (name === undefined || value === undefined) return [];
    checkHeader(reader, name, nameNode, value, valueNode);
    return [[name, value]];
  });
}

function headersOfMap(reader: Reader, map: MapNode): [string, string][] {
  return [...map.entries.values()].flatMap(({ key, keyRange, value }) =>
    (value.kind === "list" ? value.items : [value]).flatMap((one): [string, string][] => {
      const text = readText(reader, one, `\`${key}\``);
      if (text === undefined) return [];
      checkHeader(reader, key, keyRange, text, one);
      return [[key, text]];
    }),
  );
}

type Spot = Parameters<Reader["error"]>[0];

function checkHeader(reader: Reader, name: string, nameAt: Spot, value: string, valueAt_: Spot): void {
  if (!isHeaderName(name)) reader.error(nameAt, "bad-header", `\`${name.slice(0, 60)}\` cannot be a header's name`);
  if (!isHeaderValue(value)) {
    const hint = "No line breaks, no control characters, nothing beyond Latin-1.";
    reader.error(valueAt_, "bad-header", "a header's value holds a character that headers cannot carry", hint);
  }
}

/** Numbers and booleans as they are written: `007` stays `007`. */
function readText(reader: Reader, node: Node, what: string): string | undefined {
  if (node.kind !== "scalar" || node.value === null) {
    reader.wrong(node, "wrong-type", `${what} as a text`);
    return undefined;
  }
  return typeof node.value === "string" ? node.value : reader.text.slice(node.start, node.end);
}

function readBody(reader: Reader, node: Node | undefined): TestBody {
  if (!node) return { kind: "none" };
  // `body:` with nothing behind it is no body, `body: null` is the JSON null.
  const written = reader.text.slice(node.start, node.end).trim();
  return node.kind === "scalar" && node.value === null && written === ""
    ? { kind: "none" }
    : { kind: "value", value: jsonOf(node) };
}

function readBodyFile(reader: Reader, node: Node): string | undefined {
  const name = reader.string(node, "`body_file`");
  if (name === undefined) return undefined;
  // A test data file is passed around: it must not read what lies elsewhere on the machine.
  if (/^[^/\\:\0]{1,255}$/.test(name) && name !== "." && name !== "..") return name;
  const hint = "Copy the file beside this one.";
  reader.error(node, "bad-path", "`body_file` is the name of a file in the same folder", hint);
  return undefined;
}

function readCaptured(reader: Reader, node: Node): TestData["captured"] {
  const map = reader.map(node, "`captured`", ["at", "id"]);
  const at = map && valueAt(map, "at");
  const id = map && valueAt(map, "id");
  if (map && (!at || !id)) {
    reader.error({ start: map.start, end: map.start + 1 }, "missing-key", "`captured` needs the keys `at` and `id`");
  }
  const atText = at && reader.string(at, "`at`");
  const idText = id && reader.string(id, "`id`");
  if (at && atText !== undefined && Number.isNaN(Date.parse(atText))) {
    reader.error(at, "bad-time", "`at` is an ISO 8601 time", "For example 2026-11-23T15:00:00.000Z.");
  }
  return atText === undefined || idText === undefined ? undefined : { at: atText, id: idText };
}

function readRedacted(reader: Reader, node: Node): Redacted | undefined {
  const map = reader.map(node, "`redacted`");
  if (!map) return undefined;
  const parts = [...map.entries.values()].map(({ key, keyRange, value }): [string, string[]] => {
    if (!/^(?:url|body|headers\.[^\sA-Z]+)$/.test(key)) {
      const hint = "Parts are url, body and headers.<name in lower case>.";
      reader.error(keyRange, "unknown-key", `\`redacted\` has no part \`${key.slice(0, 60)}\``, hint);
    }
    const names = reader.list(value, `\`${key}\``) ?? [];
    return [key, names.flatMap((name) => readSecretName(reader, name) ?? [])];
  });
  return Object.fromEntries(parts);
}

function readSecretName(reader: Reader, node: Node): string | undefined {
  const name = reader.string(node, "a secret's name");
  if (name === undefined || /^[A-Za-z_]\w*$/.test(name)) return name;
  reader.error(node, "bad-secret", `a secret's name consists of letters, digits and _, not ${describeNode(node)}`);
  return undefined;
}
