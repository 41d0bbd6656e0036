/** Signs a request anew, as its sender would: with a fresh time and the sender's secret. */
import { join } from "node:path";
import { headerOf } from "../capture/test-data.ts";
import { withHeader } from "../capture/request-edit.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { Secrets } from "../secrets.ts";
import { hmacScheme } from "../signature/hmac.ts";
import { PRESET_NAMES, SIGNATURE_PRESETS, type PresetName } from "../signature/presets.ts";
import type { SignatureScheme } from "../signature/scheme.ts";
import type { TriggerAuth } from "../workflow/definition.ts";
import { isHeaderName } from "../workflow/header-syntax.ts";
import { listWorkflowIds, readText, WORKFLOWS_FOLDER } from "../workflow/load.ts";
import { nearest } from "../workflow/parse/reader.ts";
import { readWorkflow } from "../workflow/parse.ts";
import { findRoot } from "./project.ts";
import { requireWorkflow } from "./workflow-id.ts";

export interface SigningOptions {
  readonly dir?: string;
  /** A preset, or `hmac:<header>`; true for what the workflow's `auth` says. */
  readonly sign?: string | true;
  /** Name of the secret. */
  readonly secret?: string;
}

export interface Signing {
  readonly scheme: SignatureScheme;
  readonly secret: string;
  /** What the sender takes for the server. @defaultValue the server's own address */
  readonly origin?: string;
}

/**
 * Finds how to sign: what the options leave open, the workflow's `auth` says.
 *
 * @returns undefined without `--sign`
 * @throws {@link WfError} `USAGE` for an unknown preset, or where nothing names the scheme or the secret; `SECRET_MISSING`;
 * `WORKFLOW_NOT_FOUND`, `WORKFLOW_INVALID`
 */
export async function readSigning(workflow: string, options: SigningOptions): Promise<Signing | undefined> {
  if (options.sign === undefined) {
    if (options.secret === undefined) return undefined;
    throw new WfError("USAGE", "--secret names the secret that --sign signs with; --sign is missing.");
  }
  const named = options.sign === true ? undefined : readScheme(options.sign);
  if (named && options.secret !== undefined) return { scheme: named, secret: findSecret(options.secret, options.dir) };
  const auth = await findAuth(workflow, options, named !== undefined);
  const scheme = named ?? auth?.scheme;
  // The first is the newest while they are rotated.
  const secret = options.secret ?? auth?.secrets[0];
  if (scheme === undefined || secret === undefined) {
    throw new WfError("USAGE", "--sign needs the name of the secret to sign with.", {
      hint: "Add --secret NAME; its value comes from the environment or .env.",
    });
  }
  const origin = auth?.origin;
  return { scheme, secret: findSecret(secret, options.dir), ...(origin === undefined ? {} : { origin }) };
}

type SignatureAuth = TriggerAuth & { readonly kind: "signature" };

/** @param optional - Without a signature in the workflow's `auth`, or without a project, there is none. */
async function findAuth(
  workflow: string,
  options: SigningOptions,
  optional: boolean,
): Promise<SignatureAuth | undefined> {
  if (optional && options.dir === undefined && rootOrHere(undefined) === undefined) return undefined;
  const auth = await readAuthOf(findRoot(options.dir), workflow);
  if (auth.kind === "signature") return auth;
  if (optional) return undefined;
  throw new WfError("USAGE", `The workflow ${workflow} has no \`auth: { signature: … }\` that says how to sign.`, {
    hint: `Name a preset: ${PRESET_NAMES.join(", ")}, or hmac:<header>.`,
  });
}

async function readAuthOf(root: string, workflow: string): Promise<TriggerAuth> {
  requireWorkflow(workflow, await listWorkflowIds(root));
  for (const extension of ["yaml", "yml"]) {
    const file = `${WORKFLOWS_FOLDER}/${workflow}.${extension}`;
    const read = await readText(join(root, file));
    const auth = read && "text" in read ? readWorkflow(workflow, file, read.text).content?.request.auth : undefined;
    if (auth) return auth;
  }
  throw new WfError("WORKFLOW_INVALID", `The workflow ${workflow} has mistakes, so that its \`auth\` is not known.`);
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
  const value = Secrets.load(rootOrHere(dir) ?? process.cwd()).values[name];
  if (value !== undefined && value !== "") return value;
  throw new WfError("SECRET_MISSING", `The secret ${name} to sign with is not set.`);
}

/** With --url the command works outside of any project: the environment holds the secret. */
function rootOrHere(dir: string | undefined): string | undefined {
  try {
    return findRoot(dir);
  } catch (error) {
    if (dir === undefined) return undefined;
    throw error;
  }
}

/** @returns The request with the scheme's headers in place of those it has. */
export function sign(request: CapturedRequest, { scheme, secret, origin }: Signing, base: URL): CapturedRequest {
  const names = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const url = (origin ?? base.origin) + request.url;
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
