/** The hot path: one request to a workflow. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ExecutionStart, Reply, TriggerInput } from "../engine/engine.ts";
import { newExecutionId, timeOfId } from "../engine/id.ts";
import { WfError } from "../errors.ts";
import type { Value, ValueObject } from "../value.ts";
import type { AuthKind, Definition } from "../workflow/definition.ts";
import { credentialHeaders } from "../workflow/credential-headers.ts";
import { compileRules } from "../workflow/rules.ts";
import { type ParsedBody, parseBody, readBody } from "./body.ts";
import { parseQuery } from "./query.ts";
import { RequestInvalidError, sendError } from "./reply-error.ts";
import { sendAccepted, sendEnqueued, sendReply } from "./reply.ts";
import type { Accepted } from "./reply.ts";
import type { Authentication, ServerContext } from "./server-context.ts";
import type { TestCapture } from "./test-url.ts";

const MAX_KEY_LENGTH = 255;
/** Larger bodies are not read twice. */
const MAX_ADVISED_BYTES = 100_000;
const KEY = /^[\x20-\x7e]{1,255}$/;
const ANONYMOUS: Authentication & { ok: true } = { ok: true };

type Delivery = NonNullable<(Authentication & { ok: true })["delivery"]>;

/**
 * Answers a request to a workflow, from its first byte to the last of the answer.
 *
 * @param search - The query string without its `?`.
 * @param test - Keeps the request, which then runs whoever sent it, and however often.
 */
export async function answerTrigger(
  context: ServerContext,
  definition: Definition,
  search: string,
  request: IncomingMessage,
  response: ServerResponse,
  test?: TestCapture,
): Promise<void> {
  const { engine, settings, log } = context;
  let executionId: string | undefined;
  let taken = 0;
  try {
    // 1. Accept it, or not, before it costs anything.
    admit(context);
    taken = context.bodies.take(request, settings.maxBodyBytes);
    const { raw, decoded } = await readBody(
      request,
      settings.maxBodyBytes,
      test && (async (bytes) => test.received(bytes, await signatureOf(context, definition, request, bytes))),
    );

    // 2. Who, what, and does it keep the rules?
    const known = await authenticate(context, definition, request, raw);
    if (!known.ok && (test === undefined || context.anonymousRefused)) {
      log.warn({ workflow: definition.id, reason: known.reason }, "A request was not authenticated");
      throw new UnauthorizedError(challengeOf(definition.request.auth.kind));
    }
    const caller = known.ok ? known : ANONYMOUS;
    const parsing = parseBody(decoded, contentTypeOf(request, decoded), engine.files);
    const parsed = parsing instanceof Promise ? await parsing : parsing;
    const headers = headersOf(request);
    const checked = compileRules(definition.request.rules).validate({
      query: search === "" ? {} : parseQuery(search),
      headers,
      body: parsed.body,
      bodyIsText: parsed.isText,
    });
    if (!checked.ok) throw new RequestInvalidError(checked.violations, checked.more, adviseType(parsed, decoded));
    const input: TriggerInput = {
      method: request.method ?? "",
      url: request.url ?? "",
      query: checked.query,
      headers: without(checked.headers, credentialHeaders(definition.request.auth)),
      body: checked.body,
      ...(parsed.file !== undefined && { file: parsed.file }),
      ...(caller.userId !== undefined && { userId: caller.userId }),
    };
    const key = test ? {} : keyOf(definition, input, headers["idempotency-key"], caller.delivery, context);

    // 3. Record it: from here on it is not lost.
    admit(context);
    const started = await engine.start({
      id: newExecutionId(),
      definition,
      input,
      ...key,
      // A body that the rules converted is no longer what the text says.
      ...(parsed.bodyText !== undefined && checked.body === parsed.body && { bodyText: parsed.bodyText }),
    });
    executionId = started.id;
    test?.started(executionId);

    // 4. Answer it.
    const accepted: Accepted = {
      executionId,
      workflowId: definition.id,
      project: settings.project,
      replayed: started.outcome === "exists",
    };
    if (!definition.responds) return sendAccepted(response, accepted);
    const reply = await waitForReply(context, executionId, response);
    if (response.destroyed) return;
    if (reply === undefined) return sendEnqueued(response, accepted, dateOf(executionId));
    await sendReply(response, reply, accepted, engine.files, log);
  } catch (error) {
    if (executionId === undefined) await test?.refused(error);
    sendError(response, error, log, {
      ...(executionId !== undefined && { executionId }),
      ...(error instanceof UnauthorizedError && { headers: { "WWW-Authenticate": error.challenge } }),
    });
  } finally {
    if (taken !== 0) context.bodies.release(taken);
  }
}

/** When it was accepted: an answer to a repeated request says the same as the first. */
function dateOf(executionId: string): string {
  return new Date(timeOfId(executionId) ?? Date.now()).toISOString();
}

/** @throws {@link WfError} `DRAINING`, `TOO_MANY_EXECUTIONS` */
export function admit({ draining, engine, settings }: ServerContext): void {
  if (draining) throw new WfError("DRAINING", "The server is shutting down.");
  if (engine.running >= settings.maxExecutions) {
    throw new WfError("TOO_MANY_EXECUTIONS", `${settings.maxExecutions} executions are running already.`);
  }
}

function authenticate(
  context: ServerContext,
  definition: Definition,
  request: IncomingMessage,
  raw: Buffer,
): Authentication | Promise<Authentication> {
  if (definition.request.auth.kind === "none") {
    return context.anonymousRefused
      ? { ok: false, reason: "a workflow without `auth` is not served on an address that others reach" }
      : ANONYMOUS;
  }
  const { method = "", url = "", headers } = request;
  return context.authenticate(definition, { method, url, headers, raw });
}

/** What a workflow's `auth` says of a request; undefined where it has none. */
async function signatureOf(
  context: ServerContext,
  definition: Definition,
  request: IncomingMessage,
  raw: Buffer,
): Promise<Authentication | undefined> {
  return definition.request.auth.kind === "none" ? undefined : authenticate(context, definition, request, raw);
}

/** One answer for every reason, so that it tells nothing about which credentials exist. */
class UnauthorizedError extends WfError {
  readonly challenge: string;

  constructor(challenge: string) {
    super("UNAUTHORIZED", "The request is not authenticated.");
    this.challenge = challenge;
  }
}

/** @see RFC 9110 section 11.6.1: every 401 names a way to authenticate */
function challengeOf(kind: AuthKind): string {
  switch (kind) {
    case "basic":
      return 'Basic realm="wf", charset="UTF-8"';
    case "signature":
      return 'Signature realm="wf"';
    default:
      return 'Bearer realm="wf"';
  }
}

function without(headers: ValueObject, names: readonly string[]): ValueObject {
  if (names.length === 0) return headers;
  const rest: Record<string, Value> = { ...headers };
  for (const name of names) delete rest[name];
  return rest;
}

/** Clients that name a type on every request do so on those without a body as well. */
function contentTypeOf({ method, headers }: IncomingMessage, body: Buffer): string | undefined {
  return body.length === 0 && (method === "GET" || method === "HEAD" || method === "DELETE")
    ? undefined
    : headers["content-type"];
}

function headersOf({ headers }: IncomingMessage): { readonly [name: string]: string } {
  // Node joins every repeated header but this one.
  const cookies = headers["set-cookie"];
  return (cookies === undefined ? headers : { ...headers, "set-cookie": cookies.join(", ") }) as Record<string, string>;
}

/**
 * The workflow's own expression decides where it yields a key, then the delivery that was authenticated: a caller must not
 * get around either by a header.
 *
 * @throws {@link WfError} `REQUEST_INVALID`
 */
export function keyOf(
  definition: Definition,
  input: TriggerInput,
  header: string | undefined,
  delivery: Delivery | undefined,
  context: ServerContext,
): Pick<ExecutionStart, "idempotencyKey" | "idempotencyWindowMs"> {
  if (header !== undefined && !KEY.test(header)) {
    throw new RequestInvalidError([
      {
        in: "headers",
        path: "idempotency-key",
        rule: `max_length: ${MAX_KEY_LENGTH}`,
        message: `\`Idempotency-Key\` must have 1 to ${MAX_KEY_LENGTH} printable ASCII characters`,
      },
    ]);
  }
  const own = definition.idempotency === undefined ? undefined : keyByExpression(definition, input, context);
  if (own !== undefined) return { idempotencyKey: own };
  if (delivery !== undefined) {
    // The id may be the signature itself, which is kept nowhere.
    return { idempotencyKey: `delivery:${sha256(delivery.id)}`, idempotencyWindowMs: delivery.windowMs };
  }
  return header === undefined ? {} : { idempotencyKey: header };
}

function keyByExpression(definition: Definition, input: TriggerInput, { log }: ServerContext): string | undefined {
  let key: Value | undefined;
  try {
    key = definition.idempotency?.evaluate({ trigger: { ...input } });
  } catch (error) {
    log.warn({ workflow: definition.id, err: error }, "The idempotency key could not be computed");
    throw new WfError("REQUEST_INVALID", "The workflow's idempotency key cannot be computed from this request.", {
      hint: "The request lacks a field that `idempotency` reads.",
      cause: error,
    });
  }
  if (key === undefined || key === null || key === "") return undefined;
  if (typeof key === "object") {
    throw new WfError("REQUEST_INVALID", "The workflow's idempotency key is not a text, a number or a boolean.", {
      hint: "The field that `idempotency` reads has another type in this request.",
    });
  }
  return shorten(String(key));
}

function shorten(text: string): string {
  return text.length <= MAX_KEY_LENGTH ? text : `sha256:${sha256(text)}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Ends early, as if the time were over, when the server's drain ends or the caller leaves. */
/** curl sends `--data` as a form unless told otherwise, and JSON read as a form has none of its fields. */
function adviseType({ isText }: ParsedBody, decoded: Buffer): string | undefined {
  if (!isText || decoded.byteLength > MAX_ADVISED_BYTES || !/^\s*\{/.test(decoded.toString())) return undefined;
  try {
    JSON.parse(decoded.toString());
  } catch {
    return undefined;
  }
  return "The body is JSON, but was sent as a form: set the header `Content-Type: application/json`.";
}

function waitForReply(context: ServerContext, id: string, response: ServerResponse): Promise<Reply | undefined> {
  const { engine, settings, waits } = context;
  return new Promise((resolve, reject) => {
    const release = (): void => {
      waits.delete(release);
      resolve(undefined);
    };
    waits.add(release);
    response.once("close", release);
    const forget = (): void => {
      waits.delete(release);
      response.off("close", release);
    };
    engine.waitResponse(id, settings.responseTimeoutMs).then(
      (reply) => {
        forget();
        resolve(reply);
      },
      (error: unknown) => {
        forget();
        reject(error);
      },
    );
  });
}
