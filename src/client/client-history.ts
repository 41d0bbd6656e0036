/** The Task History of a project, as the client shows it. */
import type { Connection } from "./client-request.ts";
import { send } from "./client-request.ts";

export type ClientExecutionStatus = "EXECUTING" | "DELAYED" | "SUCCEEDED" | "FAILED" | "CANCELLED";

export interface ClientExecution {
  readonly id: string;
  readonly userId: string | null;
  /** Number of step executions. */
  readonly taskCount: number;
  /** Milliseconds; null until it has ended. */
  readonly runDuration: number | null;
  readonly workflowId: string;
  readonly status: ClientExecutionStatus;
  /** ISO 8601 UTC with milliseconds. */
  readonly dateStarted: string;
  readonly dateEnded: string | null;
}

export interface ClientStepExecution {
  readonly id: string;
  readonly stepId: string;
  readonly workflowExecutionId: string;
  readonly status: string;
  /** `TRIGGER/REQUEST`, `ACTION/REQUEST`, … */
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly next: readonly string[];
  readonly prev: string | null;
  /** Bytes of JSON, as text. */
  readonly inputSize: string;
  readonly outputSize: string;
}

export interface ClientExecutionDetails extends ClientExecution {
  readonly stepExecutions: readonly ClientStepExecution[];
}

export interface ClientHistoryFilter {
  readonly userId?: string;
  readonly workflowId?: string;
  readonly status?: ClientExecutionStatus;
  /** ISO 8601. */
  readonly beforeDate?: string;
  readonly afterDate?: string;
  /** @defaultValue DESC (newest first) */
  readonly sortBy?: "ASC" | "DESC";
  /** `next` of the page before. */
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

export interface ClientHistoryPage {
  /** At most 100. */
  readonly executions: readonly ClientExecution[];
  /** For `cursor`; undefined on the last page. */
  readonly next: string | undefined;
}

/** Needs an API key as the client's token, with the scope `history:read`, and `history:write` to replay. */
export interface ClientHistory {
  /** @throws {@link ClientError} `REQUEST_INVALID`, `UNAUTHORIZED`, `FORBIDDEN`, `NETWORK` */
  list(filter?: ClientHistoryFilter): Promise<ClientHistoryPage>;
  /** @throws {@link ClientError} `EXECUTION_NOT_FOUND`, `UNAUTHORIZED`, `FORBIDDEN`, `NETWORK` */
  get(executionId: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<ClientExecutionDetails>;
  /**
   * Runs an execution's request again. Never repeated by itself: each call that arrives starts one.
   *
   * @param options - `definition`: `same` runs the version that the execution ran, `current` the live one. Default `same`.
   * @throws {@link ClientError} `EXECUTION_NOT_FOUND`, `WORKFLOW_NOT_FOUND`, `UNAUTHORIZED`, `FORBIDDEN`, `NETWORK`
   */
  replay(
    executionId: string,
    options?: { readonly definition?: "same" | "current"; readonly signal?: AbortSignal | undefined },
  ): Promise<Pick<ClientExecution, "id" | "userId" | "workflowId" | "status" | "dateStarted">>;
}

export function createHistory(connection: Connection, project: string): ClientHistory {
  const root = `${project}/task-history/workflow-executions`;
  const call = async (method: string, path: string, signal: AbortSignal | undefined): Promise<unknown> =>
    (await send(connection, { method, path: root + path, signal, repeatable: method === "GET" })).body;

  return {
    async list({ signal, ...filter } = {}) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
      const page = (await call("GET", `?${query.toString()}`, signal)) as {
        readonly workflowExecutions: readonly ClientExecution[];
        readonly nextLink: string | null;
      };
      const next = page.nextLink === null ? null : new URL(page.nextLink).searchParams.get("cursor");
      return { executions: page.workflowExecutions, next: next ?? undefined };
    },
    async get(executionId, { signal } = {}) {
      return (await call("GET", `/${encodeURIComponent(executionId)}`, signal)) as ClientExecutionDetails;
    },
    async replay(executionId, { definition = "same", signal } = {}) {
      const path = `/${encodeURIComponent(executionId)}/replay?definition=${definition}`;
      return (await call("POST", path, signal)) as ClientExecution;
    },
  };
}
