/**
 * Changes to a YAML text that leave everything else in it as it is, to the byte: insertions at the places that the
 * parsed nodes have in the text. No I/O.
 */
import { type Document, isCollection, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { blockLines, inlineEntry, inlineValue, type YamlEntry } from "./rules-yaml.ts";

type Entries = readonly YamlEntry[];

/** Flow maps that grow beyond this continue on lines of their own. */
const MAX_LINE = 120;

export class YamlSplice {
  readonly document: Document;
  readonly #mark: string;
  readonly #text: string;
  readonly #newline: string;
  readonly #step: string;
  readonly #edits: { readonly start: number; readonly end: number; readonly text: string }[] = [];

  constructor(text: string) {
    // A byte order mark is no part of what offsets count.
    this.#mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
    this.#text = text.slice(this.#mark.length);
    this.#newline = text.includes("\r\n") ? "\r\n" : "\n";
    this.document = parseDocument(this.#text, { prettyErrors: false, logLevel: "silent", uniqueKeys: false });
    this.#step = " ".repeat(this.#indentation());
  }

  /** A node as the file writes it. */
  source(node: unknown): string {
    return this.#text.slice(...rangeOf(node));
  }

  /** The text with all changes; the edit itself stays as it is. */
  toString(): string {
    // Of changes at one place, the first one stands first.
    const edits = this.#edits
      .map((edit, order) => ({ ...edit, order }))
      .toSorted((a, b) => a.start - b.start || a.order - b.order);
    let text = this.#mark;
    let at = 0;
    for (const edit of edits) {
      text += this.#text.slice(at, edit.start) + edit.text;
      at = Math.max(at, edit.end);
    }
    return text + this.#text.slice(at);
  }

  /**
   * Adds entries to a map, behind its last one.
   *
   * @param after - Behind this one instead; `first` puts them before all. For maps in block style.
   */
  insert(map: YAMLMap, entries: Entries, after: Pair | "first" = lastOf(map) ?? "first"): void {
    if (entries.length === 0) return;
    if (map.flow === true) return this.#insertIntoFlow(map, entries);
    const column = this.#column(startOf(map.items[0]?.key));
    const lines = blockLines(entries, " ".repeat(column), this.#step);
    if (after === "first") {
      const start = startOf(map.items[0]?.key) - column;
      this.#replace(start, start, lines.map((line) => line + this.#newline).join(""));
    } else {
      this.#insertLines(this.#endOfPair(after), lines);
    }
  }

  /**
   * Gives a value to a key in place of the one that it has, or of nothing (`body:`, `body: {}`).
   *
   * @param inFlow - Whether the pair stands in a flow map.
   */
  setValue(pair: Pair, value: YamlEntry["value"], inFlow: boolean): void {
    const node = pair.value;
    const [start, end] = this.#valueRange(pair);
    const isBlock = isCollection(node) && node.flow !== true && node.items.length > 0;
    if (inFlow || typeof value === "string") {
      const gap = this.#text.slice(this.#endOfKey(pair), start);
      // A block map on lines of its own leaves them, unless a comment stands before it.
      const from = isBlock && /^:\s*$/.test(gap) ? this.#endOfKey(pair) + 1 : start;
      const needsSpace = !/[\s]/.test(this.#text.charAt(from - 1));
      const colon = gap.includes(":") || start > this.#endOfKey(pair) ? "" : ":";
      return this.#replace(from, end, `${colon}${needsSpace ? " " : ""}${inlineValue(value)}`);
    }
    if (isBlock) {
      const lines = blockLines(value, " ".repeat(this.#column(start)), this.#step);
      return this.#replace(start, end, lines.join(this.#newline).trimStart());
    }
    let from = start;
    if (end > start) while (this.#text.charAt(from - 1) === " ") from--;
    this.#replace(from, end, "");
    const indent = " ".repeat(this.#column(startOf(pair.key))) + this.#step;
    this.#insertLines(end, blockLines(value, indent, this.#step));
  }

  #insertIntoFlow(map: YAMLMap, entries: Entries): void {
    const [from, to] = rangeOf(map);
    const last = lastOf(map);
    if (last === undefined) return this.#replace(from, to, inlineValue(entries));
    const end = this.#endOfPair(last);
    const comma = /^\s*,/.exec(this.#text.slice(end));
    const at = end + (comma?.[0].length ?? 0);
    const lineStart = this.#text.lastIndexOf("\n", at - 1) + 1;
    const texts = entries.map(inlineEntry);
    const isLong = at - lineStart + texts.join(", ").length > MAX_LINE;
    const indent = /^ */.exec(this.#text.slice(lineStart))?.[0] ?? "";
    const gap = isLong ? this.#newline + indent + this.#step + this.#step : " ";
    this.#replace(at, at, texts.map((text) => (comma ? `${gap}${text},` : `,${gap}${text}`)).join(""));
  }

  /** Puts lines behind the line in which `offset` lies. */
  #insertLines(offset: number, lines: readonly string[]): void {
    const text = lines.join(this.#newline);
    if (offset > 0 && this.#text.charAt(offset - 1) === "\n")
      return this.#replace(offset, offset, text + this.#newline);
    const lineEnd = this.#text.indexOf("\n", offset);
    if (lineEnd < 0) this.#replace(this.#text.length, this.#text.length, this.#newline + text);
    else this.#replace(lineEnd + 1, lineEnd + 1, text + this.#newline);
  }

  #replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  #column(offset: number): number {
    return offset - this.#text.lastIndexOf("\n", offset - 1) - 1;
  }

  #endOfKey(pair: Pair): number {
    return rangeOf(pair.key)[1];
  }

  #valueRange(pair: Pair): [start: number, end: number] {
    if (pair.value === null || pair.value === undefined) return [this.#endOfKey(pair), this.#endOfKey(pair)];
    const [start, end] = rangeOf(pair.value);
    const isBlock = isCollection(pair.value) && pair.value.flow !== true;
    return [start, isBlock ? this.#withoutNewline(this.#endOf(pair.value)) : end];
  }

  #withoutNewline(end: number): number {
    if (this.#text.charAt(end - 1) !== "\n") return end;
    return this.#text.charAt(end - 2) === "\r" ? end - 2 : end - 1;
  }

  #endOfPair(pair: Pair): number {
    return pair.value === null || pair.value === undefined ? this.#endOfKey(pair) : this.#endOf(pair.value);
  }

  /** Where a value's own text ends: comments behind it are not part of it. */
  #endOf(node: unknown): number {
    if (!isCollection(node) || node.flow === true) return rangeOf(node)[1];
    const last = node.items.at(-1);
    if (last === undefined) return rangeOf(node)[1];
    return isMap(node) ? this.#endOfPair(last as Pair) : this.#endOf(last);
  }

  /** How far this file indents. */
  #indentation(): number {
    const root = this.document.contents;
    if (!isMap(root) || root.flow === true) return 2;
    for (const { value } of root.items) {
      if (!isMap(value) || value.flow === true) continue;
      const column = this.#column(startOf(value.items[0]?.key)) - this.#column(startOf(root.items[0]?.key));
      if (column > 0 && column <= 8) return column;
    }
    return 2;
  }
}

/** The entry of a key, compared as text; header names in lower case. */
export function pairOf(map: YAMLMap, key: string, lowerCase = false): Pair | undefined {
  return map.items.find((pair) => {
    if (!isScalar(pair.key)) return false;
    const text = typeof pair.key.value === "string" ? pair.key.value : (pair.key.source ?? "");
    return (lowerCase ? text.toLowerCase() : text) === key;
  });
}

/** True for `key:`, `key: null` and `key: {}`. */
export function isNothing(node: unknown): boolean {
  if (node === null || node === undefined) return true;
  return isScalar(node) ? node.value === null : isMap(node) && node.items.length === 0;
}

function lastOf(map: YAMLMap): Pair | undefined {
  return map.items.at(-1);
}

function startOf(node: unknown): number {
  return rangeOf(node)[0];
}

function rangeOf(node: unknown): [start: number, end: number] {
  const { range } = node as { range?: readonly [number, number, number] | null };
  return [range?.[0] ?? 0, range?.[1] ?? 0];
}
