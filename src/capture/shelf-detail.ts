/** The test shelf's detail pane: what the selected capture is, and one view of it. No I/O. */
import type { Capture } from "../engine/captures.ts";
import type { LineView } from "./line-view.ts";
import { layOutShelf } from "./shelf-layout.ts";
import { cutSpans, EMPTY, foreign, type Line, own, type Span, spread } from "./shelf-line.ts";
import { sizeOf, timeOf, tookOf } from "./shelf-list.ts";
import { selectedCapture, type ShelfState, TABS, type Tab } from "./shelf-state.ts";

const TAB_NAMES: Readonly<Record<Tab, string>> = {
  body: "Body",
  headers: "Headers",
  response: "Response",
  steps: "Steps",
  diff: "Diff",
  schema: "Schema",
};

/** @returns Exactly `detailHeadRows + detailRows` lines of at most `detailColumns`. */
export function detailLines(state: ShelfState, view: LineView | undefined): Line[] {
  const layout = layOutShelf(state.size);
  const width = layout.detailColumns;
  const capture = selectedCapture(state);
  const rows = layout.detailHeadRows + layout.detailRows;
  const lines: Line[] = [];
  if (capture !== undefined) {
    if (layout.detailHeadRows > 1) lines.push({ spans: cutSpans(summarySpans(capture), width) });
    lines.push({ spans: tabSpans(state, view, width) });
    if (layout.detailHeadRows > 2) lines.push({ spans: [own("─".repeat(width), "dim")] });
    for (let row = 0; row < layout.detailRows; row++) {
      const at = state.scroll + row;
      if (view !== undefined && at < view.known) lines.push(view.line(at, width, state.sideways));
      else lines.push(view === undefined && row === 0 ? { spans: [own("Loading …", "dim")] } : EMPTY);
    }
  }
  return [...lines, ...Array.from({ length: rows - lines.length }, () => EMPTY)];
}

function summarySpans(capture: Capture): Span[] {
  const { method, url, answer, bodySize, receivedAt } = capture;
  const status: Span[] =
    answer === null
      ? [own("running", "dim")]
      : [own(String(answer.status), answer.status >= 500 ? "bad" : answer.status >= 400 ? "warn" : "good")];
  const took = answer === null ? "" : ` in ${tookOf(answer.durationMs)}`;
  return [
    ...foreign(method, "name"),
    own(" "),
    ...foreign(url.length > 500 ? url.slice(0, 500) : url),
    own("  "),
    ...status,
    own(`${took} · ${sizeOf(bodySize)} · ${timeOf(receivedAt)}`, "dim"),
  ];
}

function tabSpans(state: ShelfState, view: LineView | undefined, width: number): readonly Span[] {
  const isShort = width < 64;
  const isActive = state.focus === "detail";
  const tabs = TABS.flatMap((tab, at): Span[] => {
    const isOpen = tab === state.tab;
    if (!isOpen) return [own(`${at + 1} ${isShort ? TAB_NAMES[tab].slice(0, 1) : TAB_NAMES[tab]}  `, "dim")];
    return [own(`${at + 1} ${TAB_NAMES[tab]}`, isActive ? "key" : "title"), own("  ")];
  });
  return spread(tabs, placeSpans(state, view), width);
}

/** Where in its content the pane is. */
function placeSpans(state: ShelfState, view: LineView | undefined): Span[] {
  if (view === undefined) return [];
  const { detailRows } = layOutShelf(state.size);
  const label = view.label === undefined ? "" : `${view.label} `;
  if (view.complete && view.known <= detailRows) return [own(label, "dim")];
  const last = Math.min(view.known, state.scroll + detailRows);
  const all = `${view.known.toLocaleString("en")}${view.complete ? "" : "+"}`;
  return [own(`${label}${(state.scroll + 1).toLocaleString("en")}–${last.toLocaleString("en")}/${all}`, "dim")];
}
