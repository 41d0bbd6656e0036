/** The request that `wf trigger` sends: from options, or from test data that options change. */
import { editRequest, parseSet, parseUnset, type RequestEdit, withHeader } from "../capture/request-edit.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import {
  checkHeader,
  readRequestOptions,
  type RequestOptions,
  type RequestParts,
  withParts,
} from "./request-options.ts";
import type { HeaderList } from "./send.ts";
import type { Signing, SigningOptions } from "./sign-request.ts";

export interface TriggerRequestOptions extends RequestOptions, SigningOptions {
  readonly dir?: string;
  readonly idempotencyKey?: string;
  readonly testData?: string;
  readonly set?: readonly string[];
  readonly unset?: readonly string[];
}

export interface TriggerRequest {
  readonly method: string;
  readonly url: URL;
  /** Path and query, byte for byte. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
}

/** @throws {@link WfError} `USAGE` for what cannot be sent; what reading test data and secrets throws */
export async function buildRequest(
  base: URL,
  workflow: string,
  options: TriggerRequestOptions,
): Promise<TriggerRequest> {
  const parts = await readRequestOptions(options);
  const edits = [...(options.set ?? []).map(parseSet), ...(options.unset ?? []).map(parseUnset)];
  // Loaded only when asked for: a plain request is sent without the parser of workflow files.
  const signer =
    options.sign === undefined && options.secret === undefined ? undefined : await import("./sign-request.ts");
  const signing = await signer?.readSigning(workflow, options);
  const replaced = replacedHeaders(parts, edits, signing);
  const saved =
    options.testData === undefined
      ? { method: "POST", url: "/", headers: [], body: Buffer.alloc(0) }
      : await (await import("./saved-request.ts")).loadSavedRequest(workflow, options.testData, options.dir, replaced);
  const path = `${base.pathname.replace(/\/+$/, "")}/triggers/${encodeURIComponent(workflow)}`;
  const query = saved.url.includes("?") ? saved.url.slice(saved.url.indexOf("?")) : "";
  let request: CapturedRequest = withParts({ ...saved, url: path + query }, parts);
  for (const edit of edits) request = editRequest(request, edit);
  if (options.idempotencyKey !== undefined) {
    checkHeader("idempotency-key", options.idempotencyKey, "--idempotency-key");
    request = { ...request, headers: withHeader(request.headers, "idempotency-key", options.idempotencyKey) };
  }
  if (signer && signing) request = signer.sign(request, signing, base);
  return {
    method: request.method,
    url: new URL(request.url, base),
    target: request.url,
    headers: request.headers,
    body: request.body.byteLength > 0 || parts.data !== undefined ? request.body : undefined,
  };
}

/** Lower-case names of the headers that are given anew. */
function replacedHeaders(
  { headers }: RequestParts,
  edits: readonly RequestEdit[],
  signing: Signing | undefined,
): ReadonlySet<string> {
  const edited = edits.flatMap((edit) => (edit.part === "headers" ? [edit.name.toLowerCase()] : []));
  return new Set([...headers.map(([name]) => name.toLowerCase()), ...edited, ...(signing?.scheme.headers ?? [])]);
}
