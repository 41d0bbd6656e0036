/** The whole test shelf as lines: exactly as many as the terminal has, none wider. No I/O. */
import type { LineView } from "./line-view.ts";
import { detailLines } from "./shelf-detail.ts";
import { footLines, headLines } from "./shelf-frame.ts";
import { dialogLines } from "./shelf-help.ts";
import { DIVIDER, layOutBox, layOutShelf } from "./shelf-layout.ts";
import { cutSpans, EMPTY, fitSpans, type Line, line, own, widthOf } from "./shelf-line.ts";
import { listLines } from "./shelf-list.ts";
import type { ShelfState } from "./shelf-state.ts";

/** @param view - The detail's content; undefined while it loads. */
export function screenLines(state: ShelfState, view: LineView | undefined): Line[] {
  const { columns, rows } = state.size;
  const head = headLines(state);
  const foot = footLines(state);
  const body = boxLines(state) ?? bodyLines(state, view);
  return [...head, ...body, ...foot].slice(0, rows).map((one) => ({ ...one, spans: cutSpans(one.spans, columns) }));
}

function bodyLines(state: ShelfState, view: LineView | undefined): Line[] {
  const { wide, listColumns } = layOutShelf(state.size);
  if (!wide) return state.focus === "list" || state.shown.length === 0 ? listLines(state) : detailLines(state, view);
  const list = listLines(state);
  const detail = detailLines(state, view);
  return list.map((left, row) => ({
    spans: [...fitSpans(left.spans, listColumns), own(DIVIDER, "dim"), ...(detail[row]?.spans ?? [])],
  }));
}

/** A dialog in place of list and detail, in a frame. */
function boxLines(state: ShelfState): Line[] | undefined {
  const { framed, columns, rows, innerColumns, innerRows } = layOutBox(state.size);
  const dialog = dialogLines(state, innerColumns);
  if (dialog === undefined) return undefined;
  const { title, lines } = dialog;
  const last = Math.max(0, lines.length - innerRows);
  const scroll = Math.min(dialog.scroll, last);
  const shown = lines.slice(scroll, scroll + innerRows);
  if (!framed) return fill(shown, rows);
  const margin = own(" ".repeat(Math.floor((state.size.columns - columns) / 2)));
  const more = last === 0 ? "" : ` ${scroll + 1}–${scroll + shown.length}/${lines.length} ─`;
  const head = cutSpans([own("─ ", "dim"), own(title, "title"), own(" ", "dim")], columns - 2);
  const rule = (taken: number): string => "─".repeat(Math.max(0, columns - 2 - taken));
  return fill(
    [
      line(margin, own("╭", "dim"), head, own(`${rule(widthOf(head))}╮`, "dim")),
      ...shown.map((one) => line(margin, own("│ ", "dim"), fitSpans(one.spans, innerColumns), own(" │", "dim"))),
      line(margin, own(`╰${rule(more.length)}${more}╯`, "dim")),
    ],
    rows,
  );
}

function fill(lines: readonly Line[], rows: number): Line[] {
  return [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, () => EMPTY)].slice(0, rows);
}
