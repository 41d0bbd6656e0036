/** What a run of cases came to; types only. */
import type { Failure } from "./failure.ts";
import type { CaseRun } from "./run-case.ts";

export interface CaseResult {
  readonly workflowId: string;
  readonly name: string;
  /** Relative to the project's root, with `/`. */
  readonly file: string;
  readonly status: "passed" | "failed";
  readonly failures: readonly Failure[];
  /** Real time. */
  readonly durationMs: number;
  /** Absent when the file or its workflow has an error. */
  readonly run?: CaseRun;
}
