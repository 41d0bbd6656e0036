/** The request path without a port: Node's own HTTP on both ends of a pair of streams in memory. */
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { duplexPair } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { CapturedRequest } from "../engine/captures.ts";
import type { Engine } from "../engine/engine.ts";
import type { Log } from "../log.ts";
import type { Answer, Connection } from "../offline/run-case.ts";
import { createServer } from "../server/server.ts";
import type { Definition } from "../workflow/definition.ts";
import type { Settings } from "../workflow/settings.ts";

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What frames the message is made anew: a saved body may have been edited since. */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "transfer-encoding",
]);

/** Puts a server in front of an engine; every request is of `userId`, whatever the workflow's `auth` asks for. */
export function connectInMemory(
  engine: Engine,
  definitions: ReadonlyMap<string, Definition>,
  settings: Settings,
  userId: string | undefined,
): Connection {
  const server = createServer({
    engine,
    definitions: () => definitions,
    settings: { ...settings, host: "127.0.0.1" },
    localToken: "",
    log: SILENT,
    authenticate: () => ({ ok: true, ...(userId === undefined ? {} : { userId }) }),
  });
  return {
    send: (request) =>
      sendInMemory(request, (connection) => {
        server.accept(connection);
      }),
    close: () => server.close(),
  };
}

type Pipe = ReturnType<typeof duplexPair>[0];

/** Sends a request, headers in their order and case, body byte for byte. */
async function sendInMemory(request: CapturedRequest, accept: (connection: Pipe) => void): Promise<Answer> {
  const [near, far] = duplexPair();
  // Timeouts of a socket have no meaning between the two, and Node's HTTP sets some.
  for (const end of [near, far])
    Object.assign(end, { setTimeout: () => end, setKeepAlive: () => end, setNoDelay: () => end });
  accept(far);
  try {
    const { method, url, body } = request;
    const headers = request.headers.filter(([name]) => !FRAMING.has(name.toLowerCase()));
    if (!headers.some(([name]) => name.toLowerCase() === "host")) headers.unshift(["Host", "localhost"]);
    if (body.length > 0) headers.push(["Content-Length", String(body.length)]);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ createConnection: () => near, method, path: url, headers: headers.flat(), setHost: false })
        .on("response", resolve)
        .on("error", reject)
        .end(body);
    });
    return { status: response.statusCode ?? 0, headers: joined(response), body: await buffer(response) };
  } finally {
    near.destroy();
    far.destroy();
  }
}

function joined({ headers }: IncomingMessage): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}
