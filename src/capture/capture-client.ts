/** A running server's captures, as commands of the same user reach them. */
import { request as requestHttp, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import type { Capture, CapturedRequest } from "../engine/captures.ts";
import { ERRORS, WfError, type ErrorCode } from "../errors.ts";
import { CONNECTION_FIELDS } from "../workflow/header-syntax.ts";

/** Names the capture that a request to the test URL repeats. */
const REPLAY_HEADER = "wf-replay-of";
const RECONNECT_MS = 250;
const MAX_RECONNECT_MS = 5_000;
/** The server sends a sign of life every 15 s. */
const SILENCE_MS = 40_000;

export interface CaptureServer {
  /** For example `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly project: string;
  readonly token: string;
}

export interface CapturePage {
  readonly items: readonly Capture[];
  readonly next?: string;
}

export interface SentAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** The client of one workflow's captures. Every call rejects with a {@link WfError}. */
export class CaptureClient {
  readonly #server: CaptureServer;
  readonly #workflowId: string;

  constructor(server: CaptureServer, workflowId: string) {
    this.#server = server;
    this.#workflowId = workflowId;
  }

  get testUrl(): string {
    return `${this.#server.url}/test/${this.#workflowId}`;
  }

  /** Newest first. @param cursor - `next` of the page before. */
  async list(cursor?: string, limit = 200): Promise<CapturePage> {
    const query = new URLSearchParams({ workflow: this.#workflowId, limit: String(limit), ...(cursor && { cursor }) });
    const page = (await this.#json("GET", `?${query.toString()}`)) as { captures: Capture[]; next: string | null };
    return page.next === null ? { items: page.captures } : { items: page.captures, next: page.next };
  }

  /** @returns undefined when it is gone */
  async get(id: string): Promise<Capture | undefined> {
    return (await unlessGone(this.#json("GET", `/${encodeURIComponent(id)}`))) as Capture | undefined;
  }

  /** @returns undefined when it is gone */
  async body(id: string): Promise<Buffer | undefined> {
    return unlessGone(this.#call("GET", `/${encodeURIComponent(id)}/body`));
  }

  async markSaved(id: string, name: string | null): Promise<void> {
    await this.#json("POST", `/${encodeURIComponent(id)}/saved`, { name });
  }

  /** Sends a capture's request to the test URL again, byte for byte. */
  async replay(id: string): Promise<SentAnswer> {
    const [capture, body] = await Promise.all([this.get(id), this.body(id)]);
    if (capture === undefined || body === undefined) {
      throw new WfError("CAPTURE_NOT_FOUND", "The capture is gone: newer ones have taken its place.");
    }
    return this.send({ ...capture, body }, id);
  }

  /** Sends a request to the test URL: path and query count from behind its `/test/<workflow>`. */
  async send(request: CapturedRequest, replayOf?: string): Promise<SentAnswer> {
    const mark = request.url.indexOf("?");
    const target = `/test/${this.#workflowId}${mark < 0 ? "" : request.url.slice(mark)}`;
    const dropped = new Set([...CONNECTION_FIELDS, "host", "content-length", "expect"]);
    const headers = request.headers.filter(([name]) => !dropped.has(name.toLowerCase()));
    const { host } = new URL(this.#server.url);
    const list = ["Host", host, ...headers.flat()];
    if (request.body.length > 0 || !["GET", "HEAD", "DELETE"].includes(request.method)) {
      list.push("Content-Length", String(request.body.length));
    }
    if (replayOf !== undefined) list.push(REPLAY_HEADER, replayOf);
    const incoming = await this.#open(request.method, target, list, request.body);
    return { status: incoming.statusCode ?? 0, body: await buffer(incoming) };
  }

  /**
   * Tells of each capture when it arrives and whenever it changes; goes on after a server's restart.
   *
   * @param onLink - Called with true when the server is listened to and with false when it is lost.
   * @returns Ends it.
   */
  subscribe(onCapture: (capture: Capture) => void, onLink: (isUp: boolean) => void = () => {}): () => void {
    const stop = new AbortController();
    void this.#follow(onCapture, onLink, stop.signal);
    return () => stop.abort();
  }

  async #follow(
    onCapture: (capture: Capture) => void,
    onLink: (isUp: boolean) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let wait = RECONNECT_MS;
    const path = `${this.#base()}/stream?workflow=${this.#workflowId}`;
    while (!signal.aborted) {
      try {
        const incoming = await this.#open("GET", path, this.#authorized(), undefined, signal);
        if (incoming.statusCode !== 200) throw await failureOf(incoming);
        wait = RECONNECT_MS;
        onLink(true);
        await readEvents(incoming, onCapture);
      } catch {
        // Told by `onLink`: a server that is gone may come back.
      }
      if (signal.aborted) return;
      onLink(false);
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
      wait = Math.min(wait * 2, MAX_RECONNECT_MS);
    }
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    return JSON.parse((await this.#call(method, path, body)).toString("utf8")) as unknown;
  }

  async #call(method: string, path: string, body?: unknown): Promise<Buffer> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = this.#authorized();
    if (bytes) headers.push("Content-Type", "application/json", "Content-Length", String(bytes.length));
    const incoming = await this.#open(method, `${this.#base()}${path}`, headers, bytes);
    if ((incoming.statusCode ?? 0) >= 300) throw await failureOf(incoming);
    return buffer(incoming);
  }

  #base(): string {
    return `/projects/${encodeURIComponent(this.#server.project)}/captures`;
  }

  #authorized(): string[] {
    return ["Host", new URL(this.#server.url).host, "Authorization", `Bearer ${this.#server.token}`];
  }

  #open(
    method: string,
    path: string,
    headers: string[],
    body: Uint8Array | undefined,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { hostname, port } = new URL(this.#server.url);
    return new Promise((resolve, reject) => {
      const outgoing = requestHttp(
        {
          host: hostname.replace(/^\[|\]$/g, ""),
          port,
          method,
          path,
          headers,
          agent: false,
          ...(signal && { signal }),
        },
        resolve,
      );
      outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error("silence")));
      outgoing.on("error", (error) =>
        reject(new WfError("SERVER_UNREACHABLE", `${this.#server.url} cannot be reached.`, { cause: error })),
      );
      outgoing.end(body);
    });
  }
}

async function readEvents(incoming: IncomingMessage, onCapture: (capture: Capture) => void): Promise<void> {
  for await (const line of createInterface({ input: incoming, crlfDelay: Infinity })) {
    if (line.startsWith("data: ")) onCapture(JSON.parse(line.slice("data: ".length)) as Capture);
  }
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof WfError && error.code === "CAPTURE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function failureOf(incoming: IncomingMessage): Promise<WfError> {
  const text = (await buffer(incoming)).toString("utf8");
  let told: { code?: unknown; message?: unknown } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    // Not our server, or not well: the status says enough.
  }
  const { code, message } = told;
  const known = typeof code === "string" && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "INTERNAL";
  return new WfError(known, typeof message === "string" ? message : `The server answered ${incoming.statusCode}.`);
}
