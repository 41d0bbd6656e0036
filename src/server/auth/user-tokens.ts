/**
 * User tokens: JWTs that the project's own backend signs for its users.
 *
 * T1 Only the algorithms that the settings name count, and each only with a key of its kind.
 * T2 A verified token is remembered by its SHA-256 until it expires; its expiry is looked at on every request.
 * T3 Nothing is remembered across a change of keys.
 * T4 What is remembered has a bound.
 */
import { hash, type KeyObject } from "node:crypto";
import type { JWTPayload } from "jose";
import type { Log } from "../../log.ts";
import type { UserTokenSettings } from "../../workflow/settings-auth.ts";
import { openTokenKeys, type TokenKey, type TokenKeys } from "./token-keys.ts";

export type TokenOutcome =
  | { readonly ok: true; readonly userId: string }
  /** `reason` holds nothing of the token. */
  | { readonly ok: false; readonly reason: string };

export interface UserTokensOptions {
  readonly settings: UserTokenSettings;
  /** Part of the audience. */
  readonly project: string;
  /** PEM files are relative to it. */
  readonly root: string;
  readonly log: Log;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly clock?: () => number;
  /** Verified tokens that are remembered. @defaultValue 10,000, about 2 MB */
  readonly maxRemembered?: number;
}

interface Remembered {
  readonly userId: string;
  readonly expiresAtMs: number;
}

const MAX_USER_ID_LENGTH = 255;

export class UserTokens {
  readonly #options: UserTokensOptions;
  readonly #clock: () => number;
  readonly #sources: readonly TokenKeys[];
  readonly #remembered = new Map<string, Remembered>();
  /** Counts changes of keys (T3). */
  #generation = 0;

  constructor(options: UserTokensOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    const onChange = (): void => {
      this.#generation++;
      this.#remembered.clear();
    };
    const { root, log } = options;
    this.#sources = options.settings.keys.map((source) =>
      openTokenKeys(source, { root, log, onChange, clock: this.#clock }),
    );
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  /** Answers without waiting for a token that is remembered. Never rejects. */
  verify(token: string): TokenOutcome | Promise<TokenOutcome> {
    for (const source of this.#sources) source.refreshIfDue();
    const digest = hash("sha256", token, "base64");
    const known = this.#remembered.get(digest);
    if (known === undefined) return this.#verify(token, digest);
    if (this.#clock() < known.expiresAtMs) return { ok: true, userId: known.userId }; // T2
    this.#remembered.delete(digest);
    return { ok: false, reason: "the user token has expired" };
  }

  async #verify(token: string, digest: string): Promise<TokenOutcome> {
    if (this.#sources.length === 0) return refuse("wf.yaml has no `auth.user_token.keys`");
    const { decodeProtectedHeader } = await import("jose");
    let header: { alg?: unknown; kid?: unknown };
    try {
      header = decodeProtectedHeader(token);
    } catch {
      return refuse("the user token is no JWT");
    }
    const alg = this.#options.settings.algorithms.find((one) => one === header.alg);
    // The name comes from the caller, who could write anything into the log by it.
    if (alg === undefined) return refuse("the user token is signed with an algorithm that is not allowed"); // T1
    const kid = typeof header.kid === "string" ? header.kid : undefined;
    const found = await Promise.all(this.#sources.map((source) => source.candidates(kid)));
    const generation = this.#generation;
    const keys = found.flat().filter((key) => fits(key, alg));
    if (keys.length === 0) return refuse("there is no key that could have signed the user token");
    for (const { key } of keys) {
      const outcome = await this.#verifyWith(token, key, alg);
      if (outcome === "another-key") continue;
      if (outcome.ok && generation === this.#generation) this.#remember(digest, outcome); // T3
      return outcome.ok ? { ok: true, userId: outcome.userId } : outcome;
    }
    return refuse("none of the keys has signed the user token");
  }

  async #verifyWith(
    token: string,
    key: KeyObject,
    alg: string,
  ): Promise<({ ok: true } & Remembered) | { ok: false; reason: string } | "another-key"> {
    const { jwtVerify, errors } = await import("jose");
    const { clockToleranceMs } = this.#options.settings;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [alg],
        clockTolerance: clockToleranceMs / 1000,
        currentDate: new Date(this.#clock()),
        requiredClaims: ["sub", "exp", "iat"],
      });
      return this.#readClaims(payload, clockToleranceMs);
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return "another-key";
      if (error instanceof errors.JWTExpired) return refuse("the user token has expired");
      if (error instanceof errors.JWTClaimValidationFailed) {
        return refuse(`the claim ${error.claim} of the user token does not hold (${error.reason})`);
      }
      if (error instanceof errors.JOSEError) return refuse(`the user token is malformed (${error.code})`);
      this.#options.log.error({ err: error }, "A key cannot check a user token");
      return "another-key";
    }
  }

  #readClaims(
    { sub, exp, aud }: JWTPayload,
    clockToleranceMs: number,
  ): ({ ok: true } & Remembered) | { ok: false; reason: string } {
    const audience = `useparagon.com/${this.#options.project}`;
    if (aud !== undefined && ![aud].flat().includes(audience)) {
      return refuse(`the user token is for another audience than ${audience}`);
    }
    if (typeof sub !== "string" || sub === "" || sub.length > MAX_USER_ID_LENGTH) {
      return refuse(`the claim sub of the user token is not a text of 1 to ${MAX_USER_ID_LENGTH} characters`);
    }
    // jose has seen to it that the claim is a number.
    return { ok: true, userId: sub, expiresAtMs: (exp ?? 0) * 1000 + clockToleranceMs };
  }

  #remember(digest: string, { userId, expiresAtMs }: Remembered): void {
    const { maxRemembered = 10_000 } = this.#options;
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size < maxRemembered) break; // T4
      this.#remembered.delete(oldest);
    }
    this.#remembered.set(digest, { userId, expiresAtMs });
  }
}

/** RS256 with an elliptic key is nonsense, and a key that names its algorithm is for that one alone. */
function fits({ key, alg }: TokenKey, wanted: string): boolean {
  if (alg !== undefined && alg !== wanted) return false;
  const type = key.asymmetricKeyType;
  if (wanted.startsWith("RS") || wanted.startsWith("PS")) return type === "rsa";
  return wanted.startsWith("ES") ? type === "ec" : type === "ed25519";
}

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
