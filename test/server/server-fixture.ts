/** A real server on a real port, over an engine that does what the test tells it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import type {
  Engine,
  Execution,
  ExecutionFilter,
  ExecutionStart,
  ExecutionWithSteps,
  Page,
  Reply,
} from "../../src/engine/engine.ts";
import type { FileStore } from "../../src/engine/files.ts";
import { createLog } from "../../src/log.ts";
import type { ServerOptions, ServerSettings } from "../../src/server/server-context.ts";
import { createServer } from "../../src/server/server.ts";
import type { Server } from "../../src/server/server.ts";
import { FileValue } from "../../src/value.ts";
import type { Definition } from "../../src/workflow/definition.ts";

export const TOKEN = "local-token-for-tests";

export class MemoryFiles implements FileStore {
  readonly bytes: Map<string, Buffer> = new Map();

  async write(bytes: Uint8Array | Readable, about: { name: string; mimeType: string }): Promise<FileValue> {
    const whole = bytes instanceof Readable ? await buffer(bytes) : Buffer.from(bytes);
    const hash = createHash("sha256").update(whole).digest("hex");
    this.bytes.set(hash, whole);
    return new FileValue({ ...about, size: whole.length, hash });
  }

  async read(file: FileValue): Promise<Buffer> {
    return this.bytes.get(file.hash) ?? Promise.reject(new Error("gone"));
  }

  async open(file: FileValue): Promise<Readable | undefined> {
    const bytes = this.bytes.get(file.hash);
    if (bytes === undefined) return undefined;
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 65_536) chunks.push(bytes.subarray(at, at + 65_536));
    return Readable.from(chunks, { objectMode: false });
  }
}

/** Keeps what was started, and answers by script. */
export class ScriptedEngine implements Engine {
  readonly files: MemoryFiles = new MemoryFiles();
  readonly started: ExecutionStart[] = [];
  readonly executions: ExecutionWithSteps[] = [];
  readonly #keys = new Map<string, string>();
  readonly #replies = new Map<string, Reply | undefined>();
  running = 0;
  drained = 0;
  /** What each execution answers; undefined lets the caller wait until the time is over. */
  reply: (start: ExecutionStart) => Reply | undefined = () => ({ kind: "none" });
  /** Runs before an execution is recorded; throws to refuse it. */
  onStart: (start: ExecutionStart) => void = () => {};

  async start(start: ExecutionStart): Promise<{ outcome: "created" | "exists"; id: string }> {
    this.onStart(start);
    const key = start.idempotencyKey === undefined ? undefined : `${start.definition.id} ${start.idempotencyKey}`;
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known !== undefined) return { outcome: "exists", id: known };
    if (key !== undefined) this.#keys.set(key, start.id);
    this.started.push(start);
    this.#replies.set(start.id, this.reply(start));
    return { outcome: "created", id: start.id };
  }

  async waitResponse(id: string, timeoutMs: number): Promise<Reply | undefined> {
    const reply = this.#replies.get(id);
    if (reply === undefined) await new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
    return reply;
  }

  async waitEnd(): Promise<Execution | undefined> {
    return undefined;
  }

  async cancel(id: string): Promise<boolean> {
    return (await this.get(id))?.status === "EXECUTING";
  }

  async list({ limit = 100, cursor, status }: ExecutionFilter): Promise<Page<Execution>> {
    const all = this.executions.filter((one) => status === undefined || one.status === status);
    const from = Number(cursor ?? 0);
    const items = all.slice(from, from + limit);
    return from + limit < all.length ? { items, next: String(from + limit) } : { items };
  }

  async get(id: string): Promise<ExecutionWithSteps | undefined> {
    return this.executions.find((one) => one.id === id);
  }

  async definition(hash: string): Promise<Definition | undefined> {
    return this.started.map((start) => start.definition).find((definition) => definition.hash === hash);
  }

  async drain(): Promise<void> {
    this.drained++;
  }

  async close(): Promise<void> {}
}

export type Changes = Partial<Omit<Definition, "request">> & { readonly request?: Partial<Definition["request"]> };

export function definitionOf(changes: Changes = {}): Definition {
  const id = changes.id ?? "lead-created";
  return {
    id,
    hash: createHash("sha256").update(id).digest("hex"),
    source: { workflowId: id, file: `workflows/${id}.yaml`, yaml: "", modules: {} },
    steps: [],
    onError: [],
    responds: false,
    ...changes,
    request: {
      methods: ["POST"],
      auth: { kind: "none" },
      rules: { query: {}, headers: {}, additional: "allow" },
      ...changes.request,
    },
  };
}

export interface Fixture {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly engine: ScriptedEngine;
  /** By id; what the test puts in is live from the next request on. */
  readonly live: Map<string, Definition>;
  readonly logged: string[];
}

export async function serve(
  definitions: readonly Definition[] = [definitionOf()],
  settings: Partial<ServerSettings> = {},
  more: Partial<ServerOptions> = {},
): Promise<Fixture> {
  const engine = new ScriptedEngine();
  const live = new Map(definitions.map((definition) => [definition.id, definition]));
  const logged: string[] = [];
  const server = createServer({
    engine,
    definitions: () => live,
    settings: {
      project: "demo",
      host: "127.0.0.1",
      port: 0,
      responseTimeoutMs: 5_000,
      maxBodyBytes: 100_000,
      maxExecutions: 100,
      drainMs: 2_000,
      ...settings,
    },
    localToken: TOKEN,
    log: createLog({ json: true, level: "debug", stream: { write: (line) => logged.push(line) } }),
    ...more,
  });
  onTestFinished(async () => {
    void server.close();
    await server.close();
  });
  const { url } = await server.listen();
  return { url, port: Number(new URL(url).port), server, engine, live, logged };
}

/** Sends bytes as they are, and yields all that comes back until the server closes. */
export async function exchange(port: number, text: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.write(text);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

export function post(url: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}
