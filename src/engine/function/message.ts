/** What the pool and its workers say to each other; types only, so that the worker loads nothing for them. */

/** A file as it crosses over: its place in the JSON, which holds null there. */
export interface FileAt {
  readonly path: readonly (string | number)[];
  readonly file: { readonly name: string; readonly mimeType: string; readonly size: number; readonly hash: string };
}

export interface ExecutionAbout {
  readonly id: string;
  readonly workflowId: string;
  readonly startedAt: string;
  readonly userId?: string;
}

export type ToWorker =
  | {
      readonly kind: "call";
      readonly call: number;
      readonly json: string;
      readonly files: readonly FileAt[];
      readonly execution: ExecutionAbout;
    }
  | { readonly kind: "abort"; readonly call: number; readonly reason: string }
  | { readonly kind: "bytes"; readonly read: number; readonly bytes: Uint8Array }
  | { readonly kind: "bytes-failed"; readonly read: number; readonly message: string };

/** A file in an output: one that was handed in, by its number in the call, or a new one with its bytes. */
export type OutputFile = { readonly path: readonly (string | number)[] } & (
  | { readonly given: number }
  | { readonly name: string; readonly mimeType: string; readonly bytes: Uint8Array }
);

export type FromWorker =
  | { readonly kind: "log"; readonly call: number; readonly line: string }
  | { readonly kind: "read"; readonly read: number; readonly call: number; readonly given: number }
  | { readonly kind: "result"; readonly call: number; readonly json: string; readonly files: readonly OutputFile[] }
  /** `load`: the module could not be used at all; `output`: what it returned is no JSON; `throw`: its own error. */
  | {
      readonly kind: "failed";
      readonly call: number;
      readonly phase: "load" | "throw" | "output";
      readonly message: string;
      readonly stack: string;
    };

export interface WorkerSetup {
  /** Connections are refused. */
  readonly isOffline: boolean;
  /** Absolute path of the module. */
  readonly module: string;
  readonly maxLogLines: number;
  readonly maxLineLength: number;
  readonly maxOutputBytes: number;
}
