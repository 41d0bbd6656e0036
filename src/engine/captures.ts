/** Captures: requests that reached a test URL, kept whole; types only. */
import type { RuleViolation } from "../workflow/rule.ts";

/** A request as it came, before anything was read into it. */
export interface CapturedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** In the order and case in which they came, repeated ones too. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body's bytes after transfer decoding and before content decoding: what a signature is over. */
  readonly body: Buffer;
}

/** What became of a captured request. */
export type CaptureVerdict =
  /** It kept every rule and was run, or only asked about the workflow: HEAD, a browser's preflight. */
  | { readonly kind: "accepted" }
  /** It broke rules, or could not be read: `code` is that of the answer. */
  | {
      readonly kind: "refused";
      readonly code: string;
      readonly message: string;
      readonly errors: readonly RuleViolation[];
    };

/** The answer that the caller got. */
export interface CaptureAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The beginning of its body where that is text, at most 64 KB. */
  readonly text?: string;
  /** Bytes sent. */
  readonly bodySize: number;
  readonly durationMs: number;
}

/** One capture without its body's bytes, as lists show it. */
export interface Capture {
  /** UUIDv7. */
  readonly id: string;
  readonly workflowId: string;
  /** ISO 8601 UTC with milliseconds. */
  readonly receivedAt: string;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes. */
  readonly bodySize: number;
  /** SHA-256 of the body's bytes, 64 lower-case hex digits. */
  readonly bodyHash: string;
  /** Null until the answer has left. */
  readonly verdict: CaptureVerdict | null;
  readonly answer: CaptureAnswer | null;
  /** What the workflow's `auth` says of the request; the test URL runs it all the same. Null without `auth`, and
   * while its secret is not set. */
  readonly signature: "valid" | "invalid" | null;
  readonly executionId: string | null;
  /** Name of the test data that it was saved as. */
  readonly savedAs: string | null;
  /** The capture that this one repeats. */
  readonly replayOf: string | null;
}

export interface CaptureFilter {
  readonly workflowId?: string;
  /** Only captures that came after this one. */
  readonly after?: string;
  /** @defaultValue 100, at most 1000 */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** Where captures are kept: the newest of each workflow, within bounds of count and bytes. */
export interface CaptureStore {
  /** Keeps a request; durable when it resolves. */
  add(
    workflowId: string,
    request: CapturedRequest,
    more?: { readonly replayOf?: string; readonly signature?: "valid" | "invalid" },
  ): Promise<Capture>;
  /** Notes what became of it, and tells the listeners. */
  settle(
    id: string,
    end: { readonly verdict: CaptureVerdict; readonly answer: CaptureAnswer; readonly executionId?: string },
  ): Promise<void>;
  markSaved(id: string, name: string | null): Promise<void>;
  get(id: string): Promise<Capture | undefined>;
  /** The body's bytes; undefined when the capture is gone. */
  body(id: string): Promise<Buffer | undefined>;
  /** Newest first. */
  list(filter: CaptureFilter): Promise<{ readonly items: readonly Capture[]; readonly next?: string }>;
  /** Called with each capture when it is added and whenever it changes. @returns Ends it. */
  subscribe(listener: (capture: Capture) => void): () => void;
}
