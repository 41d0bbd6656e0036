/** Step outcomes as rows keep them. No I/O. */
import { WfError } from "../../errors.ts";
import type { Value } from "../../value.ts";
import type { StepOutcome } from "../context.ts";
import type { StepError } from "../engine.ts";
import { type EncodedValue, MAX_RECORDED_BYTES, recordValue, type Scrub } from "../record.ts";
import { decodeValue } from "../record.ts";
import type { StepRow } from "./read.ts";
import { STEP_STATUS } from "./schema.ts";

export interface Encoded {
  /** What the walk goes on with: as a replay would read it. */
  readonly outcome: StepOutcome;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly input: EncodedValue | null;
  /** The output, or the error. */
  readonly output: EncodedValue | null;
  readonly logs: string | null;
}

/** Never throws: what cannot be recorded becomes a failed outcome. */
export function encodeOutcome(outcome: StepOutcome, scrub: Scrub | undefined): Encoded {
  const input = outcome.input === undefined ? null : encodeInput(outcome.input, scrub);
  const logs = outcome.logs === undefined || outcome.logs.length === 0 ? null : encodeLogs(outcome.logs, scrub);
  switch (outcome.kind) {
    case "succeeded":
      try {
        const output = recordValue(outcome.output, scrub);
        return {
          outcome: output.value === outcome.output ? outcome : { ...outcome, output: output.value },
          status: STEP_STATUS.succeeded,
          retryable: false,
          retryAfterMs: null,
          input,
          output,
          logs,
        };
      } catch (error) {
        const refused: StepOutcome = { kind: "failed", error: refusal(error), retryable: false };
        return encodeFailure(
          { ...(outcome.input === undefined ? {} : { input: outcome.input }), ...refused },
          input,
          logs,
          scrub,
        );
      }
    case "failed":
      return encodeFailure(outcome, input, logs, scrub);
    case "skipped":
      return { outcome, status: STEP_STATUS.skipped, retryable: false, retryAfterMs: null, input, output: null, logs };
    default:
      return outcome satisfies never;
  }
}

/** Reads a row back as the walk saw it first. */
export function replayOutcome(row: StepRow): StepOutcome {
  const value = row.output === null ? null : decodeValue(row.output, row.output_files);
  switch (row.status) {
    case STEP_STATUS.succeeded:
      return { kind: "succeeded", output: value };
    case STEP_STATUS.failed:
      return {
        kind: "failed",
        error: value as unknown as StepError,
        retryable: row.retryable === 1,
        ...(row.retry_after === null ? {} : { retryAfterMs: row.retry_after }),
      };
    default:
      return { kind: "skipped" };
  }
}

/** The error of an execution or a step, shortened where its details cannot be recorded. */
export function encodeError(error: StepError, scrub: Scrub | undefined): EncodedValue & { readonly error: StepError } {
  try {
    const recorded = recordValue(error as unknown as Value, scrub);
    return { json: recorded.json, files: recorded.files, error: recorded.value as unknown as StepError };
  } catch {
    const message = error.message.slice(0, 10_000);
    const recorded = recordValue({ code: error.code, message }, scrub);
    return { json: recorded.json, files: recorded.files, error: recorded.value as unknown as StepError };
  }
}

function encodeFailure(
  outcome: Extract<StepOutcome, { kind: "failed" }>,
  input: EncodedValue | null,
  logs: string | null,
  scrub: Scrub | undefined,
): Encoded {
  const output = encodeError(outcome.error, scrub);
  return {
    outcome: output.error === outcome.error ? outcome : { ...outcome, error: output.error },
    status: STEP_STATUS.failed,
    retryable: outcome.retryable,
    retryAfterMs: outcome.retryAfterMs === undefined ? null : Math.round(outcome.retryAfterMs),
    input,
    output,
    logs,
  };
}

function encodeInput(input: Value, scrub: Scrub | undefined): EncodedValue {
  try {
    return recordValue(input, scrub);
  } catch (error) {
    return recordValue(`[not recorded: ${refusal(error).message}]`, scrub);
  }
}

function encodeLogs(logs: readonly string[], scrub: Scrub | undefined): string {
  let bytes = 0;
  const kept: string[] = [];
  for (const line of logs) {
    bytes += line.length;
    if (bytes > MAX_RECORDED_BYTES / 10) {
      kept.push("[further lines not recorded]");
      break;
    }
    kept.push(line);
  }
  return recordValue(kept, scrub).json;
}

function refusal(error: unknown): StepError {
  return error instanceof WfError
    ? { code: error.code, message: error.message }
    : { code: "STEP_INVALID", message: "The value cannot be recorded." };
}
