/**
 * Text of unknown origin made safe to show: what would steer a terminal becomes visible and is never obeyed. No I/O.
 *
 * V1 No control character, escape sequence or character without a glyph leaves this file as itself.
 * V2 What stands for one is marked, so that data which merely looks like a mark can be told from one.
 * V3 A piece takes the columns that {@link columnsOf} says, whatever it holds.
 */
import stringWidth from "string-width";

/** A run of text; `mark` runs stand for characters that are not shown as themselves. */
export interface Piece {
  readonly text: string;
  readonly mark: boolean;
}

/**
 * What has no glyph of its own or changes those around it: controls, format characters (direction, zero width, tags),
 * lone surrogates, private and unassigned code points, separators, characters that terminals may ignore; and runs of
 * more than four combining marks.
 */
const UNSEEN = /(?:(?<=\p{M}{4})\p{M})|[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
// oxlint-disable-next-line no-control-regex
const PLAIN = /^[\x20-\x7e]*$/;
const TAB_STOP = 4;

/** @param column - Where the text begins, for its tab stops. */
export function visiblePieces(text: string, column = 0): Piece[] {
  if (text === "") return [];
  if (PLAIN.test(text)) return [{ text, mark: false }];
  const pieces: Piece[] = [];
  let from = 0;
  const keep = (to: number): void => {
    if (to > from) pieces.push({ text: text.slice(from, to), mark: false });
  };
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    // Only how an emoji is drawn: terminals disagree on its width, nothing hides behind it.
    const isEmojiStyle = character === "\ufe0f" && /\p{Extended_Pictographic}$/u.test(text.slice(from, index));
    keep(index);
    from = index + character.length;
    if (isEmojiStyle) continue;
    if (character === "\t") {
      const before = column + pieces.reduce((sum, piece) => sum + columnsOf(piece.text), 0);
      pieces.push({ text: " ".repeat(TAB_STOP - (before % TAB_STOP)), mark: false });
    } else pieces.push({ text: markOf(character), mark: true });
  }
  keep(text.length);
  return pieces;
}

/** As {@link visiblePieces}, as one text. */
export function visibleText(text: string): string {
  return visiblePieces(text)
    .map((piece) => piece.text)
    .join("");
}

/** Bytes that are no UTF-8 travel through text as these lone surrogates, U+DC80 to U+DCFF. */
const BYTE_BASE = 0xdc00;

function markOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  if (code >= 0xdc80 && code <= 0xdcff) return `⟨${hex(code - BYTE_BASE, 2)}⟩`;
  return `⟨U+${hex(code, 4)}⟩`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

/** A screen asks for the same few texts again and again, and each measure looks at every grapheme's properties. */
const MAX_REMEMBERED = 5_000;
const MAX_REMEMBERED_LENGTH = 300;
const remembered = new Map<string, number>();

/** Columns that text takes in a terminal; the measure that Ink lays out by. */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  if (text.length > MAX_REMEMBERED_LENGTH) return stringWidth(text);
  let columns = remembered.get(text);
  if (columns === undefined) {
    columns = stringWidth(text);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(text, columns);
  }
  return columns;
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Splits so that the first part takes at most `width` columns; never within a grapheme. */
export function splitAt(text: string, width: number): [head: string, tail: string] {
  if (PLAIN.test(text)) return [text.slice(0, width), text.slice(width)];
  let used = 0;
  for (const { segment, index } of GRAPHEMES.segment(text)) {
    const columns = columnsOf(segment);
    if (used + columns > width) return [text.slice(0, index), text.slice(index)];
    used += columns;
  }
  return [text, ""];
}

/**
 * Decodes UTF-8 and keeps what is none: each such byte becomes the lone surrogate U+DC00 + byte, which
 * {@link visiblePieces} shows as `⟨FF⟩`.
 */
export function decodeBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let decoded = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) decoded += String.fromCharCode(BYTE_BASE + (bytes[at++] ?? 0));
    else {
      decoded += Buffer.from(bytes.subarray(at, at + length)).toString("utf8");
      at += length;
    }
  }
  return decoded;
}

/** Length of the well-formed sequence at a place, 0 where there is none (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  for (let next = 1; next < length; next++) if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] ?? 0;
  const isOutside =
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xed && second > 0x9f) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf4 && second > 0x8f);
  return isOutside ? 0 : length;
}
