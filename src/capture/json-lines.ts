/**
 * Breaks JSON into indented lines without parsing it: numbers, doubled keys and escapes stay as they came, and a long
 * body costs one pass over its bytes. No I/O.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** A line of indented JSON: bytes of the source, white space among them included. */
export interface JsonLine {
  start: number;
  end: number;
  /** Of this line. */
  depth: number;
  /** Of what follows it. */
  nextDepth: number;
}

/** Writes the line that begins at or after `at` into `line`. @returns false where nothing is left. */
export function nextJsonLine(bytes: Uint8Array, from: number, depth: number, line: JsonLine): boolean {
  let at = skipSpace(bytes, from);
  if (at >= bytes.length) return false;
  line.start = at;
  line.depth = depth;
  line.nextDepth = depth;
  if (isClose(bytes[at])) {
    line.depth = line.nextDepth = Math.max(0, depth - 1);
    line.end = withComma(bytes, at + 1);
    return true;
  }
  for (; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at) - 1;
    else if (byte === COMMA) {
      line.end = at + 1;
      return true;
    } else if (isClose(byte)) break;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const inner = skipSpace(bytes, at + 1);
      if (bytes[inner] === byte + 2) {
        line.end = withComma(bytes, inner + 1);
        return true;
      }
      line.end = at + 1;
      line.nextDepth = depth + 1;
      return true;
    }
  }
  line.end = at;
  return true;
}

function isClose(byte: number | undefined): boolean {
  return byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}

function withComma(bytes: Uint8Array, at: number): number {
  const next = skipSpace(bytes, at);
  return bytes[next] === COMMA ? next + 1 : at;
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return at;
}

function endOfString(bytes: Uint8Array, start: number): number {
  let from = start + 1;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote === -1) return bytes.length;
    let slashes = 0;
    while (bytes[quote - 1 - slashes] === BACKSLASH && quote - slashes > start + 1) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}
