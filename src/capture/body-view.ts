/** A captured body as lines: JSON indented, text as it is, everything else as a hex dump. No I/O. */
import { type JsonLine, nextJsonLine } from "./json-lines.ts";
import { type LineView, viewOf, windowOf } from "./line-view.ts";
import { foreign, line, own, type Span, type Tone } from "./shelf-line.ts";
import { decodeBytes } from "./visible-text.ts";

export type BodyForm = "json" | "text" | "hex";

/** Every so many lines the place is kept from which the ones after it are found again. */
const LINES_PER_MARK = 64;
const LOOKED_AT = 4096;
const INDENT = 2;

/** The form that suits a body best. @param contentType - The header's value. */
export function formOf(body: Buffer, contentType: string, contentEncoding = "identity"): BodyForm {
  const start = body.subarray(0, LOOKED_AT);
  if (!/^\s*(?:identity)?\s*$/i.test(contentEncoding) || start.includes(0)) return "hex";
  if (/^(?:image|audio|video|font)\/(?!svg)/i.test(contentType)) return "hex";
  const strange = decodeBytes(start).match(/[\udc80-\udcff]/g)?.length ?? 0;
  // The end of what was looked at may lie in the middle of a character.
  if (strange > 3 + start.length / 20) return "hex";
  const first = decodeBytes(start).trimStart()[0];
  const isTagged = /^[^;]*[/+]json\b/i.test(contentType);
  return isTagged || first === "{" || first === "[" ? "json" : "text";
}

export function bodyView(body: Buffer, form: BodyForm): LineView {
  if (body.length === 0) return viewOf([line(own("The request has no body.", "dim"))]);
  return form === "hex" ? new HexView(body) : new ScannedView(body, form);
}

/** Lines whose beginnings are found by reading on, once; those looked at are made again from the nearest mark. */
class ScannedView implements LineView {
  readonly label: BodyForm;
  known = 0;
  complete = false;
  readonly #body: Buffer;
  /** Offset and depth of each {@link LINES_PER_MARK}th line. */
  readonly #marks: number[] = [];
  #at = 0;
  #depth = 0;

  constructor(body: Buffer, form: "json" | "text") {
    this.#body = body;
    this.label = form;
  }

  advance(bytes: number): void {
    const end = this.#at + bytes;
    const found = newLine();
    while (!this.complete && this.#at < end) {
      if (this.known % LINES_PER_MARK === 0) this.#marks.push(this.#at, this.#depth);
      if (!this.#next(this.#at, this.#depth, found)) {
        this.complete = true;
        return;
      }
      this.known++;
      this.#at = found.end;
      this.#depth = found.nextDepth;
      if (this.#at >= this.#body.length) this.complete = true;
    }
  }

  line(at: number, width: number, from: number): { spans: readonly Span[] } {
    const mark = Math.floor(at / LINES_PER_MARK) * 2;
    const found = newLine();
    found.end = this.#marks[mark] ?? 0;
    found.nextDepth = this.#marks[mark + 1] ?? 0;
    for (let step = at % LINES_PER_MARK; step >= 0; step--) this.#next(found.end, found.nextDepth, found);
    // A character has four bytes at most; a line of megabytes is not decoded for the columns that show.
    const shown = this.#body.subarray(found.start, Math.min(found.end, found.start + (from + width + 64) * 4));
    const text = decodeBytes(shown);
    if (this.label === "text") return { spans: windowOf(foreign(text.replace(/\n$/, "")), width, from) };
    // Nesting of thousands of levels lies beyond the right edge.
    const indent = " ".repeat(Math.min(found.depth * INDENT, from + width + 1));
    const spans = [own(indent), ...jsonSpans(text)];
    return { spans: windowOf(spans, width, from) };
  }

  #next(from: number, depth: number, found: JsonLine): boolean {
    if (this.label === "json") return nextJsonLine(this.#body, from, depth, found);
    if (from >= this.#body.length) return false;
    const end = this.#body.indexOf(10, from);
    found.start = from;
    found.end = end === -1 ? this.#body.length : end + 1;
    return true;
  }
}

function newLine(): JsonLine {
  return { start: 0, end: 0, depth: 0, nextDepth: 0 };
}

// Sticky, one token each; a string may be cut off.
const TOKEN = /(?<space>\s+)|(?<string>"(?:[^"\\]|\\.)*"?)(?<colon>\s*:)?|(?<word>[^\s"{}[\],:]+)|(?<sign>.)/gsu;
const WORDS = new Set(["true", "false", "null"]);

function jsonSpans(text: string): Span[] {
  const spans: Span[] = [];
  for (const { groups } of text.matchAll(TOKEN)) {
    const { string, colon, word, sign } = groups ?? {};
    if (string !== undefined) {
      spans.push(...foreign(string, colon === undefined ? "text" : "name"));
      if (colon !== undefined) spans.push(own(": ", "dim"));
    } else if (word !== undefined) spans.push(...foreign(word, toneOfWord(word)));
    else if (sign !== undefined) spans.push(...foreign(sign === ":" ? ": " : sign, "dim"));
  }
  return spans;
}

function toneOfWord(word: string): Tone {
  return WORDS.has(word) ? "word" : /^-?\d/.test(word) ? "number" : "bad";
}

/** Columns of a hex dump's line, by bytes in it: offset, bytes, characters, and the spaces between. */
const HEX_COLUMNS = (count: number) => 8 + 2 + count * 3 + 1 + count;

class HexView implements LineView {
  readonly label = "hex";
  readonly complete = true;
  readonly #body: Buffer;
  readonly #count: number;

  constructor(body: Buffer, count = 16) {
    this.#body = body;
    this.#count = count;
  }

  get known(): number {
    return Math.ceil(this.#body.length / this.#count);
  }

  advance(): void {
    return undefined;
  }

  line(at: number, width: number, from: number): { spans: readonly Span[] } {
    const bytes = this.#body.subarray(at * this.#count, (at + 1) * this.#count);
    const pairs = Array.from({ length: this.#count }, (_, index) => {
      const byte = bytes[index];
      return byte === undefined ? "  " : byte.toString(16).padStart(2, "0");
    });
    const characters = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"));
    const isNarrow = width < HEX_COLUMNS(this.#count);
    const half = this.#count / 2;
    const gap = isNarrow ? " " : "  ";
    const spans = [
      own((at * this.#count).toString(16).padStart(8, "0"), "dim"),
      own(gap),
      own(`${pairs.slice(0, half).join(" ")} ${isNarrow ? "" : " "}${pairs.slice(half).join(" ")}`, "number"),
      own(gap),
      own(characters.join(""), "text"),
    ];
    return { spans: windowOf(spans, width, from) };
  }
}
