import { createServer as createHttpServer, STATUS_CODES } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { WfError } from "../errors.ts";
import {
  BodyBudget,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  MAX_CONNECTIONS,
  MAX_HEADER_BYTES,
  REQUEST_TIMEOUT_MS,
  SILENCE_MS,
} from "./limits.ts";
import { Replays } from "./replay.ts";
import { createRouter } from "./routes.ts";
import type { Router } from "./routes.ts";
import type { Authenticate, ServerContext, ServerOptions, ServerSettings } from "./server-context.ts";
import { isLoopback } from "./server-address.ts";

/** After the drain, answers already on their way get this long to leave. */
const LAST_ANSWERS_MS = 1_000;

export interface Server {
  /**
   * Starts to accept requests.
   *
   * @returns The address to reach it at from this machine, for example `http://127.0.0.1:3000`.
   * @throws {@link WfError} `ADDRESS_IN_USE`; `ADDRESS_PUBLIC` when others would reach a workflow without `auth`; `USAGE`
   * when the host is no address of this machine
   */
  listen(): Promise<{ readonly url: string }>;
  /** Serves a connection that came otherwise than by a port, such as one end of a pair in memory. */
  accept(connection: Duplex): void;
  /**
   * Stops accepting, lets requests and executions finish for `drainMs`, answers 542 to callers that still wait, and closes
   * every connection. A second call closes them at once. The engine stays open.
   */
  close(): Promise<void>;
}

/** Makes the HTTP server of a project; it listens on {@link Server.listen}. */
export function createServer(options: ServerOptions): Server {
  return new TriggerServer(options);
}

const refuseAll: Authenticate = (definition) => ({
  ok: false,
  reason: `auth \`${definition.request.auth.kind}\` is not supported by this server`,
});

class TriggerServer implements Server {
  readonly #context: ServerContext;
  readonly #router: Router;
  readonly #http: HttpServer;
  /** Requests whose answer has not left. */
  #active = 0;
  #wake: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    const { settings } = options;
    this.#context = {
      engine: options.engine,
      captures: options.captures,
      isBroken: options.isBroken ?? (() => false),
      replays: new Replays((connection) => this.accept(connection)),
      definitions: options.definitions,
      settings,
      localToken: options.localToken,
      log: options.log,
      authenticate: options.authenticate ?? refuseAll,
      findApiKey: options.findApiKey ?? (() => undefined),
      verifyUser: options.verifyUser ?? (() => ({ ok: false, reason: "this server takes no user tokens" })),
      users: options.users,
      deployments: options.deployments,
      deployed: options.deployed ?? false,
      bodies: new BodyBudget(settings.maxBodyBytes),
      waits: new Set(),
      draining: false,
      anonymousRefused:
        (options.deployed === true || !isLoopback(settings.host)) && settings.allowUnauthenticated !== true,
    };
    this.#router = createRouter(this.#context);
    this.#http = createHttpServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Two `Authorization` headers must not pass as the first one.
      joinDuplicateHeaders: true,
    });
    this.#http.maxConnections = MAX_CONNECTIONS;
    // For clients that send requests and never read an answer: no other timeout sees them.
    this.#http.timeout = Math.max(REQUEST_TIMEOUT_MS, settings.responseTimeoutMs + SILENCE_MS);

    const onClose = (): void => {
      this.#active -= 1;
      if (this.#wake !== undefined) this.#wake();
    };
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#active += 1;
      response.on("close", onClose);
      this.#router.route(request, response);
    };
    this.#http.on("request", onRequest);
    this.#http.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      // A body that will be refused for its size is not asked for.
      if (!(Number(request.headers["content-length"]) > settings.maxBodyBytes)) response.writeContinue();
      onRequest(request, response);
    });
    this.#http.on("clientError", answerMalformed);
  }

  async listen(): Promise<{ readonly url: string }> {
    const { settings, anonymousRefused } = this.#context;
    if (anonymousRefused) refuseAnonymous(this.#context);
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, settings));
      this.#http.once("error", onError);
      this.#http.listen(settings.port, settings.host, () => {
        this.#http.off("error", onError);
        resolve();
      });
    });
    return { url: urlOf(this.#http.address() as AddressInfo) };
  }

  accept(connection: Duplex): void {
    this.#http.emit("connection", connection);
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = this.#close();
    } else {
      this.#http.closeAllConnections();
    }
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { engine, settings, waits } = this.#context;
    const deadline = Date.now() + settings.drainMs;
    this.#context.draining = true;
    // Also closes the connections on which nothing is under way.
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    // Requests that were accepted become executions first, then the executions get what remains of the time.
    await this.#until(() => this.#active <= waits.size, deadline);
    await engine.drain(Math.max(0, deadline - Date.now()));
    // Replies that came with the last executions' ends reach their callers first.
    await nextTurn();
    for (const release of waits) release();
    await this.#until(() => this.#active === 0, Math.max(deadline, Date.now() + LAST_ANSWERS_MS));
    this.#http.closeAllConnections();
    await closed;
    await this.#router.close();
  }

  /** Waits until a condition on {@link ServerContext.waits} or the active requests holds, or the deadline has come. */
  #until(holds: () => boolean, deadline: number): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearInterval(recheck);
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const check = (): void => {
        if (holds()) done();
      };
      const timer = setTimeout(done, Math.max(0, deadline - Date.now()));
      // A request that begins to wait for its reply closes nothing, so nothing else would tell.
      const recheck = setInterval(check, 20);
      this.#wake = check;
    });
  }
}

function refuseAnonymous({ settings, definitions, deployed }: ServerContext): void {
  const open = [...definitions().values()].filter((definition) => definition.request.auth.kind === "none");
  const first = open[0];
  if (first === undefined) return;
  const others = open.length === 1 ? "" : ` and ${open.length - 1} more`;
  const why = deployed
    ? "Deployed workflows are for others to call"
    : `${settings.host} is reachable from other machines`;
  throw new WfError(
    "ADDRESS_PUBLIC",
    `${why}, and workflow \`${first.id}\`${others} would run for anyone.`,
    deployed ? { hint: "Give every workflow an `auth` and deploy again, or say --allow-unauthenticated." } : {},
  );
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ServerSettings): WfError {
  switch (error.code) {
    case "EADDRINUSE":
      return new WfError("ADDRESS_IN_USE", `Port ${port} on ${host} is taken by another program.`, { cause: error });
    case "EACCES":
      return new WfError("ADDRESS_IN_USE", `This user may not listen on port ${port}.`, {
        hint: "Choose a port from 1024 up with --port.",
        cause: error,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return new WfError("USAGE", `${host} is not an address of this machine.`, {
        hint: "Use --host 127.0.0.1, or 0.0.0.0 for every address.",
        cause: error,
      });
    case undefined:
    default:
      return new WfError("INTERNAL", `The server cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  if (address === "0.0.0.0") return `http://127.0.0.1:${port}`;
  if (address === "::") return `http://[::1]:${port}`;
  return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

/** Answers what is no HTTP, in the few words that such a client may understand, and closes. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Bytes of an answer may be on their way on this connection; anything written now would become part of it.
  const answer = (socket as Duplex & { _httpMessage?: ServerResponse })._httpMessage;
  if (error.code === "ECONNRESET" || !socket.writable || answer?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status = statusOfParseError(error.code);
  const body = JSON.stringify({
    message: `${STATUS_CODES[status]}: the request is not valid HTTP.`,
    code: "BODY_MALFORMED",
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function statusOfParseError(code: string | undefined): 400 | 408 | 413 | 431 {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case undefined:
    default:
      return 400;
  }
}
