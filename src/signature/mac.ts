/** What the schemes are made of: reading fields, computing codes, comparing them, judging times. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { DEFAULT_TOLERANCE_MS, type SignatureOutcome, type SignedRequest } from "./scheme.ts";

export type MacAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";
export type MacEncoding = "hex" | "base64" | "base64url";

export function macOf(
  algorithm: MacAlgorithm,
  key: string | Uint8Array,
  content: Iterable<string | Uint8Array>,
  encoding: MacEncoding,
): string {
  const mac = createHmac(algorithm, key);
  for (const part of content) mac.update(part);
  return mac.digest(encoding);
}

/** Takes the same time wherever two texts of one length differ. */
export function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** @returns undefined for a field that is absent, empty, or one that Node keeps as a list */
export function fieldOf({ headers }: SignedRequest, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function refuse(reason: string): SignatureOutcome & { ok: false } {
  return { ok: false, reason };
}

export const NO_SECRET: SignatureOutcome & { ok: false } = refuse("no secret is set to check the signature with");
export const NO_MATCH: SignatureOutcome & { ok: false } = refuse("the signature was not made with any of the secrets");

/** @returns Milliseconds since 1970; undefined for anything but decimal digits */
export function secondsOf(text: string): number | undefined {
  return /^\d{1,12}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** @returns Why a signed time is no good, or undefined when it is. */
export function checkTime(
  signedMs: number,
  nowMs: number,
  toleranceMs: number = DEFAULT_TOLERANCE_MS,
): (SignatureOutcome & { ok: false }) | undefined {
  const away = nowMs - signedMs;
  if (Math.abs(away) <= toleranceMs) return undefined;
  const where = away > 0 ? "old" : "in the future";
  return refuse(
    `the signed time is ${Math.round(Math.abs(away) / 1000)} s ${where}; ${toleranceMs / 1000} s are tolerated`,
  );
}
