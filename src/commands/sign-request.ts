/** Signs a request anew, as its sender would: with a fresh time and the sender's secret. */
import { headerOf } from "../capture/test-data.ts";
import { withHeader } from "../capture/request-edit.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { Secrets } from "../secrets.ts";
import { hmacScheme } from "../signature/hmac.ts";
import { PRESET_NAMES, SIGNATURE_PRESETS, type PresetName } from "../signature/presets.ts";
import type { SignatureScheme } from "../signature/scheme.ts";
import { isHeaderName } from "../workflow/header-syntax.ts";
import { nearest } from "../workflow/parse/reader.ts";
import { findRoot } from "./project.ts";

export interface SigningOptions {
  readonly dir?: string;
  /** A preset, or `hmac:<header>`. */
  readonly sign?: string;
  /** Name of the secret. */
  readonly secret?: string;
}

export interface Signing {
  readonly scheme: SignatureScheme;
  readonly secret: string;
}

/**
 * @returns undefined without `--sign`
 * @throws {@link WfError} `USAGE` for an unknown preset or without a secret's name; `SECRET_MISSING`
 */
export async function readSigning(_workflow: string, options: SigningOptions): Promise<Signing | undefined> {
  if (options.sign === undefined) {
    if (options.secret === undefined) return undefined;
    throw new WfError("USAGE", "--secret names the secret that --sign signs with; --sign is missing.");
  }
  const scheme = readScheme(options.sign);
  if (options.secret === undefined) {
    throw new WfError("USAGE", "--sign needs the name of the secret to sign with.", {
      hint: "Add --secret NAME; its value comes from the environment or .env.",
    });
  }
  return { scheme, secret: findSecret(options.secret, options.dir) };
}

function readScheme(text: string): SignatureScheme {
  if (Object.hasOwn(SIGNATURE_PRESETS, text)) return SIGNATURE_PRESETS[text as PresetName];
  const header = /^hmac:(.+)$/.exec(text)?.[1];
  if (header !== undefined && isHeaderName(header)) return hmacScheme({ header });
  const near = nearest(text, PRESET_NAMES);
  const known = `One of: ${PRESET_NAMES.join(", ")}, or hmac:<header>.`;
  throw new WfError("USAGE", `--sign knows no "${text}".`, {
    hint: near === undefined ? known : `Did you mean \`${near}\`? ${known}`,
  });
}

function findSecret(name: string, dir: string | undefined): string {
  const value = Secrets.load(rootOrHere(dir)).values[name];
  if (value !== undefined && value !== "") return value;
  throw new WfError("SECRET_MISSING", `--secret: ${name} is not set.`);
}

function rootOrHere(dir: string | undefined): string {
  try {
    return findRoot(dir);
  } catch (error) {
    // With --url the command works outside of any project: the environment holds the secret.
    if (dir === undefined) return process.cwd();
    throw error;
  }
}

/** @returns The request with the scheme's headers in place of those it has. */
export function sign(request: CapturedRequest, { scheme, secret }: Signing, base: URL): CapturedRequest {
  const names = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const url = base.origin + request.url;
  const headers = Object.fromEntries([...names].map((name) => [name, joined(request, name)]));
  const signed = scheme.sign({ url, headers, body: request.body }, secret, Date.now());
  const fields = Object.entries(signed);
  return {
    ...request,
    headers: fields.reduce((list, [name, value]) => withHeader(list, name, value), request.headers),
  };
}

function joined({ headers }: CapturedRequest, name: string): string {
  const values = headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  return values.length > 1 ? values.join(", ") : (headerOf(headers, name) ?? "");
}
