/** A request as text to edit: request line, headers, an empty line, the body's bytes. No I/O. */
import type { CapturedRequest } from "../engine/captures.ts";
import { WfError } from "../errors.ts";

const COMMENT =
  "# Edit, save and close: the request is sent. Lines that begin with # are left out; leave all as it is to send nothing.\n";

/** The connection's own fields: the new connection has its own (RFC 9110, section 7.6.1). */
const CONNECTION = new Set(["host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect"]);

export function requestToText({ method, url, headers, body }: CapturedRequest): Buffer {
  const fields = headers
    .filter(([name]) => !CONNECTION.has(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
  return Buffer.concat([Buffer.from(`${COMMENT}${method} ${url}\n${fields}\n`), body]);
}

/**
 * Reads what was edited. The body's bytes are taken as they are, but for the line break that editors put at the end.
 *
 * @param before - What {@link requestToText} gave.
 * @returns undefined when nothing was changed.
 * @throws {@link WfError} `USAGE` when it is no request.
 */
export function requestFromText(edited: Buffer, before: Buffer): CapturedRequest | undefined {
  const unended = withoutAddedEnd(edited, before);
  if (unended.equals(before)) return undefined;
  const end = endOfHead(unended);
  const [first = "", ...fields] = unended
    .subarray(0, end.head)
    .toString("utf8")
    .split(/\r?\n/)
    .filter((text) => text.trim() !== "" && !text.startsWith("#"));
  const start = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\/\S*)$/.exec(first.trim());
  if (start === null) {
    throw new WfError("USAGE", `The first line is "POST /test/…", not ${JSON.stringify(first.slice(0, 60))}.`);
  }
  return {
    method: start[1] ?? "",
    url: start[2] ?? "",
    headers: fields.map(headerOf),
    body: unended.subarray(end.body),
  };
}

function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  const name = text.slice(0, colon).trim();
  if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    throw new WfError("USAGE", `A header is "name: value", not ${JSON.stringify(text.slice(0, 60))}.`);
  }
  return [name, text.slice(colon + 1).trim()];
}

function withoutAddedEnd(edited: Buffer, before: Buffer): Buffer {
  return edited.at(-1) === 10 && before.at(-1) !== 10 ? edited.subarray(0, -1) : edited;
}

function endOfHead(text: Buffer): { readonly head: number; readonly body: number } {
  const plain = text.indexOf("\n\n");
  const dos = text.indexOf("\r\n\r\n");
  if (dos !== -1 && (plain === -1 || dos < plain)) return { head: dos, body: dos + 4 };
  return plain === -1 ? { head: text.length, body: text.length } : { head: plain, body: plain + 2 };
}
