/** Header blocks, and what a workflow may say in its own headers. No I/O. */
import { CONNECTION_FIELDS, isHeaderName, isHeaderValue } from "../workflow/header-syntax.ts";

export const JSON_TYPE = "application/json; charset=utf-8";
export const TEXT_TYPE = "text/plain; charset=utf-8";
const BINARY_TYPE = "application/octet-stream";

/** Headers that frame the message or belong to one connection: the server's own business. */
const RESERVED: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, "date", "proxy-authenticate"]);

const MAX_NAME_LENGTH = 256;
/** `type/subtype` with parameters, in visible ASCII. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}\/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}(?:\s*;[\x20-\x7e]*)?$/;

/** True when a workflow may set this header to this value. */
export function isAllowedHeader(name: string, value: string): boolean {
  return (
    name.length <= MAX_NAME_LENGTH && isHeaderName(name) && isHeaderValue(value) && !RESERVED.has(name.toLowerCase())
  );
}

/** The type as it may stand in a header; one that is malformed becomes `application/octet-stream`. */
export function safeMediaType(type: string): string {
  return MEDIA_TYPE.test(type) ? type : BINARY_TYPE;
}

/** True for types that a browser runs scripts of. */
export function isActiveContent(type: string): boolean {
  const essence = (type.split(";", 1)[0] ?? "").trim().toLowerCase();
  return essence === "text/html" || essence === "text/xml" || essence.endsWith("/xml") || essence.endsWith("+xml");
}

// oxlint-disable-next-line no-control-regex -- these are what it is about
const UNSAFE_IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The last part of a file's name, without what terminals, shells or file systems would obey. */
export function safeFileName(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const clean = base.replace(UNSAFE_IN_NAMES, "").toWellFormed().trim();
  return clean === "" || clean === "." || clean === ".." ? "file" : clean.slice(0, 255).toWellFormed();
}
