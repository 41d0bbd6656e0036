/** The test URL: what reaches it is kept whole, and then answered as the workflow would. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CaptureAnswer, CaptureStore, CaptureVerdict } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { readBody } from "./body.ts";
import { RequestInvalidError, sendError } from "./reply-error.ts";
import type { Authentication, ServerContext } from "./server-context.ts";

/** Of an answer's text. */
const MAX_TEXT_BYTES = 65_536;
const NO_BODY = Buffer.alloc(0);

/** One request to the test URL on its way. */
export class TestCapture {
  readonly #context: ServerContext;
  readonly #store: CaptureStore;
  readonly #workflowId: string;
  readonly #request: IncomingMessage;
  readonly #answer: AnswerRecorder;
  readonly #headers: (readonly [string, string])[] = [];
  readonly #replay: ReturnType<ServerContext["replays"]["of"]>;
  #id: Promise<string> | undefined;
  #refusal: WfError | undefined;
  #executionId: string | undefined;
  #needsNoRun = false;

  constructor(
    context: ServerContext,
    store: CaptureStore,
    workflowId: string,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#context = context;
    this.#store = store;
    this.#workflowId = workflowId;
    this.#request = request;
    this.#replay = context.replays.of(request.socket);
    const { rawHeaders } = request;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      this.#headers.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
    }
    this.#answer = new AnswerRecorder(response);
    response.once("close", () => void this.#settle());
  }

  /**
   * Keeps the request, before anything looks into it; durable when it resolves.
   *
   * @param caller - What the workflow's `auth` says; undefined where it has none.
   * @throws {@link WfError} the store's own errors
   */
  async received(raw: Buffer, caller?: Authentication): Promise<void> {
    const { method = "", url = "" } = this.#request;
    this.#id = this.#store
      .add(
        this.#workflowId,
        { method, url, headers: this.#headers, body: raw },
        {
          ...(this.#replay !== undefined && { replayOf: this.#replay.replayOf }),
          ...signatureOf(caller),
        },
      )
      .then(({ id }) => id);
    await this.#id;
  }

  started(executionId: string): void {
    this.#executionId = executionId;
  }

  /** Notes that it only asked about the workflow, so that its answer takes no execution. */
  needsNoRun(): void {
    this.#needsNoRun = true;
  }

  /** Notes why no execution was started; a request that could not even be read is kept without its body. */
  async refused(error: unknown): Promise<void> {
    this.#refusal = error instanceof WfError ? error : new WfError("INTERNAL", "Internal error.");
    if (this.#id !== undefined || this.#refusal.code === "DRAINING") return;
    await this.received(NO_BODY).catch(() => undefined);
  }

  async #settle(): Promise<void> {
    try {
      const id = await this.#id;
      if (id === undefined) return;
      const executionId = this.#executionId;
      await this.#store.settle(id, {
        verdict: this.#needsNoRun ? { kind: "accepted" } : verdictOf(this.#refusal, executionId),
        answer: this.#answer.answer(),
        ...(executionId !== undefined && { executionId }),
      });
      this.#replay?.done(id);
    } catch (error) {
      this.#context.log.warn({ workflow: this.#workflowId, err: error }, "A capture's answer could not be kept");
    }
  }
}

function signatureOf(caller: Authentication | undefined): { readonly signature?: "valid" | "invalid" } {
  if (caller === undefined || (!caller.ok && caller.unchecked === true)) return {};
  return { signature: caller.ok ? "valid" : "invalid" };
}

function verdictOf(refusal: WfError | undefined, executionId: string | undefined): CaptureVerdict {
  if (executionId !== undefined) return { kind: "accepted" };
  if (refusal === undefined) {
    return { kind: "refused", code: "BODY_MALFORMED", message: "The client went away.", errors: [] };
  }
  const { code, message } = refusal;
  return {
    kind: "refused",
    code,
    message: refusal.status >= 500 && code !== "WORKFLOW_INVALID" ? "The request could not be run." : message,
    errors: refusal instanceof RequestInvalidError ? refusal.violations : [],
  };
}

/**
 * Keeps a request that starts no execution, and answers it.
 *
 * @param answer - A refusal, or what answers it: it only asked about the workflow then.
 */
export async function keepUnrun(
  context: ServerContext,
  test: TestCapture,
  request: IncomingMessage,
  response: ServerResponse,
  answer: WfError | (() => void),
): Promise<void> {
  const { settings, bodies, log } = context;
  let taken = 0;
  try {
    if (context.draining) throw new WfError("DRAINING", "The server is shutting down.");
    taken = bodies.take(request, settings.maxBodyBytes);
    await readBody(request, settings.maxBodyBytes, (raw) => test.received(raw));
    if (answer instanceof WfError) throw answer;
    test.needsNoRun();
    answer();
  } catch (error) {
    await test.refused(error);
    sendError(response, error, log);
  } finally {
    if (taken !== 0) bodies.release(taken);
  }
}

/** Sees what leaves through a response. */
class AnswerRecorder {
  readonly #response: ServerResponse;
  readonly #begun = performance.now();
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #kept = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
    const write = response.write.bind(response) as (...args: unknown[]) => boolean;
    const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
    response.write = (...args: unknown[]): boolean => {
      this.#see(args[0]);
      return write(...args);
    };
    response.end = (...args: unknown[]): ServerResponse => {
      this.#see(args[0]);
      return end(...args);
    };
  }

  answer(): CaptureAnswer {
    const { statusCode, headersSent } = this.#response;
    const headers = headersSent ? sentHeaders(this.#response) : [];
    const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
    return {
      // 499 is how logs of servers tell that the client left first.
      status: headersSent ? statusCode : 499,
      headers,
      ...(/json|text|xml|urlencoded/.test(type) && { text: Buffer.concat(this.#chunks).toString("utf8") }),
      bodySize: this.#size,
      durationMs: Math.round((performance.now() - this.#begun) * 10) / 10,
    };
  }

  #see(chunk: unknown): void {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return;
    const bytes = Buffer.from(chunk as Uint8Array);
    this.#size += bytes.length;
    if (this.#kept >= MAX_TEXT_BYTES) return;
    const part = bytes.subarray(0, MAX_TEXT_BYTES - this.#kept);
    this.#chunks.push(part);
    this.#kept += part.length;
  }
}

/** `writeHead` with a list of headers leaves none of them behind but the block that was sent. */
function sentHeaders(response: ServerResponse): (readonly [string, string])[] {
  const block = (response as ServerResponse & { _header?: string | null })._header ?? "";
  return block
    .split("\r\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line): readonly [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
}
