/** The part of wf.yaml that says what user tokens are checked with. */
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { valueAt, type MapNode, type Node } from "./parse/node.ts";
import type { Reader } from "./parse/reader.ts";

type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** Where public keys come from: a PEM file relative to the root, or the URL of a JSON Web Key Set. */
export type TokenKeySource = { readonly pemFile: string } | { readonly jwks: string };

export interface UserTokenSettings {
  /** Any of them is right, so that keys can be rotated. @defaultValue none: every user token is refused */
  readonly keys: readonly TokenKeySource[];
  /** @defaultValue RS256 alone */
  readonly algorithms: readonly TokenAlgorithm[];
  /** How far the clocks of whoever makes tokens and of this server may differ. @defaultValue 5 s */
  readonly clockToleranceMs: number;
}

/** Signatures by public key only: with a shared secret among them, the public key itself could sign. */
const TOKEN_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] as const;
const MIN_RSA_BITS = 2048;
const KEYS_HINT =
  "For example `keys: [{ pem_file: user-token.pub.pem }, { jwks: https://login.example.com/jwks.json }]`.";

export const DEFAULT_USER_TOKENS: UserTokenSettings = { keys: [], algorithms: ["RS256"], clockToleranceMs: 5_000 };

/** Reads `auth` of wf.yaml. */
export function readUserTokens(reader: Reader, auth: MapNode, root: string): UserTokenSettings {
  const node = valueAt(auth, "user_token");
  const map = node && reader.map(node, "`user_token`", ["keys", "algorithms", "clock_tolerance"], "or-nothing");
  if (!map) return DEFAULT_USER_TOKENS;
  const keys = valueAt(map, "keys");
  const algorithms = valueAt(map, "algorithms");
  const tolerance = valueAt(map, "clock_tolerance");
  return {
    keys: (keys && reader.list(keys, "`keys`")?.flatMap((item) => readKey(reader, item, root) ?? [])) ?? [],
    algorithms: (algorithms && readAlgorithms(reader, algorithms)) ?? DEFAULT_USER_TOKENS.algorithms,
    clockToleranceMs:
      (tolerance && reader.duration(tolerance, "`clock_tolerance`")) ?? DEFAULT_USER_TOKENS.clockToleranceMs,
  };
}

function readAlgorithms(reader: Reader, node: Node): readonly TokenAlgorithm[] | undefined {
  const found = reader
    .list(node, "`algorithms`")
    ?.flatMap((item) => reader.oneOf(item, "an algorithm", TOKEN_ALGORITHMS) ?? []);
  return found === undefined || found.length === 0 ? undefined : found;
}

function readKey(reader: Reader, node: Node, root: string): TokenKeySource | undefined {
  const map = reader.map(node, "a key", ["pem_file", "jwks"]);
  if (!map) return undefined;
  const pemFile = valueAt(map, "pem_file");
  const jwks = valueAt(map, "jwks");
  const source = pemFile ?? jwks;
  if (source === undefined || (pemFile && jwks)) {
    const range = { start: node.start, end: node.start + 1 };
    reader.error(range, "missing-key", "a key has either `pem_file` or `jwks`", KEYS_HINT);
    return undefined;
  }
  const text = reader.string(source, pemFile ? "`pem_file`" : "`jwks`");
  if (text === undefined) return undefined;
  const wrong = pemFile ? wrongPem(resolve(root, text)) : wrongUrl(text);
  if (wrong === undefined) return pemFile ? { pemFile: text } : { jwks: text };
  reader.error(source.kind === "scalar" ? source : node, "bad-key", wrong.message, wrong.hint);
  return undefined;
}

function wrongPem(file: string): { message: string; hint?: string } | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === "ENOENT" ? "there is no such file" : `the file cannot be read (${code})`;
    return { message, hint: "`wf token keys` makes a key pair; the path is relative to wf.yaml." };
  }
  if (text.includes("PRIVATE KEY")) {
    return {
      message: "this is a private key",
      hint: "Name the public key: the private one belongs to whoever makes tokens.",
    };
  }
  try {
    const { asymmetricKeyDetails, asymmetricKeyType } = createPublicKey(text);
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    if (asymmetricKeyType !== "rsa" || bits >= MIN_RSA_BITS) return undefined;
    return { message: `an RSA key of ${bits} bits is too weak`, hint: `Use ${MIN_RSA_BITS} bits or more.` };
  } catch {
    return { message: "this is no public key in PEM form", hint: "It begins with `-----BEGIN PUBLIC KEY-----`." };
  }
}

/** Whoever could change the answer on its way could sign tokens. */
function wrongUrl(text: string): { message: string; hint?: string } | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) return undefined;
  return { message: "a key set is fetched by https", hint: "http is for this machine only." };
}
