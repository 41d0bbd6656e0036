/** What HTTP allows in header fields, for every place that reads or writes them. No I/O. */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Lower-case names of fields that belong to the connection or frame the message (RFC 9110, section 7.6.1; RFC 9112). */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** True for a token of RFC 9110, section 5.6.2. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/** True for visible characters, spaces, tabs and what Latin-1 adds (RFC 9110, section 5.5): no CR, LF or NUL. */
export function isHeaderValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}
