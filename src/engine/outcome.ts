/** Making outcomes and reading errors of steps. No I/O. */
import { WfError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { FileValue } from "../value.ts";
import type { Value, ValueObject } from "../value.ts";
import type { StepOutcome } from "./context.ts";
import type { ExecutionStatus, Reply, StepError } from "./engine.ts";

export type FailedOutcome = Extract<StepOutcome, { readonly kind: "failed" }>;

export function succeeded(output: Value): StepOutcome {
  return { kind: "succeeded", output };
}

/** @param more - `retryable` defaults to false. */
export function failed(
  code: ErrorCode,
  message: string,
  more: { readonly details?: ValueObject; readonly retryable?: boolean } = {},
): FailedOutcome {
  return {
    kind: "failed",
    error: more.details === undefined ? { code, message } : { code, message, details: more.details },
    retryable: more.retryable ?? false,
  };
}

/** The outcome of an expected error; undefined for a defect. */
export function outcomeOf(error: unknown): FailedOutcome | undefined {
  return error instanceof WfError ? failed(error.code, error.message) : undefined;
}

/** An error as expressions see it: its details beside `code` and `message`, which they cannot replace. */
export function errorValue(error: StepError): ValueObject {
  return { ...error.details, code: error.code, message: error.message };
}

/** What a value is, in words for messages; never the value itself. */
export function kindOf(value: Value): string {
  if (value === null) return "null";
  if (value instanceof FileValue) return "a file";
  if (isList(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  return typeof value === "boolean" ? "a boolean" : typeof value === "number" ? `the number ${value}` : "a string";
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isObject(value: Value): value is ValueObject {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof FileValue);
}

/** What the caller of an execution gets that has ended without a reply of its own. */
export function impliedReply(status: ExecutionStatus): Reply | null {
  switch (status) {
    case "SUCCEEDED":
      return { kind: "none" };
    case "FAILED":
      return { kind: "failed" };
    case "CANCELLED":
      return { kind: "cancelled" };
    case "EXECUTING":
    case "DELAYED":
      return null;
    default:
      return status satisfies never;
  }
}
