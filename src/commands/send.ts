import { request as requestHttp, type Agent } from "node:http";
import { WfError } from "../errors.ts";

export interface Sent {
  readonly method: string;
  readonly url: URL;
  /** Path and query, sent as they are. @defaultValue those of `url`, as a URL normalises them */
  readonly target?: string;
  /** Sent in this order and case; `content-length` is added, and `host` where it is missing. */
  readonly headers: HeaderList;
  readonly body?: Uint8Array | undefined;
  /** For the whole answer; none when absent. */
  readonly timeoutMs?: number | undefined;
  readonly agent?: Agent | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Methods whose requests usually have no body: they say no length for none (RFC 9110, section 8.6). */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

export interface Received {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: Buffer;
  readonly durationMs: number;
}

/**
 * Sends one request and reads the whole answer. Follows no redirects: a trigger's answer is shown as it is.
 *
 * @throws {@link WfError} `SERVER_UNREACHABLE` when no whole answer came
 */
export async function send(sent: Sent): Promise<Received> {
  const request = sent.url.protocol === "https:" ? (await import("node:https")).request : requestHttp;
  const signals = [sent.signal, sent.timeoutMs === undefined ? undefined : AbortSignal.timeout(sent.timeoutMs)];
  const given = signals.filter((signal) => signal !== undefined);
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(unreachable(sent, error));
    const outgoing = request(
      sent.url,
      {
        method: sent.method,
        ...(sent.target === undefined ? {} : { path: sent.target }),
        // A list is sent as it is: an object would lose repeated names and the order.
        headers: [...hostOf(sent), ...sent.headers, ...lengthOf(sent)].flat(),
        agent: sent.agent,
        ...(given.length > 0 ? { signal: AbortSignal.any(given) } : {}),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", fail);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            statusText: incoming.statusMessage ?? "",
            rawHeaders: incoming.rawHeaders,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
            durationMs: performance.now() - started,
          }),
        );
      },
    );
    outgoing.on("error", fail);
    // Comes from an agent with a timeout.
    outgoing.on("timeout", () => outgoing.destroy(Object.assign(new Error("silence"), { code: "ABORT_ERR" })));
    outgoing.end(sent.body);
  });
}

function hostOf({ headers, url }: Sent): HeaderList {
  return headers.some(([name]) => name.toLowerCase() === "host") ? [] : [["host", url.host]];
}

function lengthOf({ method, body }: Sent): HeaderList {
  return body === undefined && BODILESS.has(method) ? [] : [["content-length", String(body?.byteLength ?? 0)]];
}

function unreachable(sent: Sent, error: Error): WfError {
  const { code } = error as NodeJS.ErrnoException;
  const place = sent.url.origin;
  if (code === "ABORT_ERR") {
    const what = sent.timeoutMs === undefined ? "in time" : `within ${sent.timeoutMs} ms`;
    return new WfError("SERVER_UNREACHABLE", `${place} did not answer ${what}.`, {
      hint: "Give it more time with --timeout; the workflow may have been started: see `wf history`.",
      cause: error,
    });
  }
  const reason = code === "ECONNREFUSED" ? "nothing listens there" : error.message || code || "the connection broke";
  return new WfError("SERVER_UNREACHABLE", `${place} cannot be reached: ${reason}.`, { cause: error });
}
