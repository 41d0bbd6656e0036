/** JSON from outside: parsed only after it has been found harmless, with the place of what is wrong. No I/O. */
import { isUtf8 } from "node:buffer";
import { WfError } from "../errors.ts";
import type { Json } from "../json.ts";

/** Lists and objects inside each other; what later walks a value does so recursively. */
const MAX_JSON_DEPTH = 512;

/**
 * Parses a JSON body.
 *
 * @remarks
 * A UTF-8 byte order mark is skipped (RFC 8259 section 8.1 allows it). The last of equal keys counts. Keys named
 * `__proto__`, and `constructor` holding a `prototype`, are refused however they are spelled.
 *
 * @returns The value, and its text without the byte order mark.
 * @throws {@link WfError} `BODY_MALFORMED` with line and column
 */
export function parseJsonBody(bytes: Buffer): { value: Json; text: string } {
  if (!isUtf8(bytes)) throw malformed(`The JSON body is not UTF-8${invalidByte(bytes)}`);
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = bytes.toString("utf8", hasMark ? 3 : 0);
  // Shorter texts cannot be nested more deeply than their length.
  if (text.length > MAX_JSON_DEPTH) refuseDepth(text);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw malformed(`The JSON body is malformed: ${describeError(text)}`);
  }
  if (mayNamePrototype(text)) refusePrototypeKeys(value);
  return { value, text };
}

function malformed(message: string): WfError {
  return new WfError("BODY_MALFORMED", message);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Before parsing, because the parsed value of a hostile text would cost far more memory than the text. */
function refuseDepth(text: string): void {
  if (!hasManyOpeners(text)) return;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_JSON_DEPTH) {
        throw malformed(`The JSON body is nested more than ${MAX_JSON_DEPTH} deep at ${placeOf(text, at)}`);
      }
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

/** Nearly no body has as many brackets as the depth that is refused, and the engine finds them faster than a loop. */
function hasManyOpeners(text: string): boolean {
  let count = 0;
  for (const opener of ["[", "{"]) {
    for (let at = text.indexOf(opener); at >= 0; at = text.indexOf(opener, at + 1)) {
      if (++count > MAX_JSON_DEPTH) return true;
    }
  }
  return false;
}

/** Every spelling of an ASCII letter by escape begins with the same three characters. */
function mayNamePrototype(text: string): boolean {
  return text.includes("__proto__") || text.includes('"constructor"') || text.includes("\\u00");
}

function refusePrototypeKeys(value: Json): void {
  const open: Json[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === null || typeof next !== "object") continue;
    if (!Array.isArray(next)) refusePrototypeKey(next as { readonly [key: string]: Json });
    for (const inner of Object.values(next)) if (inner !== null && typeof inner === "object") open.push(inner as Json);
  }
}

function refusePrototypeKey(object: { readonly [key: string]: Json }): void {
  if (Object.hasOwn(object, "__proto__")) throw malformed("The JSON body holds the key `__proto__`, which is refused");
  const maker = Object.hasOwn(object, "constructor") ? object["constructor"] : null;
  if (maker !== null && typeof maker === "object" && Object.hasOwn(maker, "prototype")) {
    throw malformed("The JSON body holds the key `prototype` under `constructor`, which is refused");
  }
}

function invalidByte(bytes: Buffer): string {
  // Bytes up to the first that cannot be decoded survive a round trip; the replacement character's do not.
  const again = Buffer.from(bytes.toString("utf8"));
  let at = 0;
  while (at < bytes.length && bytes[at] === again[at]) at++;
  return ` (byte ${at + 1})`;
}

/** What stands at the first place that breaks the grammar, found on the failing path only. */
function describeError(text: string): string {
  const offset = firstError(text);
  if (offset >= text.length) return `it ends unexpectedly at ${placeOf(text, text.length)}`;
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0);
  return `unexpected ${JSON.stringify(character)} at ${placeOf(text, offset)}`;
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `line ${line}, column ${offset - before.lastIndexOf("\n")}`;
}

/** Walks the grammar of RFC 8259 without building anything. @returns where it breaks; the length if it ends too early */
function firstError(text: string): number {
  const closers: string[] = [];
  let at = skipBlank(text, 0);
  for (;;) {
    // A value is due at `at`.
    const opener = text[at];
    if (opener === "{" || opener === "[") {
      const closer = opener === "{" ? "}" : "]";
      at = skipBlank(text, at + 1);
      if (text[at] === closer) at++;
      else {
        closers.push(closer);
        if (closer === "]") continue;
        const key = skipKey(text, at);
        if (key.error !== undefined) return key.error;
        at = key.end;
        continue;
      }
    } else {
      const scalar = skipScalar(text, at);
      if (scalar.error !== undefined) return scalar.error;
      at = scalar.end;
    }
    // A value has ended: close what closes, then find the next one.
    for (;;) {
      at = skipBlank(text, at);
      const closer = closers.at(-1);
      if (closer === undefined) return at;
      if (text[at] === closer) {
        closers.pop();
        at++;
        continue;
      }
      if (text[at] !== ",") return at;
      at = skipBlank(text, at + 1);
      if (closer === "}") {
        const key = skipKey(text, at);
        if (key.error !== undefined) return key.error;
        at = key.end;
      }
      break;
    }
  }
}

type Skipped =
  | { readonly end: number; readonly error?: undefined }
  | { readonly error: number; readonly end?: undefined };

function skipBlank(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return at;
}

function skipKey(text: string, from: number): Skipped {
  if (text[from] !== '"') return { error: from };
  const key = skipString(text, from);
  if (key.error !== undefined) return key;
  const colon = skipBlank(text, key.end);
  return text[colon] === ":" ? { end: skipBlank(text, colon + 1) } : { error: colon };
}

function skipScalar(text: string, from: number): Skipped {
  if (text[from] === '"') return skipString(text, from);
  for (const word of ["true", "false", "null"]) {
    if (text[from] !== word[0]) continue;
    for (let i = 1; i < word.length; i++) if (text[from + i] !== word[i]) return { error: from + i };
    return { end: from + word.length };
  }
  return skipNumber(text, from);
}

function skipString(text: string, from: number): Skipped {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return { end: at + 1 };
    if (code < 0x20) return { error: at };
    if (code !== BACKSLASH) continue;
    at++;
    if (text[at] === "u") {
      for (let i = 1; i <= 4; i++) if (!/^[\da-f]$/i.test(text[at + i] ?? "")) return { error: at + i };
      at += 4;
    } else if (!'"\\/bfnrt'.includes(text[at] ?? "?")) return { error: at };
  }
  return { error: text.length };
}

function skipNumber(text: string, from: number): Skipped {
  let at = text[from] === "-" ? from + 1 : from;
  const digits = (): boolean => {
    const start = at;
    while (isDigit(text[at])) at++;
    return at > start;
  };
  if (text[at] === "0") at++;
  else if (!digits()) return { error: at };
  if (text[at] === ".") {
    at++;
    if (!digits()) return { error: at };
  }
  if (text[at] === "e" || text[at] === "E") {
    at++;
    if (text[at] === "+" || text[at] === "-") at++;
    if (!digits()) return { error: at };
  }
  return { end: at };
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
