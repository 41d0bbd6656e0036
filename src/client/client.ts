/** The client SDK, for Node.js and browsers: nothing here imports more than the platform that both have. */
import { ClientError } from "./client-error.ts";
import { createHistory } from "./client-history.ts";
import type { ClientExecutionDetails, ClientHistory } from "./client-history.ts";
import { pause, send } from "./client-request.ts";
import type { Call, Connection } from "./client-request.ts";

export { ClientError };

const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 2_000;

export interface ClientOptions {
  /** Where the server answers, such as `https://hooks.example.com`. */
  readonly baseUrl: string;
  /** `project` in the server's wf.yaml. */
  readonly projectId: string;
  /** A user token or an API key. A function is asked before every request, so that it can renew what expires. */
  readonly token: string | (() => string | Promise<string>);
  /** @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

export interface TriggerOptions {
  /** A list gives its name once for each entry; undefined leaves it out. */
  readonly query?: {
    readonly [name: string]: string | number | boolean | readonly (string | number | boolean)[] | undefined;
  };
  readonly headers?: { readonly [name: string]: string };
  /**
   * Sent as JSON. `FormData`, `URLSearchParams`, `Blob` and bytes are sent as they are, and so is a string beside a
   * `Content-Type` of its own.
   */
  readonly body?: unknown;
  /** @defaultValue POST */
  readonly method?: string;
  /**
   * 1 to 255 printable ASCII characters: requests with the same key start one execution within 24 hours. null sends none, and
   * then nothing is retried.
   *
   * @defaultValue a random one for each call, which makes the call's own retries safe
   */
  readonly idempotencyKey?: string | null;
  readonly signal?: AbortSignal;
}

interface Started {
  readonly executionId: string;
  /** An earlier request with the same idempotency key started it. */
  readonly replayed: boolean;
}

/** What came of a trigger, by `kind`. */
export type TriggerResult<T = unknown> =
  /** The workflow's own answer. */
  | (Started & {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: Headers;
      /** JSON as a value, text as a string, anything else as a `Blob`. */
      readonly body: T;
    })
  /** 202: it runs, and answers nothing. */
  | (Started & { readonly kind: "accepted"; readonly status: 202; readonly workflowId: string })
  /** 542: it runs still, and its answer came too late for this request; {@link Client.wait} tells when it ends. */
  | (Started & {
      readonly kind: "pending";
      readonly status: 542;
      readonly workflowId: string;
      readonly dateSubmitted: string;
    });

export interface Client {
  /**
   * Runs a workflow.
   *
   * @remarks Network errors, 429 and 503 are tried again up to three times, after the time that `Retry-After` names (30
   * seconds at most), under the same idempotency key. What the workflow itself answered is never tried again.
   *
   * @throws {@link ClientError} for every status from 300 up but 542, and when nothing answered
   */
  trigger<T = unknown>(workflowId: string, options?: TriggerOptions): Promise<TriggerResult<T>>;
  /**
   * Sends an event, which starts every workflow of its name that is on for the user of the token. Needs a user token.
   *
   * @param payload - `trigger.body` of each; any JSON, 1 MB at most.
   * @param options - `idempotencyKey` as in {@link TriggerOptions}; each workflow starts once for it.
   * @returns The executions, which may be none.
   * @throws {@link ClientError} `UNAUTHORIZED`, `REQUEST_INVALID`, `BODY_TOO_LARGE`, `NETWORK`
   */
  event(
    name: string,
    payload?: unknown,
    options?: Pick<TriggerOptions, "idempotencyKey" | "signal">,
  ): Promise<readonly { readonly workflowId: string; readonly executionId: string }[]>;
  /**
   * Waits until an execution has ended, however it ended. Needs an API key with the scope `history:read`.
   *
   * @param options - `timeoutMs`: milliseconds; default no limit.
   * @throws {@link ClientError} `WAIT_TIMEOUT` with the execution's id; `EXECUTION_NOT_FOUND`; `UNAUTHORIZED`; `FORBIDDEN`
   */
  wait(
    executionId: string,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<ClientExecutionDetails>;
  readonly history: ClientHistory;
}

/** Makes a client of one project. It opens nothing, so there is nothing to close. */
export function createClient(options: ClientOptions): Client {
  const { token } = options;
  const connection: Connection = {
    base: options.baseUrl.replace(/\/+$/, ""),
    token: typeof token === "string" ? () => token : token,
    // Browsers refuse a `fetch` that is called as a method of anything else.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
  const project = `/projects/${encodeURIComponent(options.projectId)}`;
  const history = createHistory(connection, project);

  return {
    history,

    async trigger<T>(workflowId: string, trigger: TriggerOptions = {}): Promise<TriggerResult<T>> {
      const answer = await send(connection, callOf(`${project}/sdk/triggers/`, workflowId, trigger));
      const { status, headers } = answer;
      const replayed = headers.get("idempotency-replayed") === "true";
      const own = headers.get("x-execution-id");
      if (own !== null) {
        return { kind: "answered", status, headers, body: answer.body as T, executionId: own, replayed };
      }
      const { executionId, workflowId: id, dateSubmitted } = answer.body as Record<string, string>;
      if (executionId === undefined || id === undefined) throw foreign(status, answer.body);
      return status === 542
        ? { kind: "pending", status, executionId, workflowId: id, dateSubmitted: dateSubmitted ?? "", replayed }
        : { kind: "accepted", status: 202, executionId, workflowId: id, replayed };
    },

    async event(name, payload, about) {
      const call = callOf(`${project}/sdk/events/`, "trigger", { ...about, body: { name, payload } });
      const { status, body } = await send(connection, call);
      const executions = (body as { executions?: { workflowId: string; executionId: string }[] } | null)?.executions;
      if (executions === undefined) throw foreign(status, body);
      return executions;
    },

    async wait(executionId, { timeoutMs = Infinity, signal } = {}) {
      const deadline = Date.now() + timeoutMs;
      for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.5, LONGEST_POLL_MS)) {
        const execution = await history.get(executionId, { signal });
        if (execution.status !== "EXECUTING" && execution.status !== "DELAYED") return execution;
        const left = deadline - Date.now();
        if (left <= 0) {
          throw new ClientError(0, "WAIT_TIMEOUT", `The execution has not ended in ${timeoutMs} ms.`, { executionId });
        }
        await pause(Math.min(pollMs, left), signal);
      }
    },
  };
}

function foreign(status: number, body: unknown): ClientError {
  return new ClientError(status, "HTTP", "The answer is none of a workflow server.", { body });
}

function callOf(root: string, workflowId: string, options: TriggerOptions): Call {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    for (const one of [value].flat()) if (one !== undefined) query.append(name, String(one));
  }
  const headers = new Headers(options.headers);
  const { body, idempotencyKey = randomKey() } = options;
  if (idempotencyKey !== null) headers.set("Idempotency-Key", idempotencyKey);
  const isSentAsIs =
    body === undefined ||
    body instanceof FormData ||
    body instanceof URLSearchParams ||
    body instanceof Blob ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    (typeof body === "string" && headers.has("Content-Type"));
  if (!isSentAsIs && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
  const search = query.toString();
  return {
    method: options.method ?? "POST",
    path: root + encodeURIComponent(workflowId) + (search && `?${search}`),
    headers,
    body: (isSentAsIs ? body : JSON.stringify(body)) as Call["body"],
    signal: options.signal,
    repeatable: idempotencyKey !== null,
  };
}

/** Not `randomUUID`, which browsers keep from pages without TLS. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
