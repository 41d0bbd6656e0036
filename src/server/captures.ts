/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers and sends what they throw to the error handler. */
/** Captures over HTTP, for the commands of this machine. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Capture, CaptureFilter, CaptureStore } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import type { ServerContext } from "./server-context.ts";

/** Proxies and readers tell by it that the stream lives. */
const HEARTBEAT_MS = 15_000;
/** A reader that lets so much lie is cut off; it may come again and list what it missed. */
const MAX_UNREAD_BYTES = 16_000_000;
/** Then it is cut off, whatever it has read by then. */
const SLOW_END_MS = 5_000;
const FILTER_KEYS: readonly string[] = ["workflow", "after", "limit", "cursor"];

interface OneCapture {
  readonly Params: { readonly id: string };
}

/** Adds the routes below `/projects/{projectId}/captures`. */
export function addCaptureRoutes(app: FastifyInstance, captures: CaptureStore, context: ServerContext): void {
  app.get("/", async (request) => {
    const { items, next } = await captures.list(filterOf(request.query as Record<string, unknown>));
    return { captures: items, next: next ?? null };
  });

  app.get("/stream", (request, reply) => {
    const { workflow } = request.query as { workflow?: unknown };
    stream(reply, captures, context, typeof workflow === "string" ? workflow : undefined);
  });

  app.get<OneCapture>("/:id", async (request) => find(captures, request.params.id));

  app.get<OneCapture>("/:id/body", async (request, reply) => {
    const { id } = await find(captures, request.params.id);
    // Whoever sent it chose its content; a browser must not show it as a page of this host.
    void reply
      .header("Content-Type", "application/octet-stream")
      .header("Content-Disposition", "attachment")
      .header("X-Content-Type-Options", "nosniff");
    return (await captures.body(id)) ?? Promise.reject(unknown(id));
  });

  app.post<OneCapture>("/:id/replay", async (request, reply) => {
    const capture = await find(captures, request.params.id);
    const body = await captures.body(capture.id);
    if (body === undefined) throw unknown(capture.id);
    const id = await context.replays.send(capture, body);
    void reply.code(201);
    return find(captures, id);
  });

  app.post<OneCapture>("/:id/saved", async (request) => {
    const { name } = (request.body ?? {}) as { name?: unknown };
    if (name !== null && (typeof name !== "string" || name === "" || name.length > 100)) {
      throw new WfError("BODY_MALFORMED", "`name` is to be the name of the test data, or null.");
    }
    const { id } = await find(captures, request.params.id);
    await captures.markSaved(id, name);
    return find(captures, id);
  });
}

/** Server-sent events: one `capture` for each that comes or changes. */
function stream(
  reply: FastifyReply,
  captures: CaptureStore,
  { waits }: ServerContext,
  workflowId: string | undefined,
): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  raw.write(": captures\n\n");
  const send = (capture: Capture): void => {
    if (workflowId !== undefined && capture.workflowId !== workflowId) return;
    raw.write(`event: capture\ndata: ${JSON.stringify(capture)}\n\n`);
    if (raw.writableLength <= MAX_UNREAD_BYTES) return;
    unsubscribe();
    raw.end('event: end\ndata: {"reason":"slow"}\n\n');
    setTimeout(() => raw.destroy(), SLOW_END_MS).unref();
  };
  const unsubscribe = captures.subscribe(send);
  const heartbeat = setInterval(() => raw.write(": alive\n\n"), HEARTBEAT_MS);
  const end = (): void => {
    raw.end();
  };
  // It never ends by itself, so a shutdown neither waits for it nor leaves it open.
  waits.add(end);
  raw.once("close", () => {
    waits.delete(end);
    unsubscribe();
    clearInterval(heartbeat);
  });
}

async function find(captures: CaptureStore, id: string): Promise<Capture> {
  return (await captures.get(id)) ?? Promise.reject(unknown(id));
}

function unknown(id: string): WfError {
  return new WfError("CAPTURE_NOT_FOUND", `There is no capture ${JSON.stringify(id.slice(0, 40))}.`);
}

/** @throws {@link WfError} `REQUEST_INVALID` */
function filterOf(query: Readonly<Record<string, unknown>>): CaptureFilter {
  for (const [name, value] of Object.entries(query)) {
    if (!FILTER_KEYS.includes(name) || typeof value !== "string") {
      throw new WfError(
        "REQUEST_INVALID",
        `\`${name.slice(0, 40)}\` is no parameter of this list, or is given twice.`,
        {
          hint: `Parameters are ${FILTER_KEYS.join(", ")}.`,
        },
      );
    }
  }
  const { workflow, after, limit, cursor } = query as Partial<Record<string, string>>;
  return {
    ...(workflow !== undefined && { workflowId: workflow }),
    ...(after !== undefined && { after }),
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(cursor !== undefined && { cursor }),
  };
}
