import { createHash } from "node:crypto";
import { fieldOf, isSame, macOf, NO_MATCH, NO_SECRET, refuse } from "./mac.ts";
import type { SignatureScheme, SignedRequest } from "./scheme.ts";

const HEADER = "X-Twilio-Signature";
const ID_HEADER = "I-Twilio-Idempotency-Token";

/**
 * `X-Twilio-Signature: <base64 of HMAC-SHA1>`, over the URL and the form's fields in the order of their names; any other
 * body counts by its hash in the URL's `bodySHA256`.
 *
 * @remarks
 * Neither time nor delivery is signed. The URL is the one that Twilio was told, with or without the port.
 *
 * @see https://www.twilio.com/docs/usage/security#validating-requests
 */
export const twilio: SignatureScheme = {
  headers: [HEADER.toLowerCase()],
  sign: (request, secret) => ({ [HEADER]: signatureOf(request.url, fieldsOf(request), secret) }),
  verify(request, secrets) {
    if (secrets.length === 0) return NO_SECRET;
    const received = fieldOf(request, HEADER);
    if (received === undefined) return refuse(`the header ${HEADER} is missing`);
    const fields = fieldsOf(request);
    const expected = spellingsOf(request.url).flatMap((url) =>
      secrets.map((secret) => signatureOf(url, fields, secret)),
    );
    if (!expected.some((one) => isSame(one, received))) {
      return refuse(`${NO_MATCH.reason}, or the request was made to another URL than ${request.url.split("?")[0]}`);
    }
    if (!isForm(request) && request.body.length > 0) {
      const hash = new URL(request.url).searchParams.get("bodySHA256");
      if (hash === null) return refuse("the body is no form, and the URL has no bodySHA256 that would sign it");
      const actual = createHash("sha256").update(request.body).digest("hex");
      if (!isSame(actual, hash.toLowerCase())) return refuse("the body has another hash than the URL's bodySHA256");
    }
    const deliveryId = fieldOf(request, ID_HEADER);
    return deliveryId === undefined ? { ok: true } : { ok: true, deliveryId };
  },
};

function isForm(request: SignedRequest): boolean {
  return fieldOf(request, "content-type")?.toLowerCase().startsWith("application/x-www-form-urlencoded") ?? false;
}

/** Names and values in turn, sorted; a value that stands twice under one name counts once. */
function fieldsOf(request: SignedRequest): readonly string[] {
  if (!isForm(request)) return [];
  const fields = new Map<string, Set<string>>();
  for (const [name, value] of new URLSearchParams(Buffer.from(request.body).toString("utf8"))) {
    const values = fields.get(name) ?? new Set();
    fields.set(name, values.add(value));
  }
  // By code units, as Twilio sorts: not by the customs of a language.
  return [...fields.keys()]
    .sort()
    .flatMap((name) => [...(fields.get(name) ?? [])].sort().flatMap((one) => [name, one]));
}

/** Twilio has signed URLs with and without the default port, and proxies add and remove it. */
function spellingsOf(url: string): readonly string[] {
  const match = /^(https?):\/\/([^/?#]*?)(:\d+)?([/?#].*)?$/s.exec(url);
  if (match === null) return [url];
  const [, scheme = "", host = "", , rest = ""] = match;
  const port = scheme === "https" ? 443 : 80;
  return [...new Set([url, `${scheme}://${host}${rest}`, `${scheme}://${host}:${port}${rest}`])];
}

function signatureOf(url: string, fields: readonly string[], secret: string): string {
  return macOf("sha1", secret, [url, ...fields], "base64");
}
