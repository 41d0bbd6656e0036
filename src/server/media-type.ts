/** Content-Type and Content-Disposition values, as they come from outside. No I/O. */

export interface MediaType {
  /** Lower case, for example `application/json`; empty when there is none. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,127}$/;
const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

/** Reads `type/subtype; name=value; name="quoted value"`. Names are lower case; the first of equal ones counts. */
export function parseMediaType(header: string): MediaType {
  const semicolon = header.indexOf(";");
  if (semicolon < 0) return { type: header.trim().toLowerCase(), parameters: NO_PARAMETERS };
  return {
    type: header.slice(0, semicolon).trim().toLowerCase(),
    parameters: parseParameters(header.slice(semicolon)),
  };
}

/** @param text - From the first `;` on. */
function parseParameters(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const equals = text.indexOf("=", at);
    if (equals < 0) break;
    const name = text
      .slice(text.lastIndexOf(";", equals) + 1, equals)
      .trim()
      .toLowerCase();
    const value = parameterValue(text, equals + 1);
    if (name !== "" && !parameters.has(name)) parameters.set(name, value.text);
    at = value.end;
  }
  return parameters;
}

function parameterValue(text: string, from: number): { text: string; end: number } {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at++;
  if (text[at] !== '"') {
    const semicolon = text.indexOf(";", at);
    const end = semicolon < 0 ? text.length : semicolon;
    return { text: text.slice(at, end).trim(), end };
  }
  let value = "";
  for (at++; at < text.length && text[at] !== '"'; at++) {
    // Only quotes and backslashes are escaped in practice; others are parts of Windows paths.
    if (text[at] === "\\" && (text[at + 1] === '"' || text[at + 1] === "\\")) at++;
    value += text[at];
  }
  return { text: value, end: at + 1 };
}

/** True for what may safely stand in a Content-Type header later. */
export function isMimeType(text: string): boolean {
  if (text.length > 255) return false;
  const [type = "", subtype = "", ...more] = (text.split(";", 1)[0] ?? "").trim().split("/");
  // Parameters are passed on as they are, so they may hold nothing that ends or splits a header.
  return more.length === 0 && TOKEN.test(type) && TOKEN.test(subtype) && /^[\x20-\x7e]*$/.test(text);
}

const MAX_FILE_NAME = 255;

/** The last part of a path of any system, without control characters; `file` when nothing is left. */
export function baseName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  // oxlint-disable-next-line no-control-regex -- these are what is removed
  const clean = last.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "").trim();
  return clean === "" || clean === "." || clean === ".." ? "file" : cut(clean.toWellFormed());
}

/** Keeps the extension, by which programs know the file. */
function cut(name: string): string {
  if (Buffer.byteLength(name) <= MAX_FILE_NAME) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : "";
  let stem = name.slice(0, name.length - extension.length);
  while (Buffer.byteLength(stem) + Buffer.byteLength(extension) > MAX_FILE_NAME) {
    stem = stem.slice(0, Math.min(stem.length - 1, MAX_FILE_NAME)).toWellFormed();
  }
  return stem + extension;
}
