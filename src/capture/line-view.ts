/** What the shelf's detail pane scrolls over: lines that are made when they are looked at. No I/O. */
import { cutSpans, type Line, type Span } from "./shelf-line.ts";
import { columnsOf, splitAt } from "./visible-text.ts";

export interface LineView {
  /** For people: `json`, `text`, `hex`. */
  readonly label?: string;
  /** Lines found so far. */
  readonly known: number;
  /** All lines are found. */
  readonly complete: boolean;
  /** Finds more lines, looking at no more than about `bytes` bytes. */
  advance(bytes: number): void;
  /**
   * @param at - From 0, below `known`.
   * @param width - Columns to show.
   * @param from - Columns that are scrolled away to the left.
   */
  line(at: number, width: number, from: number): Line;
}

/** A view of lines that are there already. */
export function viewOf(lines: readonly Line[]): LineView {
  return {
    known: lines.length,
    complete: true,
    advance: () => undefined,
    line: (at, width, from) => ({ spans: windowOf(lines[at]?.spans ?? [], width, from) }),
  };
}

/** The columns `from` to `from + width`, with `…` at each end where something is lost. */
export function windowOf(spans: readonly Span[], width: number, from: number): readonly Span[] {
  if (from === 0) return cutSpans(spans, width);
  const kept: Span[] = [];
  let skip = from + 1;
  for (const span of spans) {
    const columns = columnsOf(span.text);
    if (skip >= columns) {
      skip -= columns;
      continue;
    }
    kept.push(skip === 0 ? span : { ...span, text: splitAt(span.text, skip)[1] });
    skip = 0;
  }
  if (kept.length === 0) return spans.length === 0 ? [] : [{ text: "…", tone: "dim" }];
  return cutSpans([{ text: "…", tone: "dim" }, ...kept], width);
}
