/** What every way of signing a request has in common; types only. */

/** The request that a signature is made over. */
export interface SignedRequest {
  /** Absolute, as the sender called it; some schemes sign it. */
  readonly url: string;
  /** Lower-case names; repeated fields joined by `, `. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** The body as it travels, before any decoding. */
  readonly body: Uint8Array;
}

interface SignOptions {
  /** The delivery's id, where the scheme has one that the sender chooses. @defaultValue a new one */
  readonly id?: string;
}

interface VerifyOptions {
  /** How far the signed time may lie from now, on either side. @defaultValue {@link DEFAULT_TOLERANCE_MS} */
  readonly toleranceMs?: number;
}

/** `reason` is for the receiver's log: it holds no secret, and the sender is not to learn it. */
export type SignatureOutcome =
  | {
      readonly ok: true;
      /**
       * The same for two requests that are one delivery: the sender's id for it, or, where it sends none, the signature
       * itself if that covers the time. Absent when nothing tells a repetition from a second, equal request.
       */
      readonly deliveryId?: string;
    }
  | { readonly ok: false; readonly reason: string };

/** One way of signing requests with a shared secret. */
export interface SignatureScheme {
  /** In lower case: what a signature consists of. They are worth nothing to whoever reads the request later. */
  readonly headers: readonly string[];
  /**
   * Signs a request.
   *
   * @param nowMs - Becomes the signed time, where the scheme has one.
   * @returns Header fields to set on the request, in place of those it has.
   * @throws {@link WfError} `USAGE` for a secret that the scheme cannot use
   */
  sign(request: SignedRequest, secret: string, nowMs: number, options?: SignOptions): Record<string, string>;
  /**
   * Checks a request's signature in constant time.
   *
   * @param secrets - Any of them may have signed, so that they can be rotated; without one, every request fails.
   */
  verify(request: SignedRequest, secrets: readonly string[], nowMs: number, options?: VerifyOptions): SignatureOutcome;
}

/** Five minutes: what Stripe, Slack and Standard Webhooks recommend. */
export const DEFAULT_TOLERANCE_MS = 300_000;
