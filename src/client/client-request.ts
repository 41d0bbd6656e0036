/** One request with its retries: what every call of the client goes through. */
import { ClientError } from "./client-error.ts";
import type { BrokenRule } from "./client-error.ts";

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;
/** A server that asks for more patience than this is reported at once. */
const LONGEST_PAUSE_MS = 30_000;
/** Of the server itself: it took nothing on, so a repetition is safe where nothing else speaks against it. */
const BUSY: readonly number[] = [429, 503];

export interface Connection {
  /** Without a slash at its end. */
  readonly base: string;
  readonly token: () => string | Promise<string>;
  readonly fetch: typeof globalThis.fetch;
}

export interface Call {
  readonly method: string;
  /** Below the base, with its query. */
  readonly path: string;
  readonly headers?: Headers;
  readonly body?: NonNullable<RequestInit["body"]> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Doing it twice does no more than doing it once. */
  readonly repeatable: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/**
 * Sends a request until it is answered, or repeating it is no use or not safe.
 *
 * @returns Any 2xx, and 542.
 * @throws {@link ClientError} for every other answer, or for none; the signal's reason once it aborts
 */
export async function send(connection: Connection, call: Call): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const isLast = !call.repeatable || attempt === ATTEMPTS;
    // Half of it at random, so that clients which failed together do not come back together.
    let pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    try {
      const answer = await sendOnce(connection, call);
      if ((answer.status >= 200 && answer.status < 300) || answer.status === 542) return answer;
      const error = errorOf(answer);
      if (isLast || error.code === "WORKFLOW_REPLY" || !BUSY.includes(answer.status)) throw error;
      pauseMs = askedPause(answer.headers) ?? pauseMs;
      if (pauseMs > LONGEST_PAUSE_MS) throw error;
    } catch (error) {
      call.signal?.throwIfAborted();
      if (isLast || !(error instanceof ClientError) || error.code !== "NETWORK") throw error;
    }
    await pause(pauseMs, call.signal);
  }
}

async function sendOnce({ base, token, fetch }: Connection, call: Call): Promise<Answer> {
  const headers = new Headers(call.headers);
  headers.set("Authorization", `Bearer ${await token()}`);
  const { method, body, signal } = call;
  try {
    const response = await fetch(base + call.path, {
      method,
      headers,
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
    return { status: response.status, headers: response.headers, body: await bodyOf(response) };
  } catch (cause) {
    throw new ClientError(0, "NETWORK", `No answer from ${base}.`, { cause });
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (/^[^;]*[/+]json\b/i.test(type)) {
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return type === "" || /^text\//i.test(type) ? response.text() : response.blob();
}

function errorOf({ status, headers, body }: Answer): ClientError {
  const told = (typeof body === "object" && body !== null ? body : {}) as {
    readonly message?: unknown;
    readonly code?: unknown;
    readonly executionId?: string;
    readonly errors?: readonly BrokenRule[];
  };
  // Only what a workflow answered itself has this header.
  const own = headers.get("x-execution-id");
  const message = typeof told.message === "string" ? told.message : `The server answered ${status}.`;
  if (own !== null) return new ClientError(status, "WORKFLOW_REPLY", message, { executionId: own, body });
  const { executionId, errors } = told;
  const code = typeof told.code === "string" ? told.code : "HTTP";
  return new ClientError(status, code, message, { executionId, ...(Array.isArray(errors) && { errors }), body });
}

/** @see RFC 9110 section 10.2.3: seconds, or a date */
function askedPause(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** @throws the signal's reason once it aborts */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever the caller aborted with
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
