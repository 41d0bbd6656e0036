import { createHash } from "node:crypto";
import { WfError } from "../../errors.ts";
import { readAnswer } from "./answer.ts";
import { encodeBody } from "./body.ts";
import type { Dispatchers } from "./dispatcher.ts";
import { exchange } from "./exchange.ts";
import type { RequestHeaders } from "./headers.ts";
import type { FileStore } from "../files.ts";
import type { Value } from "../../value.ts";

export interface ClientCredentials {
  readonly tokenUrl: URL;
  /** True when the token URL is data. */
  readonly guarded: boolean;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
  readonly audience: string | undefined;
}

/** Access tokens of the client-credentials grant (RFC 6749 section 4.4), kept until shortly before they expire. */
export interface TokenCache {
  /**
   * @param stale - A token that was refused: fetched anew unless another call has done so already.
   * @throws {@link WfError} `HTTP_FAILED` when the token endpoint refuses; another error is the connection's
   */
  token(credentials: ClientCredentials, signal: AbortSignal, stale?: string): Promise<string>;
}

/** A token is not used in its last moments: it could expire on the way. */
const SKEW_MS = 30_000;
const DEFAULT_LIFETIME_MS = 300_000;
const FETCH_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 1_000_000;
const MAX_CACHED = 1_000;

export function createTokenCache(options: {
  readonly dispatchers: Dispatchers;
  readonly files: FileStore;
  readonly headers: RequestHeaders;
  readonly now: () => number;
}): TokenCache {
  const cached = new Map<string, { readonly token: string; readonly until: number }>();
  const fetching = new Map<string, Promise<string>>();

  async function renew(key: string, credentials: ClientCredentials): Promise<string> {
    const { token, lifetimeMs } = await fetchToken(credentials, options);
    if (cached.size >= MAX_CACHED) cached.clear();
    cached.set(key, { token, until: options.now() + Math.max(lifetimeMs - SKEW_MS, lifetimeMs / 2) });
    return token;
  }

  return {
    token: (credentials, signal, stale) => {
      const key = keyOf(credentials);
      const known = cached.get(key);
      if (known && known.until > options.now() && known.token !== stale) return Promise.resolve(known.token);
      let fetch = fetching.get(key);
      if (!fetch) {
        // Not under the caller's signal: others wait for the same token, and outlive a caller that gives up.
        fetch = renew(key, credentials).finally(() => fetching.delete(key));
        fetching.set(key, fetch);
      }
      return orAborted(fetch, signal);
    },
  };
}

function keyOf(credentials: ClientCredentials): string {
  const secret = createHash("sha256").update(credentials.clientSecret).digest("hex");
  const { tokenUrl, guarded, clientId, scope, audience } = credentials;
  return JSON.stringify([tokenUrl.href, guarded, clientId, secret, scope, audience]);
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}

async function fetchToken(
  credentials: ClientCredentials,
  options: { readonly dispatchers: Dispatchers; readonly files: FileStore; readonly headers: RequestHeaders },
): Promise<{ token: string; lifetimeMs: number }> {
  const first = await askToken(credentials, "header", options);
  // RFC 6749 section 2.3.1 makes Basic the form that every server has to take; some take the body's form only.
  const refused = first.status >= 400 && first.answer["error"] === "invalid_client";
  const { status, answer } = refused ? await askToken(credentials, "body", options) : first;
  const token = answer["access_token"];
  if (status >= 400 || typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    const reason = [answer["error"], answer["error_description"]].filter((text) => typeof text === "string").join(": ");
    throw new WfError(
      "HTTP_FAILED",
      `The token endpoint ${credentials.tokenUrl.host} gave no access token: status ${status}${reason === "" ? "" : `, ${reason.slice(0, 300)}`}.`,
    );
  }
  const seconds = Number(answer["expires_in"] ?? Number.NaN);
  return { token, lifetimeMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME_MS };
}

async function askToken(
  credentials: ClientCredentials,
  place: "header" | "body",
  options: { readonly dispatchers: Dispatchers; readonly files: FileStore; readonly headers: RequestHeaders },
): Promise<{ status: number; answer: { readonly [key: string]: Value } }> {
  const { clientId, clientSecret, scope, audience, tokenUrl, guarded } = credentials;
  const form: Record<string, Value> = { grant_type: "client_credentials" };
  if (scope !== undefined) form["scope"] = scope;
  if (audience !== undefined) form["audience"] = audience;
  const headers: RequestHeaders = new Map([...options.headers, ["accept", "application/json"]]);
  if (place === "header") {
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
    headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
  } else {
    form["client_id"] = clientId;
    form["client_secret"] = clientSecret;
  }
  const body = encodeBody({ kind: "form", value: form }, options.files, "");
  const answer = await exchange(
    // A token endpoint that redirects is broken or hostile; the secret does not follow.
    { method: "POST", url: tokenUrl, guarded, headers, body, credentials: { headers: new Set() }, maxRedirects: 0 },
    options.dispatchers,
    AbortSignal.timeout(FETCH_TIMEOUT_MS),
  );
  const read = await readAnswer(answer, { mode: "text", limit: MAX_ANSWER_BYTES, files: options.files });
  return { status: answer.statusCode, answer: objectIn(typeof read.body === "string" ? read.body : "") };
}

function objectIn(text: string): { readonly [key: string]: Value } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as { readonly [key: string]: Value }) : {};
  } catch {
    return {};
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
