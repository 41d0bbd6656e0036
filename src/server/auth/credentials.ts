/** What a caller shows, and whether it is right. No I/O. */
import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/**
 * The token of `Authorization: Bearer`.
 *
 * @remarks Two `Authorization` fields arrive joined by a comma, which no token holds: neither counts then.
 * @see RFC 6750 section 2.1
 */
export function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? "")?.[1];
}

/** @see RFC 7617 section 2 */
export function basicOf({ authorization }: IncomingHttpHeaders): { username: string; password: string } | undefined {
  const encoded = /^basic +([\w+/-]+=*) *$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon === -1 ? undefined : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** A header's only value. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * Compares by digests, which have one length: the time that it takes tells nothing of either text.
 *
 * @param expected - Any of them is right; all are looked at, whichever it is. An empty one opens nothing.
 */
export function isOneOf(given: string, expected: readonly string[]): boolean {
  const digest = sha256(given);
  let found = false;
  for (const one of expected) {
    const same = timingSafeEqual(digest, sha256(one));
    found ||= same && one !== "";
  }
  return found;
}

function sha256(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
