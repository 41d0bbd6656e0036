/** Lines of the test shelf: runs of styled text that take an exact number of columns. No I/O. */
import { columnsOf, splitAt, visiblePieces } from "./visible-text.ts";

/** What a run means; `shelf.tsx` gives it colours. */
export type Tone =
  | "plain"
  | "dim"
  | "good"
  | "bad"
  | "warn"
  | "title"
  | "key"
  | "name"
  | "text"
  | "number"
  | "word"
  /** Stands for a character that is not shown as itself. */
  | "mark"
  /** Where typing goes. */
  | "cursor";

export interface Span {
  readonly text: string;
  readonly tone: Tone;
  /** Of the selected row. */
  readonly selected?: boolean;
}

export interface Line {
  readonly spans: readonly Span[];
  /** A bar over the whole width. */
  readonly bar?: boolean;
}

export const EMPTY: Line = { spans: [] };

/** Text of the program's own. */
export function own(text: string, tone: Tone = "plain"): Span {
  return { text, tone };
}

/** Text of unknown origin; what would steer the terminal is marked. */
export function foreign(text: string, tone: Tone = "plain"): Span[] {
  return visiblePieces(text).map((piece) => ({ text: piece.text, tone: piece.mark ? "mark" : tone }));
}

export function line(...spans: readonly (Span | readonly Span[])[]): Line {
  return { spans: spans.flat() };
}

export function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + columnsOf(text), 0);
}

/** Cuts to `width` columns; the last one is `…` where something is lost. */
export function cutSpans(spans: readonly Span[], width: number): readonly Span[] {
  if (width <= 0) return [];
  if (widthOf(spans) <= width) return spans;
  const kept: Span[] = [];
  let room = width - 1;
  for (const span of spans) {
    const columns = columnsOf(span.text);
    if (columns <= room) {
      kept.push(span);
      room -= columns;
      continue;
    }
    kept.push({ ...span, text: splitAt(span.text, room)[0] });
    break;
  }
  return [...kept, own("…", "dim")];
}

/** Cuts or fills to exactly `width` columns. */
export function fitSpans(spans: readonly Span[], width: number, align: "left" | "right" = "left"): readonly Span[] {
  const cut = cutSpans(spans, width);
  const missing = width - widthOf(cut);
  if (missing <= 0) return cut;
  return align === "left" ? [...cut, own(" ".repeat(missing))] : [own(" ".repeat(missing)), ...cut];
}

/** `left` and `right` at the two ends of `width` columns; `left` gives way. */
export function spread(left: readonly Span[], right: readonly Span[], width: number): readonly Span[] {
  const rightCut = cutSpans(right, width);
  const room = width - widthOf(rightCut);
  return [...fitSpans(left, room), ...rightCut];
}

/** Breaks into lines of at most `width` columns, at spaces where it can. Long data is not for this: it is linear but eager. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (columnsOf(rest) > width) {
    const [head] = splitAt(rest, Math.max(1, width));
    const space = head.lastIndexOf(" ");
    const at = space > width / 2 ? space : Math.max(1, head.length);
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).replace(/^ /, "");
  }
  return [...lines, rest];
}
