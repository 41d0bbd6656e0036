/** A rule that the request broke. */
export interface BrokenRule {
  readonly in: "query" | "headers" | "body";
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

/**
 * The one error of the client.
 *
 * @remarks An `AbortSignal` that aborts rejects with its own reason instead.
 */
export class ClientError extends Error {
  override readonly name = "ClientError";
  /** Of the answer; 0 when there was none. */
  readonly status: number;
  /**
   * The server's error code, such as `REQUEST_INVALID`; `WORKFLOW_REPLY` when the workflow itself answered with an error
   * status, `NETWORK` when nothing answered, `WAIT_TIMEOUT` when an execution had not ended in time, `HTTP` for anything else.
   */
  readonly code: string;
  /** Finds the execution in the Task History, when one was started. */
  readonly executionId: string | undefined;
  /** Every rule that the request broke; empty but for `REQUEST_INVALID`. */
  readonly errors: readonly BrokenRule[];
  /** The answer's body: JSON as a value, text as a string, anything else as a `Blob`. */
  readonly body: unknown;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { executionId?: string | undefined; errors?: readonly BrokenRule[]; body?: unknown; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.status = status;
    this.code = code;
    this.executionId = more.executionId;
    this.errors = more.errors ?? [];
    this.body = more.body;
  }
}
