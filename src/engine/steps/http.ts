import { WfError } from "../../errors.ts";
import type { Value, ValueObject } from "../../value.ts";
import { readVersion } from "../../version.ts";
import type { HttpStep } from "../../workflow/definition.ts";
import type { StepOutcome } from "../context.ts";
import type { EffectCall, Effects } from "../effects.ts";
import type { FileStore } from "../files.ts";
import { discard, readAnswer, readErrorBody } from "../http/answer.ts";
import type { Answer } from "../http/answer.ts";
import { ACCEPT_ENCODING } from "../http/decode.ts";
import { createDispatchers } from "../http/dispatcher.ts";
import type { Dispatchers } from "../http/dispatcher.ts";
import { exchange } from "../http/exchange.ts";
import type { OutgoingRequest } from "../http/exchange.ts";
import { failureOf, statusFailure, stoppedFailure } from "../http/failure.ts";
import type { RequestHeaders } from "../http/headers.ts";
import { createTokenCache } from "../http/oauth2.ts";
import type { TokenCache } from "../http/oauth2.ts";
import { nextPage, nextToken, pageItems } from "../http/page.ts";
import { planRequest, requestOf, shownRequest } from "../http/request.ts";
import type { RequestPlan } from "../http/request.ts";

export interface HttpEffectOptions {
  readonly files: FileStore;
  /** Hosts, hosts with port, addresses and networks that expressions may name although they are private. */
  readonly allowPrivate: readonly string[];
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
  /** Takes requests elsewhere than to the network. */
  readonly detour?: HttpDetour;
}

/** Where requests go in the network's place, or how they are watched on the way there. */
export interface HttpDetour {
  /** For the requests of one attempt. */
  step(step: HttpStep, call: EffectCall, network: Dispatchers): Dispatchers;
  /** For requests to token endpoints. */
  token(network: Dispatchers): Dispatchers;
}

export interface HttpEffect {
  readonly http: Effects["http"];
  /** Drops every connection; steps under way fail. */
  close(): Promise<void>;
}

interface Client {
  readonly files: FileStore;
  readonly dispatchers: Dispatchers;
  readonly tokens: TokenCache;
  readonly now: () => number;
  readonly userAgent: string;
}

/**
 * Makes the http step.
 *
 * @throws {@link WfError} `SETTINGS_INVALID` for an entry of `allowPrivate` that is no host, address or network
 */
export function createHttpEffect(options: HttpEffectOptions): HttpEffect {
  const { files, allowPrivate, now = Date.now } = options;
  const { detour } = options;
  const dispatchers = createDispatchers(allowPrivate);
  const userAgent = `wf/${readVersion()}`;
  const headers: RequestHeaders = new Map([["user-agent", userAgent]]);
  const tokens = createTokenCache({ dispatchers: detour?.token(dispatchers) ?? dispatchers, files, headers, now });
  const client: Client = { files, dispatchers, tokens, now, userAgent };
  const clientOf = (step: HttpStep, call: EffectCall): Client =>
    detour === undefined ? client : { ...client, dispatchers: detour.step(step, call, dispatchers) };
  return { http: (step, call) => runHttp(step, call, clientOf(step, call)), close: () => dispatchers.close() };
}

/** Evaluates, sends, reads; every failure is an outcome. */
async function runHttp(step: HttpStep, call: EffectCall, client: Client): Promise<StepOutcome> {
  const seed = `${call.execution.id}:${call.path}`;
  let input: Value = null;
  let target = step.http.method;
  try {
    if (call.signal.aborted) return stoppedFailure(call.signal.reason);
    const plan = planRequest(step.http, call.scope, defaultHeaders(client, seed));
    target = `${plan.method} ${plan.url.host}`;
    const request = requestOf(plan, client.files, seed);
    input = shownRequest(request);
    const outcome = step.http.paginate
      ? await runPages(step, plan, call, client)
      : await runOne(step, plan, request, call, client);
    return { ...outcome, input };
  } catch (error) {
    return { ...failureOf(error, target, call.signal), ...(input === null ? {} : { input }) };
  }
}

function defaultHeaders(client: Client, idempotencyKey: string): RequestHeaders {
  return new Map([
    ["user-agent", client.userAgent],
    ["accept", "*/*"],
    ["accept-encoding", ACCEPT_ENCODING],
    // Loop names and branch names are free text; a header is not.
    ["idempotency-key", headerText(idempotencyKey)],
  ]);
}

function headerText(text: string): string {
  return encodeURI(text.toWellFormed());
}

async function runOne(
  step: HttpStep,
  plan: RequestPlan,
  request: OutgoingRequest,
  call: EffectCall,
  client: Client,
): Promise<StepOutcome> {
  const answer = await authorized(plan, request, call.signal, client);
  if (answer.statusCode >= 400) return statusOutcome(answer, client);
  const { body } = await readAnswer(answer, {
    mode: step.http.response,
    limit: step.http.maxResponseBytes,
    files: client.files,
  });
  // The whole body may have come just before the signal; the caller has given up all the same.
  if (call.signal.aborted) return stoppedFailure(call.signal.reason);
  return { kind: "succeeded", output: { statusCode: answer.statusCode, headers: answer.headers, body } };
}

async function statusOutcome(answer: Answer, client: Client): Promise<StepOutcome> {
  const { statusCode, headers, method, url } = answer;
  const body = await readErrorBody(answer);
  return statusFailure(`${method} ${url.host}`, { statusCode, headers, body }, client.now());
}

/** With OAuth2, a 401 means that the cached token was revoked: it is fetched again, once. */
async function authorized(
  plan: RequestPlan,
  request: OutgoingRequest,
  signal: AbortSignal,
  client: Client,
): Promise<Answer> {
  if (!plan.oauth2) return exchange(request, client.dispatchers, signal);
  const token = await client.tokens.token(plan.oauth2, signal);
  const answer = await exchange(withToken(request, token), client.dispatchers, signal);
  if (answer.statusCode !== 401) return answer;
  await discard(answer.body);
  const renewed = await client.tokens.token(plan.oauth2, signal, token);
  return exchange(withToken(request, renewed), client.dispatchers, signal);
}

function withToken(request: OutgoingRequest, token: string): OutgoingRequest {
  return { ...request, headers: new Map([...request.headers, ["authorization", `Bearer ${token}`]]) };
}

/** Fetches page after page; the lists, joined, become the body. The byte limit counts all pages together. */
async function runPages(step: HttpStep, first: RequestPlan, call: EffectCall, client: Client): Promise<StepOutcome> {
  const { paginate, maxResponseBytes } = step.http;
  if (!paginate) throw new Error("runPages needs `paginate`");
  const items: Value[] = [];
  const tokens = new Set<string>();
  let plan = first;
  let left = maxResponseBytes;
  for (let pages = 1; ; pages += 1) {
    const request = requestOf(plan, client.files, `${call.execution.id}:${call.path}:${pages}`);
    const answer = await authorized(plan, request, call.signal, client);
    if (answer.statusCode >= 400) return await statusOutcome(answer, client);
    const read = await readPage(answer, step, left, client);
    left -= read.bytes;
    const page: ValueObject = { statusCode: answer.statusCode, headers: answer.headers, body: read.body };
    const scope = { ...call.scope, page, pages };
    // One at a time: spreading a long list into push() overflows the stack.
    for (const item of pageItems(paginate, scope)) items.push(item);
    const token = nextToken(paginate, scope);
    if (call.signal.aborted) return stoppedFailure(call.signal.reason);
    if (token === undefined || pages >= paginate.maxPages) {
      const cut = token !== undefined;
      return {
        kind: "succeeded",
        output: { ...page, body: items },
        ...(cut ? { logs: [`Stopped after ${pages} pages (max_pages); the server has more.`] } : {}),
      };
    }
    if (tokens.has(token)) {
      throw new WfError("HTTP_FAILED", `${plan.url.host} gave the same page token twice, on page ${pages}.`);
    }
    tokens.add(token);
    const ownKey = headerText(`${call.execution.id}:${call.path}`);
    plan = withPageKey(nextPage(plan, paginate, token, answer.url), ownKey, pages);
  }
}

async function readPage(
  answer: Answer,
  step: HttpStep,
  left: number,
  client: Client,
): Promise<{ body: Value; bytes: number }> {
  try {
    return await readAnswer(answer, { mode: step.http.response, limit: left, files: client.files });
  } catch (error) {
    if (!(error instanceof WfError) || error.code !== "HTTP_RESPONSE_TOO_LARGE") throw error;
    const limit = step.http.maxResponseBytes;
    throw new WfError("HTTP_RESPONSE_TOO_LARGE", `The pages are larger than ${limit} bytes together (decoded).`);
  }
}

/** Each page is a request of its own: under one key a server would answer the first page again. */
function withPageKey(plan: RequestPlan, ownKey: string, pagesBefore: number): RequestPlan {
  const key = plan.headers.get("idempotency-key");
  if (typeof key !== "string" || (key !== ownKey && !key.startsWith(`${ownKey}:page-`))) return plan;
  return { ...plan, headers: new Map([...plan.headers, ["idempotency-key", `${ownKey}:page-${pagesBefore + 1}`]]) };
}
