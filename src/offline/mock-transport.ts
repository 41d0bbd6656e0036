/** Answers the requests of http steps by mocks: no connection is made, nothing else of the HTTP client is left out. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { EffectCall } from "../engine/effects.ts";
import type { Dispatchers, Transport, TransportAnswer } from "../engine/http/dispatcher.ts";
import type { HttpDetour } from "../engine/steps/http.ts";
import { WfError } from "../errors.ts";
import type { HttpStep } from "../workflow/definition.ts";
import type { VirtualClock } from "./clock.ts";
import { type Mock, MOCK_ERRORS, type MockAnswer, mockFor, type Mocks } from "./mocks.ts";

/** A request as an http step sent it. */
export interface SentRequest {
  readonly workflowId: string;
  readonly executionId: string;
  readonly stepId: string;
  readonly path: string;
  readonly method: string;
  readonly url: string;
  /** Lower-case names. */
  readonly headers: { readonly [name: string]: string | readonly string[] };
  readonly body: Buffer;
}

/** What keeps a case from saying anything: it is told in the place of its other failures. */
export type MockGap =
  | { readonly kind: "missing"; readonly request: SentRequest }
  | { readonly kind: "exhausted"; readonly request: SentRequest; readonly mock: Mock };

type RequestOptions = Parameters<Transport["request"]>[0];

/** Where a request goes that no mock answers. */
export type Fallback = (
  request: SentRequest,
  options: Parameters<Transport["request"]>[0],
  network: Transport,
) => Promise<TransportAnswer>;

/** Token endpoints answer with this, so that tests need no mock for every OAuth2 step. */
const TOKEN = { access_token: "offline-token", token_type: "Bearer", expires_in: 3_600 };

export class MockTransport implements HttpDetour {
  readonly sent: SentRequest[] = [];
  readonly gaps: MockGap[] = [];
  readonly #mocks: Mocks;
  readonly #clock: VirtualClock;
  /** Answers given so far. */
  readonly #given = new Map<Mock, number>();
  readonly #fallback: Fallback | undefined;

  /** @param fallback - Where a request goes that no mock answers; without it, that fails the case. */
  constructor(mocks: Mocks, clock: VirtualClock, fallback?: Fallback) {
    this.#mocks = mocks;
    this.#clock = clock;
    this.#fallback = fallback;
  }

  step(step: HttpStep, call: EffectCall, network: Dispatchers): Dispatchers {
    const over = (to: Transport): Transport => ({ request: (options) => this.#answer(step, call, options, to) });
    return { open: over(network.open), guarded: over(network.guarded), close: () => network.close() };
  }

  token(network: Dispatchers): Dispatchers {
    if (this.#fallback !== undefined) return network;
    const transport: Transport = {
      request: async () => answerOf(200, { "content-type": "application/json" }, Buffer.from(JSON.stringify(TOKEN))),
    };
    return { open: transport, guarded: transport, close: () => network.close() };
  }

  async #answer(
    step: HttpStep,
    call: EffectCall,
    options: RequestOptions,
    network: Transport,
  ): Promise<TransportAnswer> {
    const request = await sentRequest(step, call, options);
    this.sent.push(request);
    const mock = mockFor(this.#mocks, request);
    if (mock === undefined) {
      if (this.#fallback !== undefined) return this.#fallback(request, { ...options, body: request.body }, network);
      this.gaps.push({ kind: "missing", request });
      throw new WfError(
        "MOCK_MISSING",
        `Step \`${request.path}\` has no mock to answer ${request.method} ${request.url}.`,
      );
    }
    const given = this.#given.get(mock) ?? 0;
    this.#given.set(mock, given + 1);
    const answer = mock.answers[mock.isSequence ? given : 0];
    if (answer === undefined) {
      this.gaps.push({ kind: "exhausted", request, mock });
      throw new WfError("MOCK_MISSING", `The sequence of mock \`${mock.name}\` has no answer ${given + 1}.`);
    }
    return this.#give(answer, options.signal as AbortSignal);
  }

  async #give(answer: MockAnswer, signal: AbortSignal): Promise<TransportAnswer> {
    if (answer.delayMs > 0) await this.#clock.rest(answer.delayMs, signal);
    if (answer.error !== undefined) {
      const code = MOCK_ERRORS[answer.error];
      throw Object.assign(new Error(`mock: ${answer.error}`), { code });
    }
    return answerOf(answer.status, answer.headers, answer.body);
  }
}

function answerOf(
  statusCode: number,
  headers: { readonly [name: string]: string | string[] },
  body: Buffer,
): TransportAnswer {
  const pieces = body.length === 0 ? [] : [body];
  return { statusCode, headers: { ...headers }, body: Readable.from(pieces, { objectMode: false }) };
}

async function sentRequest(step: HttpStep, call: EffectCall, options: RequestOptions): Promise<SentRequest> {
  const { id: executionId, workflowId } = call.execution;
  const { origin, path, method, headers, body } = options;
  return {
    workflowId,
    executionId,
    stepId: step.id,
    path: call.path,
    method,
    url: `${String(origin)}${path}`,
    headers: { ...(headers as SentRequest["headers"]) },
    body: body instanceof Readable ? await buffer(body) : Buffer.from((body as Buffer | null) ?? ""),
  };
}
