/** Every error → its answer. */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { WfError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { Log } from "../log.ts";
import type { RuleViolation } from "../workflow/rule.ts";
import { LINGER_MS, RETRY_AFTER_SECONDS } from "./limits.ts";
import { JSON_TYPE } from "./static-headers.ts";

/** The JSON body of an error. */
interface ErrorBody {
  readonly message: string;
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly errors?: readonly RuleViolation[];
  readonly executionId?: string;
  /** Names the line in the server's log that holds the details. */
  readonly requestId?: string;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: ErrorBody;
}

/** A request that broke rules: the answer lists all of them. */
export class RequestInvalidError extends WfError {
  readonly violations: readonly RuleViolation[];
  /** What the caller may have got wrong as a whole; most know from the rules. */
  readonly advice: string | undefined;

  /** @param more - The request breaks more rules than are listed. */
  constructor(violations: readonly RuleViolation[], more = false, advice?: string) {
    const count = violations.length === 1 && !more ? "a rule" : `${violations.length} rules${more ? " and more" : ""}`;
    super("REQUEST_INVALID", `The request breaks ${count}.`);
    this.violations = violations;
    this.advice = advice;
  }
}

/** Codes of status 5xx whose message is meant for the caller. */
const TOLD: ReadonlySet<ErrorCode> = new Set([
  "DRAINING",
  "EXECUTION_FAILED",
  "EXECUTION_CANCELLED",
  "WORKFLOW_INVALID",
]);

/** What a caller is told; what it is not told goes to the log. */
export function answerOf(error: unknown, log: Log, executionId?: string): ErrorAnswer {
  const about = executionId === undefined ? {} : { executionId };
  if (!(error instanceof WfError)) return internal(error, log, about);
  const { status, code, message } = error;
  const headers: Record<string, string> =
    status === 429 || status === 503 ? { "Retry-After": RETRY_AFTER_SECONDS } : {};
  if (error instanceof RequestInvalidError) {
    const { violations: errors, advice } = error;
    return { status, headers, body: { message, code, errors, ...(advice !== undefined && { hint: advice }) } };
  }
  if (status < 500) return { status, headers, body: { message, code, hint: error.hint, ...about } };
  if (code === "DRAINING") headers["Connection"] = "close";
  if (TOLD.has(code)) return { status, headers, body: { message, code, ...about } };
  if (status !== 503) return internal(error, log, about);
  log.error({ code, err: error, ...about }, "The store refused a request");
  return { status, headers, body: { message: "The server cannot record requests at the moment.", code, ...about } };
}

function internal(error: unknown, log: Log, about: { executionId?: string }): ErrorAnswer {
  const requestId = randomUUID();
  log.error({ requestId, err: error, ...about }, "A request failed by a defect");
  return { status: 500, headers: {}, body: { message: "Internal error.", code: "INTERNAL", requestId, ...about } };
}

/** Sends an error; when an answer has begun already, it breaks the connection off. */
export function sendError(
  response: ServerResponse,
  error: unknown,
  log: Log,
  more: { readonly executionId?: string; readonly headers?: { readonly [name: string]: string } } = {},
): void {
  const { req: request } = response;
  if (response.destroyed || request.errored !== null) {
    // The caller left; there is nobody to tell.
    log.debug({ err: error }, "A client went away before its answer");
    response.destroy();
    return;
  }
  if (response.headersSent) {
    log.error({ err: error, ...(more.executionId && { executionId: more.executionId }) }, "An answer broke off");
    response.destroy();
    return;
  }
  const { status, headers, body } = answerOf(error, log, more.executionId);
  const text = JSON.stringify(body);
  const block: Record<string, string | number> = {
    "Content-Type": JSON_TYPE,
    "Content-Length": Buffer.byteLength(text),
    ...headers,
    ...more.headers,
  };
  if (body.code === "BODY_TOO_LARGE" && !request.complete && response.socket !== null) {
    block["Connection"] = "close";
    response.writeHead(status, block);
    response.write(text);
    closeLingering(response.socket, response);
    return;
  }
  response.writeHead(status, block);
  response.end(text);
}

/**
 * Says that nothing more will come, and still reads what does: closing with unread bytes resets the connection, often before
 * the client has seen the answer.
 *
 * @see RFC 9112 section 9.6
 */
function closeLingering(socket: Socket, { req: request }: ServerResponse): void {
  socket.end();
  request.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
