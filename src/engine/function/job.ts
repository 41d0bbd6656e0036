/** What a call of a function is given and how it ends; types only. */
import type { ExecutionAbout, FileAt, FromWorker } from "./message.ts";

/** One call of one function. */
export interface Job {
  /** Absolute path of the module, in the folder of its definition's snapshot. */
  readonly module: string;
  readonly maxMemoryBytes: number;
  /** The input with null where files stand. */
  readonly json: string;
  readonly files: readonly FileAt[];
  readonly execution: ExecutionAbout;
  /** From the moment a thread takes it; waiting for a free thread does not count. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readBytes(given: number): Promise<Uint8Array>;
}

export type JobEnd = { readonly end: JobOutcome; readonly logs: readonly string[] };

/** How a call ended. */
export type JobOutcome =
  | Extract<FromWorker, { kind: "result" | "failed" }>
  /** An exception outside of the call's own promise: a timer, an event, a rejection that nobody handled. */
  | { readonly kind: "uncaught"; readonly error: unknown }
  | { readonly kind: "memory" }
  | { readonly kind: "exit"; readonly exitCode: number }
  | { readonly kind: "stopped"; readonly reason: unknown };
