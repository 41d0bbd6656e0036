/** Which pages of other sites may call: those whose origin wf.yaml lists. No I/O. */
import type { IncomingHttpHeaders } from "node:http";

/** What a page may read beside the body. */
const EXPOSED = "Location, Retry-After, Idempotency-Replayed, X-Execution-Id";
/** Names alone, so that what a page asks for can be said back to it. */
const NAMES = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;
const MAX_NAMES_LENGTH = 2_000;
const MAX_AGE_SECONDS = "600";

type Fields = { readonly [name: string]: string };

/**
 * What an answer to a page has to say.
 *
 * @param allowed - Origins such as `https://app.example.com`; `*` is all of them.
 * @returns Nothing for a page that may not call, so that its browser keeps the answer from it.
 */
export function corsFields({ origin }: IncomingHttpHeaders, allowed: readonly string[]): Fields {
  if (allowed.length === 0) return {};
  const isAllowed = origin !== undefined && (allowed.includes("*") || allowed.includes(origin.toLowerCase()));
  // Without the origin in its key, a cache would hand one page's answer to another.
  if (!isAllowed) return { Vary: "Origin" };
  return { Vary: "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED };
}

/**
 * What the answer to a preflight has to say beside {@link corsFields}.
 *
 * @remarks Any header may be sent: callers are told apart by what they know, and workflows read headers of any name.
 *
 * @param methods - As in `Allow`.
 */
export function preflightFields(headers: IncomingHttpHeaders, allowed: readonly string[], methods: string): Fields {
  const fields = corsFields(headers, allowed);
  if (fields["Access-Control-Allow-Origin"] === undefined) return fields;
  const asked = headers["access-control-request-headers"] ?? "";
  const names = asked.length <= MAX_NAMES_LENGTH && NAMES.test(asked) ? asked : "Authorization, Content-Type";
  return {
    ...fields,
    "Access-Control-Allow-Methods": methods,
    "Access-Control-Allow-Headers": names,
    "Access-Control-Max-Age": MAX_AGE_SECONDS,
  };
}
