/** The contract that every engine keeps; types only. `test/engine/engine.suite.ts` is its meaning. */
import type { Definition, StepKind } from "../workflow/definition.ts";
import type { FileValue, Value, ValueObject } from "../value.ts";
import type { ErrorCode } from "../errors.ts";
import type { FileStore } from "./files.ts";

export type ExecutionStatus = "EXECUTING" | "DELAYED" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** The request as steps see it under `trigger`. */
export interface TriggerInput {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly query: ValueObject;
  /** Lower-case names; text, repeated headers joined by `, `, but for those that a rule converted. */
  readonly headers: ValueObject;
  readonly body: Value;
  /** The upload, when the request carried one. */
  readonly file?: FileValue;
  readonly userId?: string;
}

/** Why a step or an execution failed, as records and `error` in expressions show it. */
export interface StepError {
  readonly code: ErrorCode;
  readonly message: string;
  /** More that the step knows, for example `{ statusCode, headers, body }` of an http step. */
  readonly details?: ValueObject;
}

/** What the caller gets. */
export type Reply =
  | {
      readonly kind: "response";
      readonly status: number;
      readonly headers: { readonly [name: string]: string };
      readonly body:
        | { readonly kind: "json"; readonly value: Value }
        | { readonly kind: "text"; readonly text: string }
        | { readonly kind: "file"; readonly file: FileValue }
        | { readonly kind: "empty" };
    }
  /** Ended without reaching a response step: answered as if it had none. */
  | { readonly kind: "none" }
  | { readonly kind: "failed" }
  | { readonly kind: "cancelled" };

export interface ExecutionStart {
  /** UUIDv7 from {@link newExecutionId}; ignored when the idempotency key is known. */
  readonly id: string;
  readonly definition: Definition;
  readonly input: TriggerInput;
  /** Per workflow; kept for 24 h. */
  readonly idempotencyKey?: string;
  /** How long ago an execution with the same key may have begun to count; at most the 24 h. @defaultValue 24 h */
  readonly idempotencyWindowMs?: number;
  /** The execution that this one repeats. */
  readonly replayOf?: string;
  /** The execution whose `workflow` step started this one. */
  readonly parentId?: string;
  /** The raw JSON text that `input.body` was parsed from; saves encoding it again. */
  readonly bodyText?: string;
}

export interface Execution {
  readonly id: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  readonly userId: string | null;
  readonly status: ExecutionStatus;
  /** ISO 8601 UTC with milliseconds. */
  readonly dateStarted: string;
  readonly dateEnded: string | null;
  /** Number of recorded step executions. */
  readonly taskCount: number;
  readonly runDurationMs: number | null;
  readonly error: StepError | null;
  readonly replayOf: string | null;
  readonly parentId: string | null;
}

export interface StepExecution {
  /** `<execution id>:<path>` */
  readonly id: string;
  readonly stepId: string;
  /** Where it ran: `notify[2].send`. Unique in the execution. */
  readonly path: string;
  readonly kind: StepKind;
  readonly name: string | null;
  readonly status: "EXECUTING" | "DELAYED" | "SUCCEEDED" | "FAILED" | "SKIPPED";
  readonly start: string;
  readonly end: string | null;
  /** The last attempt's input; null when the step has none. */
  readonly input: Value;
  readonly output: Value;
  readonly error: StepError | null;
  /** One entry an attempt, in order. */
  readonly attempts: readonly { readonly start: string; readonly end: string; readonly error: StepError | null }[];
  /** What a function logged. */
  readonly logs: readonly string[];
}

export interface ExecutionWithSteps extends Execution {
  readonly input: TriggerInput;
  readonly reply: Reply | null;
  /** In the order in which they started. */
  readonly steps: readonly StepExecution[];
}

export interface ExecutionFilter {
  readonly workflowId?: string;
  readonly userId?: string;
  readonly status?: ExecutionStatus;
  /** Started before, ISO 8601. */
  readonly before?: string;
  readonly after?: string;
  /** @defaultValue DESC (newest first) */
  readonly order?: "ASC" | "DESC";
  /** 1 to 1000. @defaultValue 100 */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Undefined on the last page. */
  readonly next?: string;
}

/** What can be read of executions, by the owner of the store or beside it. */
export interface History {
  list(filter: ExecutionFilter): Promise<Page<Execution>>;
  get(id: string): Promise<ExecutionWithSteps | undefined>;
}

/** Records and drives executions. */
export interface Engine extends History {
  readonly files: FileStore;
  /**
   * Records an execution; durable (committed and synced) when it resolves, so a crash afterwards resumes it.
   *
   * @returns `exists` with the first execution's id when the idempotency key was used within its window.
   * @throws {@link WfError} `STORE_FULL`, `STORE_BUSY`, `STORE_FAILED`; nothing is recorded then.
   */
  start(start: ExecutionStart): Promise<{ readonly outcome: "created" | "exists"; readonly id: string }>;
  /** @returns undefined when no reply came in time; the reply is committed and synced when it resolves. */
  waitResponse(id: string, timeoutMs: number): Promise<Reply | undefined>;
  /** Resolves with the final execution, undefined when the time is over first or the id is unknown. */
  waitEnd(id: string, timeoutMs: number): Promise<Execution | undefined>;
  /** Acts at once in a delay, at the next step otherwise. @returns false when it had ended already or is unknown. */
  cancel(id: string): Promise<boolean>;
  /** The definition that an execution runs. */
  definition(hash: string): Promise<Definition | undefined>;
  /** Executions that run in this process now; sleeping ones do not count. */
  readonly running: number;
  /** Resolves when nothing runs any more, or the time is over. Started executions that sleep stay recorded. */
  drain(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}
