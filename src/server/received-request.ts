/** A request that was kept, read again as the server would read it when it comes. */
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { CapturedRequest } from "../engine/captures.ts";
import type { FileStore } from "../engine/files.ts";
import { WfError } from "../errors.ts";
import { FileValue } from "../value.ts";
import type { RuledRequest } from "../workflow/rules.ts";
import { parseBody } from "./body.ts";
import { decodeBody, decodersOf } from "./body-encoding.ts";
import { parseQuery } from "./query.ts";

/** Of these, Node's parser takes the first where a request has several; all others are joined. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set(
  (
    "age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since " +
    "last-modified location max-forwards proxy-authorization referer retry-after server user-agent"
  ).split(" "),
);

/**
 * The parts of a request that rules speak of.
 *
 * @param limitBytes - Of the body when it is decoded.
 * @param files - Where uploads go. By default their bytes are hashed and dropped.
 * @throws {@link WfError} what the server would answer: `BODY_MALFORMED`, `BODY_TOO_LARGE`, `ENCODING_UNSUPPORTED`,
 * `REQUEST_INVALID` for a malformed query
 */
export async function readReceived(
  request: CapturedRequest,
  limitBytes: number,
  files: FileStore = UNKEPT_FILES,
): Promise<RuledRequest> {
  const headers = joinHeaders(request.headers);
  const decoded = await decodeBody(request.body, decodersOf(headers["content-encoding"]), limitBytes);
  const isBare = decoded.length === 0 && ["GET", "HEAD", "DELETE"].includes(request.method);
  const { body, isText } = await parseBody(decoded, isBare ? undefined : headers["content-type"], files);
  const mark = request.url.indexOf("?");
  const query = mark < 0 ? {} : parseQuery(request.url.slice(mark).split("#", 1)[0] ?? "");
  return { query, headers, body, bodyIsText: isText };
}

/** By lower-case name, as the server hands them to a workflow. */
function joinHeaders(list: CapturedRequest["headers"]): { readonly [name: string]: string } {
  const joined = new Map<string, string>();
  for (const [given, value] of list) {
    const name = given.toLowerCase();
    const before = joined.get(name);
    if (before === undefined) joined.set(name, value);
    else if (!SINGLE_HEADERS.has(name)) joined.set(name, `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  return Object.fromEntries(joined);
}

const UNKEPT_FILES: FileStore = {
  async write(bytes, about) {
    const whole = bytes instanceof Uint8Array ? bytes : await buffer(bytes);
    return new FileValue({ ...about, size: whole.length, hash: createHash("sha256").update(whole).digest("hex") });
  },
  read: () => Promise.reject(new WfError("STORE_FAILED", "The bytes of this file were not kept")),
  open: () => Promise.resolve(undefined),
};
