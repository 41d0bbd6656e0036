/** Reads `http` steps. No I/O. */
import type { HttpAuth, HttpBody, HttpRequest, Pagination } from "../definition.ts";
import type { Template } from "../expression.ts";
import type { Draft } from "./draft.ts";
import { isHeaderName } from "../header-syntax.ts";
import { checkHeaders } from "./headers.ts";
import type { KindInput } from "./kinds.ts";
import { valueAt, type MapNode, type Node } from "./node.ts";
import { present } from "./rule.ts";
import { withRoots, type ParseScope } from "./scope.ts";

export const HTTP_METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
export const RESPONSE_MODES = ["auto", "json", "text", "file"] as const;
const BODY_KINDS = ["json", "form", "multipart", "raw"] as const;
const AUTH_KINDS = ["bearer", "basic", "query", "header", "oauth2"] as const;
const HTTP_KEYS: readonly string[] = [
  "method",
  "url",
  "query",
  "headers",
  ...BODY_KINDS,
  "auth",
  "redirects",
  "max_response",
  "response",
  "paginate",
];

const DEFAULT_MAX_RESPONSE_BYTES = 10_000_000;
const DEFAULT_MAX_PAGES = 100;

export function readHttp(draft: Draft, input: KindInput): { http: HttpRequest } | undefined {
  const { reader, expressions } = draft;
  const { scope } = input;
  const map = reader.map(input.value, "`http`", HTTP_KEYS);
  if (!map) return undefined;
  const at = (key: string): Node | undefined => valueAt(map, key);
  const template = (key: string): Template | undefined => {
    const node = at(key);
    return node && expressions.template(node, scope);
  };
  const urlNode = at("url");
  const url = urlNode && reader.string(urlNode, "`url`");
  if (!urlNode) reader.error(input.key, "missing-key", "`http` needs the key `url`");
  else if (url !== undefined) checkUrl(draft, urlNode, url);
  const query = at("query");
  if (query) expectFields(draft, query, "`query`");
  const headers = at("headers");
  if (headers) checkHeaders(reader, headers);
  const methodNode = at("method");
  const method = methodNode && readMethod(draft, methodNode);
  const auth = at("auth");
  const redirects = at("redirects");
  const maxResponse = at("max_response");
  const response = at("response");
  const paginate = at("paginate");
  const body = readBody(draft, map, scope);
  if (body && (method === undefined || method === "GET" || method === "HEAD")) {
    const range = map.entries.get(body.kind)?.keyRange ?? map;
    const found = method === undefined ? "a request without `method` is a GET and" : `a ${method} request`;
    if (!methodNode || method) reader.error(range, "body-not-sent", `${found} has no body`, "Add `method: POST`.");
  }
  const http = present<HttpRequest>({
    method: method ?? "GET",
    url: expressions.url(urlNode ?? { kind: "scalar", value: "", style: "plain", start: 0, end: 0 }, scope),
    hostIsLiteral: url !== undefined && isLiteralHost(url),
    query: template("query"),
    headers: template("headers"),
    body,
    auth: auth && readAuth(draft, auth, scope),
    maxRedirects: (redirects && reader.integer(redirects, "`redirects`", 0, 20)) ?? 5,
    maxResponseBytes: (maxResponse && reader.size(maxResponse, "`max_response`")) ?? DEFAULT_MAX_RESPONSE_BYTES,
    response: (response && reader.oneOf(response, "`response`", RESPONSE_MODES)) ?? "auto",
    paginate: paginate && readPagination(draft, paginate, scope),
  });
  return { http };
}

function readMethod(draft: Draft, node: Node): string | undefined {
  const text = draft.reader.string(node, "`method`");
  if (text === undefined) return undefined;
  const method = text.toUpperCase();
  if (HTTP_METHODS.includes(method)) return method;
  draft.reader.oneOf(node, "`method`", HTTP_METHODS);
  return undefined;
}

/** True when no expression can change scheme, host or port: they end before the first expression begins. */
function isLiteralHost(url: string): boolean {
  if (!url.includes("${{")) return true;
  const origin = /^https?:\/\/[^/?#\\\s]+[/?#]/i.exec(url)?.[0];
  return origin !== undefined && !origin.includes("${{");
}

function checkUrl(draft: Draft, node: Node, url: string): void {
  const hint = "For example https://api.example.com/items.";
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (!url.includes("${{")) {
    if (!URL.canParse(url) || (scheme !== "http" && scheme !== "https")) {
      draft.reader.error(node, "bad-url", "`url` must be an absolute http or https URL", hint);
    }
  } else if (!url.startsWith("${{") && !/^https?:\/\//i.test(url)) {
    draft.reader.error(node, "bad-url", "`url` must begin with http://, https:// or an expression", hint);
  }
}

/** A map, or an expression that yields one. */
function expectFields(draft: Draft, node: Node, what: string): void {
  if (node.kind === "map") return;
  if (node.kind === "scalar" && typeof node.value === "string" && node.value.includes("${{")) return;
  draft.reader.wrong(node, "wrong-type", `${what} as a map, or an expression that yields one`);
}

function readBody(draft: Draft, map: MapNode, scope: ParseScope): HttpBody | undefined {
  const kinds = BODY_KINDS.filter((kind) => map.entries.has(kind));
  const [kind, second] = kinds;
  if (second !== undefined) {
    const range = map.entries.get(second)?.keyRange ?? map;
    const found = kinds.map((one) => `\`${one}\``).join(", ");
    draft.reader.error(range, "two-bodies", `a request has one body; this one has ${found}`);
  }
  const node = kind && valueAt(map, kind);
  if (kind === undefined || node === undefined) return undefined;
  if (kind === "form" || kind === "multipart") expectFields(draft, node, `\`${kind}\``);
  if (kind === "raw" && node.kind !== "scalar") draft.reader.wrong(node, "wrong-type", "`raw` as a text or a file");
  const value = draft.expressions.template(node, scope);
  if (kind === "form") return { kind, fields: value };
  return kind === "multipart" ? { kind, parts: value } : { kind, value };
}

function readAuth(draft: Draft, node: Node, scope: ParseScope): HttpAuth | undefined {
  const { reader } = draft;
  const map = reader.map(node, "`auth`", AUTH_KINDS);
  if (!map) return undefined;
  const [entry, ...more] = map.entries.values();
  const kind = AUTH_KINDS.find((one) => one === entry?.key);
  if (entry === undefined || more.length > 0) {
    const range = { start: map.start, end: map.start + 1 };
    reader.error(range, "wrong-type", "`auth` takes exactly one kind", `One of: ${AUTH_KINDS.join(", ")}.`);
    return undefined;
  }
  if (kind === undefined) return undefined;
  if (kind === "bearer") return { kind, token: draft.expressions.template(entry.value, scope) };
  const keys = {
    basic: ["username", "password"],
    query: ["name", "value"],
    header: ["name", "value"],
    oauth2: ["token_url", "client_id", "client_secret", "scope", "audience"],
  }[kind];
  const options = reader.map(entry.value, `\`${kind}\``, keys);
  if (!options) return undefined;
  const required = (key: string): Template => {
    const value = valueAt(options, key);
    if (!value) reader.error(entry.keyRange, "missing-key", `\`${kind}\` needs the key \`${key}\``);
    return draft.expressions.template(value ?? entry.value, scope);
  };
  if (kind === "basic") return { kind, username: required("username"), password: required("password") };
  if (kind === "oauth2") {
    const scopeNode = valueAt(options, "scope");
    const audience = valueAt(options, "audience");
    return present<Extract<HttpAuth, { kind: "oauth2" }>>({
      kind,
      tokenUrl: required("token_url"),
      clientId: required("client_id"),
      clientSecret: required("client_secret"),
      scope: scopeNode && draft.expressions.template(scopeNode, scope),
      audience: audience && draft.expressions.template(audience, scope),
    });
  }
  const nameNode = valueAt(options, "name");
  const name = nameNode && reader.string(nameNode, "`name`");
  if (!nameNode) reader.error(entry.keyRange, "missing-key", `\`${kind}\` needs the key \`name\``);
  else if (kind === "header" && name !== undefined && !isHeaderName(name)) {
    reader.error(nameNode, "bad-header", `\`${name}\` cannot be a header's name`);
  }
  return { kind, name: name ?? "", value: required("value") };
}

function readPagination(draft: Draft, node: Node, scope: ParseScope): Pagination | undefined {
  const { reader, expressions } = draft;
  const map = reader.map(node, "`paginate`", ["items", "token", "in", "until", "max_pages"]);
  if (!map) return undefined;
  const start = { start: map.start, end: map.start + 1 };
  const paged = withRoots(scope, "page", "pages");
  const expression = (key: string) => {
    const value = valueAt(map, key);
    return value && expressions.expression(value, `\`${key}\``, paged);
  };
  for (const key of ["items", "token", "in"]) {
    if (!map.entries.has(key)) reader.error(start, "missing-key", `\`paginate\` needs the key \`${key}\``);
  }
  const items = expression("items");
  const token = expression("token");
  const place = valueAt(map, "in");
  const target = place && readTokenPlace(draft, place);
  const until = expression("until");
  const maxPages = valueAt(map, "max_pages");
  const limit = maxPages && reader.integer(maxPages, "`max_pages`", 1, 10_000);
  if (!items || !token || !target) return undefined;
  return present<Pagination>({ items, token, in: target, until, maxPages: limit ?? DEFAULT_MAX_PAGES });
}

function readTokenPlace(draft: Draft, node: Node): Pagination["in"] | undefined {
  const { reader } = draft;
  if (node.kind === "scalar" && node.value === "url") return { kind: "url" };
  const kinds = ["query", "header", "body"] as const;
  if (node.kind !== "map") {
    reader.wrong(node, "wrong-type", "`in` as `url` or a map", "For example `in: { query: cursor }`.");
    return undefined;
  }
  reader.knownKeys(node, "`in`", kinds);
  const kind = kinds.find((one) => node.entries.has(one));
  const value = kind && valueAt(node, kind);
  if (kind === undefined || value === undefined || node.entries.size !== 1) {
    const range = { start: node.start, end: node.start + 1 };
    reader.error(range, "wrong-type", "`in` takes exactly one of `query`, `header`, `body`");
    return undefined;
  }
  const name = reader.string(value, `\`${kind}\``);
  return name === undefined ? undefined : { kind, name };
}
