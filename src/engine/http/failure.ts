/** How what went wrong in an http step becomes its outcome. No I/O. */
import { WfError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import type { Value, ValueObject } from "../../value.ts";
import type { StepOutcome } from "../context.ts";

type Failed = Extract<StepOutcome, { kind: "failed" }>;

/** Codes of errors that another try may not meet again. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "STEP_TIMEOUT",
  "STORE_BUSY",
  "STORE_FULL",
  "STORE_FAILED",
]);
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429]);
const MAX_RETRY_AFTER_MS = 86_400_000;

const REASONS: { readonly [code: string]: string | undefined } = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  ECONNABORTED: "the connection was aborted",
  EPIPE: "the connection was closed while sending",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host is unreachable",
  ENETUNREACH: "the network is unreachable",
  ENOTFOUND: "the host name does not exist (DNS)",
  EAI_AGAIN: "the host name could not be resolved now (DNS)",
  UND_ERR_CONNECT_TIMEOUT: "the connection timed out",
  UND_ERR_HEADERS_TIMEOUT: "the answer did not begin in time",
  UND_ERR_BODY_TIMEOUT: "the answer stalled",
  UND_ERR_SOCKET: "the other side closed the connection",
  UND_ERR_HEADERS_OVERFLOW: "the answer's headers are too large",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the answer is shorter or longer than it said",
  CERT_HAS_EXPIRED: "its TLS certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its TLS certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its TLS certificate's chain is self-signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its TLS certificate could not be verified",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its TLS certificate's issuer is unknown",
  ERR_TLS_CERT_ALTNAME_INVALID: "its TLS certificate is for another host",
};

/** What trying again does not mend. */
const PERMANENT =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED)/;

/** @param target - Method and host, for example `POST api.example.com`; never a query, which may hold secrets. */
export function failureOf(error: unknown, target: string, signal: AbortSignal): Failed {
  if (signal.aborted) return stoppedFailure(signal.reason);
  if (error instanceof WfError) return coded(error);
  const code = networkCode(error);
  const tls = code.startsWith("ERR_SSL_") || code === "EPROTO" ? "the TLS handshake failed" : undefined;
  const parse = code.startsWith("HPE_") ? "the answer is not HTTP" : undefined;
  const reason = REASONS[code] ?? tls ?? parse ?? "the request failed";
  return {
    kind: "failed",
    error: { code: "HTTP_FAILED", message: `${target} failed: ${reason}${code === "" ? "" : ` (${code})`}.` },
    retryable: !PERMANENT.test(code),
  };
}

/** The outcome of work that its signal ended: the signal's own error (a timeout), or the cancellation. */
export function stoppedFailure(reason: unknown): Failed {
  if (reason instanceof WfError) return coded(reason);
  return {
    kind: "failed",
    error: { code: "EXECUTION_CANCELLED", message: "The step was stopped before it ended." },
    retryable: false,
  };
}

function coded(error: WfError): Failed {
  return {
    kind: "failed",
    error: { code: error.code, message: error.message },
    retryable: RETRYABLE.has(error.code),
  };
}

/** @param details - `statusCode`, `headers`, `body`. */
export function statusFailure(target: string, details: ValueObject, now: number): Failed {
  const status = Number(details["statusCode"]);
  const retryAfterMs = retryAfter((details["headers"] as { readonly [name: string]: Value })["retry-after"], now);
  return {
    kind: "failed",
    error: { code: "HTTP_STATUS", message: `${target} answered ${status}.`, details },
    retryable: RETRYABLE_STATUS.has(status) || status >= 500,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** RFC 9110 section 10.2.3: seconds or a date; at most a day. */
function retryAfter(value: Value | undefined, now: number): number | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : /[a-z]/i.test(text) ? Date.parse(text) - now : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

function networkCode(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at instanceof AggregateError ? at.errors[0] : at.cause) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === "string") return code;
  }
  return "";
}
