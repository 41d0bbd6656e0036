/** Reads how a trigger's callers prove who they are. No I/O. */
import { contentHas, hmacScheme, parseContent, type HmacOptions, type SignedContent } from "../../signature/hmac.ts";
import { PRESET_NAMES, SIGNATURE_PRESETS, type PresetName } from "../../signature/presets.ts";
import { DEFAULT_TOLERANCE_MS, type SignatureScheme } from "../../signature/scheme.ts";
import type { AuthKind, TriggerAuth } from "../definition.ts";
import { isHeaderName } from "../header-syntax.ts";
import type { Draft } from "./draft.ts";
import { valueAt, type MapNode, type Node, type Range } from "./node.ts";
import type { Reader } from "./reader.ts";
import { present } from "./rule.ts";

const AUTH_KINDS: readonly AuthKind[] = ["none", "user-token", "api-key", "basic", "bearer", "signature"];
export const MAC_ALGORITHMS = ["sha1", "sha256", "sha384", "sha512"] as const;
export const MAC_ENCODINGS = ["hex", "base64", "base64url"] as const;
export const TIME_FORMATS = ["seconds", "milliseconds", "iso"] as const;

const NONE: TriggerAuth = { kind: "none" };
const DEFAULT_KEY_HEADER = "x-api-key";
const SECRET_HINT =
  "Name a secret of the environment or .env: `secret: MY_SECRET`, or a list of names while you rotate it.";

/** An example of each kind that cannot do without options. */
const OPTIONS: { readonly [kind in AuthKind]?: string } = {
  basic: "{ basic: { username: partner, secret: PARTNER_PASSWORD } }",
  bearer: "{ bearer: { secret: PARTNER_TOKEN } }",
  signature: "{ signature: { preset: github, secret: GITHUB_WEBHOOK_SECRET } }",
};

/** Reads `auth`; what it cannot read is reported, and the file does not go live. */
export function readAuth(draft: Draft, node: Node): TriggerAuth {
  const { reader } = draft;
  if (node.kind === "scalar") {
    const kind = reader.oneOf(node, "`auth`", AUTH_KINDS);
    if (kind === undefined) return NONE;
    draft.auth = { kind, range: node };
    const form = OPTIONS[kind];
    if (form === undefined) return readKind(draft, kind, node, undefined);
    reader.error(
      node,
      "missing-key",
      `\`${kind}\` does not say what to check callers with`,
      `For example \`auth: ${form}\`.`,
    );
    return NONE;
  }
  const map = reader.map(node, "`auth`", AUTH_KINDS);
  if (!map) return NONE;
  const [entry, ...more] = map.entries.values();
  if (entry === undefined || more.length > 0) {
    const hint = `One of: ${AUTH_KINDS.join(", ")}.`;
    reader.error(rangeOf(node), "wrong-type", "`auth` as a map takes exactly one kind", hint);
    return NONE;
  }
  const kind = AUTH_KINDS.find((one) => one === entry.key);
  if (kind === undefined) return NONE;
  draft.auth = { kind, range: entry.keyRange };
  return readKind(draft, kind, entry.keyRange, entry.value);
}

function readKind(draft: Draft, kind: AuthKind, range: Range, options: Node | undefined): TriggerAuth {
  const { reader } = draft;
  const read = (keys: readonly string[]): MapNode | undefined =>
    options && reader.map(options, `\`${kind}\``, keys, "or-nothing");
  switch (kind) {
    case "none":
    case "user-token":
      read([]);
      return { kind };
    case "api-key": {
      const map = read(["header", "secret"]);
      if (!map || map.entries.size === 0) return { kind, header: DEFAULT_KEY_HEADER, secrets: [] };
      const header = valueAt(map, "header");
      const name = header && readHeader(reader, header);
      return {
        kind,
        header: (name ?? DEFAULT_KEY_HEADER).toLowerCase(),
        secrets: readSecrets(draft, map, range, kind),
      };
    }
    case "bearer":
      return { kind, secrets: readSecrets(draft, read(["secret"]), range, kind) };
    case "basic": {
      const map = read(["username", "secret"]);
      const secrets = readSecrets(draft, map, range, kind);
      const username = map && valueAt(map, "username");
      if (map && !username) reader.error(range, "missing-key", "`basic` needs the key `username`");
      return { kind, username: (username && readUsername(reader, username)) ?? "", secrets };
    }
    case "signature":
      return readSignature(draft, read, range);
    default:
      return kind satisfies never;
  }
}

function readSignature(
  draft: Draft,
  read: (keys: readonly string[]) => MapNode | undefined,
  range: Range,
): TriggerAuth {
  const { reader } = draft;
  const map = read(["preset", "header", ...HMAC_KEYS, "secret", "tolerance", "origin"]);
  const secrets = readSecrets(draft, map, range, "signature");
  const tolerance = map && valueAt(map, "tolerance");
  const origin = map && valueAt(map, "origin");
  return present<TriggerAuth & { kind: "signature" }>({
    kind: "signature",
    scheme: (map && readScheme(reader, map, range)) ?? SIGNATURE_PRESETS.github,
    secrets,
    toleranceMs: (tolerance && reader.duration(tolerance, "`tolerance`", 1000)) ?? DEFAULT_TOLERANCE_MS,
    origin: origin && readOrigin(reader, origin),
  });
}

const HMAC_KEYS: readonly string[] = ["algorithm", "encoding", "prefix", "timestamp", "id", "content"];

function readScheme(reader: Reader, map: MapNode, range: Range): SignatureScheme | undefined {
  const preset = valueAt(map, "preset");
  const header = valueAt(map, "header");
  if ((preset === undefined) === (header === undefined)) {
    const hint = `A preset is one of ${PRESET_NAMES.join(", ")}; the header is where any other sender puts its HMAC.`;
    reader.error(range, "missing-key", "`signature` needs either `preset` or `header`", hint);
    return undefined;
  }
  if (header !== undefined) return hmacScheme(readHmac(reader, map, header));
  for (const { key, keyRange } of map.entries.values()) {
    if (!HMAC_KEYS.includes(key)) continue;
    reader.error(keyRange, "unknown-key", `a preset decides \`${key}\` itself`, "Remove one of the two.");
  }
  const name = preset && reader.oneOf<PresetName>(preset, "`preset`", PRESET_NAMES);
  return name && SIGNATURE_PRESETS[name];
}

function readHmac(reader: Reader, map: MapNode, header: Node): HmacOptions {
  const at = (key: string): Node | undefined => valueAt(map, key);
  const algorithm = at("algorithm");
  const encoding = at("encoding");
  const prefix = at("prefix");
  const timestamp = at("timestamp");
  const id = at("id");
  const content = at("content");
  const options = present<HmacOptions>({
    header: readHeader(reader, header) ?? "",
    algorithm: algorithm && reader.oneOf(algorithm, "`algorithm`", MAC_ALGORITHMS),
    encoding: encoding && reader.oneOf(encoding, "`encoding`", MAC_ENCODINGS),
    prefix: prefix && reader.string(prefix, "`prefix`"),
    timestamp: timestamp && readTimestamp(reader, timestamp),
    id: id && readHeader(reader, id),
  });
  if (content === undefined) return options;
  const parts = readContent(reader, content, { timestamp: timestamp !== undefined, id: id !== undefined });
  return parts ? { ...options, content: parts } : options;
}

function readTimestamp(reader: Reader, node: Node): HmacOptions["timestamp"] {
  const map = reader.map(node, "`timestamp`", ["header", "format"]);
  if (!map) return undefined;
  const header = valueAt(map, "header");
  const format = valueAt(map, "format");
  if (!header) reader.error(rangeOf(node), "missing-key", "`timestamp` needs the key `header`");
  const name = header && readHeader(reader, header);
  return name === undefined
    ? undefined
    : { header: name, format: (format && reader.oneOf(format, "`format`", TIME_FORMATS)) ?? "seconds" };
}

/** What is not signed can be changed by anyone: a time outside of the content would protect from nothing. */
function readContent(
  reader: Reader,
  node: Node,
  has: { readonly timestamp: boolean; readonly id: boolean },
): SignedContent | undefined {
  const text = reader.string(node, "`content`");
  const content = text === undefined ? undefined : parseContent(text);
  if (content === undefined) return undefined;
  if ("unknown" in content) {
    const hint = "Parts: {timestamp}, {id}, {body}, {url}; everything else is taken as it is.";
    reader.error(node, "unknown-value", `\`content\` has no part \`{${content.unknown.slice(0, 30)}}\``, hint);
    return undefined;
  }
  const wrong = (message: string, hint: string): void => reader.error(node, "bad-content", message, hint);
  if (!contentHas(content, "body")) {
    wrong("`content` leaves the body unsigned", "Put {body} where the sender puts the request's body.");
  }
  for (const name of ["timestamp", "id"] as const) {
    if (contentHas(content, name) && !has[name]) {
      wrong(`\`content\` has {${name}}, and nothing says where it stands`, `Add the key \`${name}\` with its header.`);
    }
  }
  if (has.timestamp && !contentHas(content, "timestamp")) {
    wrong("`content` leaves the timestamp unsigned", "Put {timestamp} into it, or remove the key `timestamp`.");
  }
  return content;
}

/** `NAME`, `${{ secrets.NAME }}`, or a list of them. */
function readSecrets(draft: Draft, map: MapNode | undefined, range: Range, kind: AuthKind): readonly string[] {
  const { reader } = draft;
  const node = map && valueAt(map, "secret");
  if (node === undefined) {
    reader.error(range, "missing-key", `\`${kind}\` needs the key \`secret\``, SECRET_HINT);
    return [];
  }
  const items = node.kind === "list" ? node.items : [node];
  if (items.length === 0) reader.error(rangeOf(node), "out-of-range", "`secret` needs at least one name", SECRET_HINT);
  return items.flatMap((item) => {
    const text = reader.string(item, "the name of a secret");
    if (text === undefined) return [];
    const name = /^(?:\$\{\{\s*secrets\.([A-Za-z_]\w*)\s*\}\}|([A-Za-z_]\w*))$/.exec(text.trim());
    const found = name?.[1] ?? name?.[2];
    if (found === undefined) {
      // The text itself is not shown: it may well be the secret.
      reader.error(rangeOf(item), "bad-secret", "this is no name of a secret", SECRET_HINT);
      return [];
    }
    draft.authSecrets.push({ name: found, range: rangeOf(item) });
    return [found];
  });
}

function readHeader(reader: Reader, node: Node): string | undefined {
  const name = reader.string(node, "a header's name");
  if (name === undefined || isHeaderName(name)) return name;
  reader.error(
    node.kind === "scalar" ? node : rangeOf(node),
    "bad-header",
    `\`${name.slice(0, 60)}\` cannot be a header's name`,
  );
  return undefined;
}

function readUsername(reader: Reader, node: Node): string | undefined {
  const name = reader.string(node, "`username`");
  if (name === undefined || !name.includes(":")) return name;
  reader.error(rangeOf(node), "unknown-value", "a username cannot hold a colon: it ends at the first one (RFC 7617)");
  return undefined;
}

function readOrigin(reader: Reader, node: Node): string | undefined {
  const text = reader.string(node, "`origin`");
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && text.replace(/\/$/, "") === url.origin) return url.origin;
  reader.error(
    rangeOf(node),
    "unknown-value",
    "`origin` is scheme and host of a URL",
    "For example https://hooks.example.com.",
  );
  return undefined;
}

function rangeOf(node: Node): Range {
  return node.kind === "scalar" ? node : { start: node.start, end: node.start + 1 };
}
