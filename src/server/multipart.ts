/**
 * multipart/form-data bodies (RFC 7578). No I/O.
 *
 * The body lies in memory whole already, so its parts are views of it and file bytes stay exact. Nothing is skipped:
 * a part that cannot be understood refuses the body.
 */
import { isUtf8 } from "node:buffer";
import { WfError } from "../errors.ts";
import { isHeaderName } from "../workflow/header-syntax.ts";
import { parseMediaType } from "./media-type.ts";

/** One part as it was sent. */
export interface Part {
  readonly name: string;
  /** Undefined for a field. As sent: with whatever folders the client put before it. */
  readonly fileName: string | undefined;
  /** As sent; undefined when the part has none. */
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
}

const MAX_PARTS = 1_000;
const MAX_PART_HEADERS = 16_384;
/** RFC 2046 section 5.1.1 */
const MAX_BOUNDARY = 70;

const CRLF = "\r\n";

/** @throws {@link WfError} `BODY_MALFORMED` for what is malformed, cut off or has too many parts */
export function parseMultipart(body: Buffer, boundary: string | undefined): readonly Part[] {
  if (boundary === undefined || boundary === "") throw malformed("has no `boundary` in its Content-Type");
  if (boundary.length > MAX_BOUNDARY) throw malformed(`has a boundary of more than ${MAX_BOUNDARY} characters`);
  const parts: Part[] = [];
  let delimiter = firstDelimiter(body, boundary);
  while (!delimiter.last) {
    if (parts.length >= MAX_PARTS) throw malformed(`has more than ${MAX_PARTS} parts`);
    const next = nextDelimiter(body, boundary, delimiter.end);
    parts.push(parsePart(body.subarray(delimiter.end, next.start), parts.length + 1));
    delimiter = next;
  }
  return parts;
}

export function multipartError(reason: string): WfError {
  return malformed(reason);
}

function malformed(reason: string): WfError {
  return new WfError("BODY_MALFORMED", `The multipart body ${reason}`);
}

interface Delimiter {
  /** Where the content before it ends. */
  readonly start: number;
  /** Where the content after it begins. */
  readonly end: number;
  readonly last: boolean;
}

function firstDelimiter(body: Buffer, boundary: string): Delimiter {
  const dashed = `--${boundary}`;
  if (body.subarray(0, dashed.length).toString("latin1") === dashed) {
    const delimiter = delimiterAt(body, 0, dashed.length);
    if (delimiter) return delimiter;
  }
  // What stands before the first delimiter is a preamble, to be ignored (RFC 2046 section 5.1.1).
  return nextDelimiter(body, boundary, 0, "does not begin with its boundary");
}

function nextDelimiter(
  body: Buffer,
  boundary: string,
  from: number,
  missing = "is cut off: its last boundary is missing",
): Delimiter {
  const needle = Buffer.from(`${CRLF}--${boundary}`, "latin1");
  // A part may be empty even of its blank line's break, so the break before the delimiter may be the header's own.
  for (let at = body.indexOf(needle, Math.max(0, from - 2)); at >= 0; at = body.indexOf(needle, at + 2)) {
    const delimiter = delimiterAt(body, at, at + needle.length);
    if (delimiter) return delimiter;
  }
  throw malformed(missing);
}

/** @returns undefined when the boundary is only the beginning of a longer text */
function delimiterAt(body: Buffer, start: number, after: number): Delimiter | undefined {
  let end = after;
  if (body[end] === 0x2d && body[end + 1] === 0x2d) return { start, end: end + 2, last: true };
  while (body[end] === 0x20 || body[end] === 0x09) end++;
  return body[end] === 0x0d && body[end + 1] === 0x0a ? { start, end: end + 2, last: false } : undefined;
}

function parsePart(part: Buffer, number: number): Part {
  const blank = part.indexOf(CRLF + CRLF);
  if (blank < 0) throw malformed(`has no blank line after the headers of part ${number}`);
  if (blank > MAX_PART_HEADERS) throw malformed(`has more than ${MAX_PART_HEADERS} bytes of headers in part ${number}`);
  const headers = parseHeaders(part.subarray(0, blank), number);
  const disposition = headers.get("content-disposition");
  if (disposition === undefined) throw malformed(`has no Content-Disposition in part ${number}`);
  const { type, parameters } = parseMediaType(disposition);
  const name = parameters.get("name");
  if (type !== "form-data" || name === undefined) {
    throw malformed(`has a Content-Disposition without \`form-data\` and \`name\` in part ${number}`);
  }
  const encoding = headers.get("content-transfer-encoding")?.trim().toLowerCase() ?? "binary";
  if (!["7bit", "8bit", "binary"].includes(encoding)) {
    throw malformed(`has a Content-Transfer-Encoding in part ${number}, which forms do not use (RFC 7578 section 4.7)`);
  }
  const fileName = extendedName(parameters.get("filename*")) ?? parameters.get("filename");
  return {
    name: unescapeName(name),
    fileName: fileName === undefined ? undefined : unescapeName(fileName),
    contentType: headers.get("content-type"),
    bytes: part.subarray(blank + 4),
  };
}

function parseHeaders(bytes: Buffer, number: number): ReadonlyMap<string, string> {
  if (!isUtf8(bytes)) throw malformed(`has headers that are not UTF-8 in part ${number}`);
  const headers = new Map<string, string>();
  for (const line of bytes.toString("utf8").split(CRLF)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!isHeaderName(name) || /[\r\n\0]/.test(line)) {
      throw malformed(`has a malformed header line in part ${number}`);
    }
    if (headers.has(name)) throw malformed(`has the header ${name} twice in part ${number}`);
    headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/** Browsers write quotes and line breaks in names as percent escapes, and nothing else (WHATWG, multipart/form-data). */
function unescapeName(name: string): string {
  return name.replaceAll(/%22|%0d|%0a/gi, (escape) => decodeURIComponent(escape));
}

/** `utf-8''na%C3%AFve.txt` (RFC 8187), which some clients send beside the plain name. */
function extendedName(value: string | undefined): string | undefined {
  const match = /^utf-8'[^']*'(.*)$/i.exec(value ?? "");
  if (!match) return undefined;
  try {
    return decodeURIComponent(match[1] ?? "");
  } catch {
    return undefined;
  }
}
