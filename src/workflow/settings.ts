/** The project's settings: `wf.yaml` at the root. */
import { basename, join, resolve } from "node:path";
import { readText } from "./load.ts";
import { parseDocument } from "./parse/document.ts";
import { valueAt, type MapNode, type Node } from "./parse/node.ts";
import { Reader } from "./parse/reader.ts";
import type { Problem } from "./problem.ts";
import { DEFAULT_USER_TOKENS, readUserTokens, type UserTokenSettings } from "./settings-auth.ts";

export const SETTINGS_FILE = "wf.yaml";

export interface Settings {
  /** Part of URLs. @defaultValue the folder's name in lower case, or `default` */
  readonly project: string;
  /** @defaultValue 127.0.0.1 */
  readonly host: string;
  /** 0 takes a free one. @defaultValue 4000 */
  readonly port: number;
  /** Origins of pages that may call, in lower case; `*` is every page. @defaultValue none */
  readonly corsOrigins: readonly string[];
  /** How long a caller waits for the response step. @defaultValue 55 s */
  readonly responseTimeoutMs: number;
  /** Of one request. @defaultValue 10 MB */
  readonly maxBodyBytes: number;
  /** Executions that run at once. @defaultValue 1000 */
  readonly maxExecutions: number;
  /** How long a graceful end waits. @defaultValue 30 s */
  readonly drainMs: number;
  /** How long ended executions are kept. @defaultValue 90 days */
  readonly retentionMs: number;
  /** Private hosts that expressions may name. @defaultValue none */
  readonly allowPrivate: readonly string[];
  readonly userTokens: UserTokenSettings;
  /** How many captures are kept: of each workflow, and bytes of all bodies. @defaultValue 1000, 500 MB */
  readonly captures: { readonly maxPerWorkflow: number; readonly maxBytes: number };
  /** A folder relative to the root, or a URL. @defaultValue .wf */
  readonly store: string;
}

export interface LoadedSettings {
  /** Defaults stand where the file is silent or wrong. */
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  /** The file's text; empty when there is none. */
  readonly source: string;
}

const LIMIT_KEYS = ["response_timeout", "max_body", "max_executions", "drain"];
const KEYS = ["project", "server", "limits", "retention", "http", "auth", "captures", "store"];

/** Reads `wf.yaml`; without one, everything is at its default. */
export async function loadSettings(root: string): Promise<LoadedSettings> {
  const read = await readText(join(root, SETTINGS_FILE));
  const defaults = defaultSettings(root);
  if (read === undefined) return { settings: defaults, problems: [], source: "" };
  if ("reason" in read) {
    const place = { line: 1, column: 1, length: 1 };
    const problem: Problem = { severity: "error", check: read.check, file: SETTINGS_FILE, place, message: read.reason };
    return { settings: defaults, problems: [problem], source: "" };
  }
  const text = read.text.startsWith("\uFEFF") ? read.text.slice(1) : read.text;
  const reader = new Reader(SETTINGS_FILE, text);
  const document = parseDocument(text);
  for (const error of document.errors) reader.error(error, error.check, error.message, error.hint);
  const map = document.root && reader.map(document.root, "wf.yaml", KEYS, "or-nothing");
  const settings = map ? readSettings(reader, map, defaults, root) : defaults;
  return { settings, problems: reader.problems(), source: read.text };
}

function defaultSettings(root: string): Settings {
  const slug = basename(resolve(root))
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
  return {
    project: slug === "" ? "default" : slug,
    host: "127.0.0.1",
    port: 4000,
    corsOrigins: [],
    responseTimeoutMs: 55_000,
    maxBodyBytes: 10_000_000,
    maxExecutions: 1000,
    drainMs: 30_000,
    retentionMs: 90 * 86_400_000,
    allowPrivate: [],
    userTokens: DEFAULT_USER_TOKENS,
    captures: { maxPerWorkflow: 1_000, maxBytes: 500_000_000 },
    store: ".wf",
  };
}

function readSettings(reader: Reader, map: MapNode, defaults: Settings, root: string): Settings {
  const section = (key: string, keys: readonly string[]): MapNode | undefined => {
    const node = valueAt(map, key);
    return node && reader.map(node, `\`${key}\``, keys, "or-nothing");
  };
  const server = section("server", ["host", "port", "cors_origins"]);
  const limits = section("limits", LIMIT_KEYS);
  const http = section("http", ["allow_private"]);
  const captures = section("captures", ["max_per_workflow", "max_bytes"]);
  const auth = section("auth", ["user_token"]);
  const read = <T>(
    from: MapNode | undefined,
    key: string,
    how: (node: Node, what: string) => T | undefined,
  ): T | undefined => {
    const node = from && valueAt(from, key);
    return node && how(node, `\`${key}\``);
  };
  const text = (node: Node, what: string) => reader.string(node, what);
  return {
    project: read(map, "project", (node, what) => readProject(reader, node, what)) ?? defaults.project,
    host: read(server, "host", text) ?? defaults.host,
    port: read(server, "port", (node, what) => reader.integer(node, what, 0, 65_535)) ?? defaults.port,
    corsOrigins: read(server, "cors_origins", (node, what) => readOrigins(reader, node, what)) ?? defaults.corsOrigins,
    responseTimeoutMs:
      read(limits, "response_timeout", (node, what) => reader.duration(node, what, 1)) ?? defaults.responseTimeoutMs,
    maxBodyBytes: read(limits, "max_body", (node, what) => reader.size(node, what)) ?? defaults.maxBodyBytes,
    maxExecutions:
      read(limits, "max_executions", (node, what) => reader.integer(node, what, 1, 1_000_000)) ??
      defaults.maxExecutions,
    drainMs: read(limits, "drain", (node, what) => reader.duration(node, what)) ?? defaults.drainMs,
    retentionMs: read(map, "retention", (node, what) => reader.duration(node, what, 1)) ?? defaults.retentionMs,
    allowPrivate: read(http, "allow_private", (node, what) => readHosts(reader, node, what)) ?? defaults.allowPrivate,
    userTokens: auth ? readUserTokens(reader, auth, root) : defaults.userTokens,
    captures: {
      maxPerWorkflow:
        read(captures, "max_per_workflow", (node, what) => reader.integer(node, what, 1, 1_000_000)) ??
        defaults.captures.maxPerWorkflow,
      maxBytes: read(captures, "max_bytes", (node, what) => reader.size(node, what)) ?? defaults.captures.maxBytes,
    },
    store: read(map, "store", text) ?? defaults.store,
  };
}

function readProject(reader: Reader, node: Node, what: string): string | undefined {
  const project = reader.string(node, what);
  if (project === undefined || /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(project)) return project;
  const hint = "Letters, digits, - and _, at most 64: it is part of URLs.";
  reader.error(node, "bad-id", `\`${project.slice(0, 60)}\` cannot be a project's id`, hint);
  return undefined;
}

function readHosts(reader: Reader, node: Node, what: string): readonly string[] | undefined {
  return reader.list(node, what)?.flatMap((item) => reader.string(item, "a host") ?? []);
}

function readOrigins(reader: Reader, node: Node, what: string): readonly string[] | undefined {
  return reader.list(node, what)?.flatMap((item) => {
    const text = reader.string(item, "an origin");
    if (text === undefined || text === "*") return text ?? [];
    const origin = URL.canParse(text) ? new URL(text).origin : "null";
    if (/^https?:/i.test(text) && origin === text.toLowerCase()) return origin;
    const range = { start: item.start, end: item.end };
    const hint = "For example `https://app.example.com`: scheme, host and port alone; `*` is every page.";
    reader.error(range, "bad-origin", `\`${text.slice(0, 100)}\` is not an origin`, hint);
    return [];
  });
}
