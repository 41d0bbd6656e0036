/** A running server's captures, as commands of the same user reach them. */
import { request as requestHttp, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import type { Capture, CapturedRequest } from "../engine/captures.ts";
import { ERRORS, WfError, type ErrorCode } from "../errors.ts";
import { CONNECTION_FIELDS } from "../workflow/header-syntax.ts";

const RECONNECT_MS = 250;
const MAX_RECONNECT_MS = 5_000;
/** The server sends a sign of life every 15 s. */
const SILENCE_MS = 40_000;
/** Longer than a workflow's answer may take by far. */
const ANSWER_MS = 600_000;

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

  /** Newest first. @param cursor - `next` of the page before. @param after - Id of a capture that older ones end at. */
  async list(cursor?: string, limit = 200, after?: string): Promise<CapturePage> {
    const query = new URLSearchParams({
      workflow: this.#workflowId,
      limit: String(limit),
      ...(cursor !== undefined && { cursor }),
      ...(after !== undefined && { after }),
    });
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

  /** Has a capture's request sent to the test URL again, byte for byte. @returns The new capture's answer. */
  async replay(id: string): Promise<SentAnswer & { readonly capture: Capture }> {
    const capture = (await this.#json("POST", `/${encodeURIComponent(id)}/replay`, {})) as Capture;
    return { status: capture.answer?.status ?? 0, body: Buffer.from(capture.answer?.text ?? ""), capture };
  }

  /** Sends a request to the test URL: path and query count from behind its `/test/<workflow>`. */
  async send(request: CapturedRequest): Promise<SentAnswer> {
    const mark = request.url.indexOf("?");
    const target = `/test/${this.#workflowId}${mark < 0 ? "" : request.url.slice(mark)}`;
    const dropped = new Set([...CONNECTION_FIELDS, "host", "content-length", "expect"]);
    const headers = request.headers.filter(([name]) => !dropped.has(name.toLowerCase()));
    const { host } = new URL(this.#server.url);
    const list = ["Host", host, ...headers.flat()];
    if (request.body.length > 0 || !["GET", "HEAD", "DELETE"].includes(request.method)) {
      list.push("Content-Length", String(request.body.length));
    }
    const incoming = await this.#open(request.method, target, list, request.body);
    return { status: incoming.statusCode ?? 0, body: await buffer(incoming) };
  }

  /**
   * Tells of each capture when it arrives and whenever it changes; goes on after a server's restart, with what came
   * meanwhile.
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
    const known = new Known();
    const tell = (capture: Capture): void => {
      known.note(capture);
      onCapture(capture);
    };
    while (!signal.aborted) {
      try {
        const incoming = await this.#open("GET", path, this.#authorized(), undefined, signal);
        if (incoming.statusCode !== 200) throw await failureOf(incoming);
        wait = RECONNECT_MS;
        // Listened to already, so that nothing falls between the list and the stream; some come twice.
        const reading = readEvents(incoming, tell);
        reading.catch(() => undefined);
        await this.#catchUp(known, tell);
        onLink(true);
        await reading;
      } catch {
        // Told by `onLink`: a server that is gone may come back.
      }
      if (signal.aborted) return;
      onLink(false);
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
      wait = Math.min(wait * 2, MAX_RECONNECT_MS);
    }
  }

  /** Tells what came and what was answered while nobody listened; the first time, it notes where to begin. */
  async #catchUp(known: Known, tell: (capture: Capture) => void): Promise<void> {
    if (!known.hasBegun) {
      const { items } = await this.list(undefined, 1);
      return known.begin(items[0]);
    }
    const { last } = known;
    const open = await Promise.all(known.open.map((id) => this.get(id)));
    const missed: Capture[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.list(cursor, 1_000, last);
      missed.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    for (const capture of [...open, ...missed.reverse()]) if (capture !== undefined) tell(capture);
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
      outgoing.setTimeout(signal ? SILENCE_MS : ANSWER_MS, () => outgoing.destroy(new Error("silence")));
      outgoing.on("error", (error) =>
        reject(new WfError("SERVER_UNREACHABLE", `${this.#server.url} cannot be reached.`, { cause: error })),
      );
      outgoing.end(body);
    });
  }
}

/** What a listener has been told, as far as it takes to find out what it has missed. */
class Known {
  hasBegun = false;
  /** Id of the newest. */
  last: string | undefined;
  readonly #open = new Set<string>();

  /** Ids of those that were not answered yet. */
  get open(): string[] {
    return [...this.#open];
  }

  begin(newest: Capture | undefined): void {
    this.hasBegun = true;
    if (newest !== undefined) this.note(newest);
  }

  note({ id, answer }: Capture): void {
    if (this.last === undefined || id > this.last) this.last = id;
    if (answer === null) this.#open.add(id);
    else this.#open.delete(id);
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
