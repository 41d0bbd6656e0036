/** The test shelf's list: one row a capture, columns by what there is room for. No I/O. */
import type { Capture } from "../engine/captures.ts";
import { titleOf } from "./capture-title.ts";
import { type Layout, layOutShelf } from "./shelf-layout.ts";
import { EMPTY, fitSpans, foreign, type Line, line, own, type Span, widthOf, wrapText } from "./shelf-line.ts";
import { selectedIndex, type ShelfState } from "./shelf-state.ts";

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly align?: "right";
  /** From so many columns of list on. */
  readonly from: number;
  readonly cell: (capture: Capture) => readonly Span[];
}

const COLUMNS: readonly Column[] = [
  { heading: "TIME", width: 8, from: 0, cell: ({ receivedAt }) => [own(timeOf(receivedAt), "dim")] },
  { heading: "METHOD", width: 7, from: 0, cell: ({ method }) => foreign(method, "name") },
  { heading: "STATUS", width: 6, align: "right", from: 0, cell: statusCell },
  { heading: "TOOK", width: 7, align: "right", from: 50, cell: tookCell },
  { heading: "SIZE", width: 8, align: "right", from: 0, cell: ({ bodySize }) => [own(sizeOf(bodySize))] },
  { heading: "RULES", width: 9, from: 60, cell: verdictCell },
  { heading: "SIGNED", width: 7, from: 70, cell: signatureCell },
  { heading: "★", width: 1, from: 0, cell: ({ savedAs }) => [own(savedAs === null ? " " : "★", "warn")] },
];
const GAP = "  ";
const NARROW_GAP = " ";
/** Below this the last column, what the capture is about, is left out. */
const MIN_TITLE = 5;

/** @returns Exactly `headingRows + listRows` lines of at most `listColumns`. */
export function listLines(state: ShelfState): Line[] {
  const layout = layOutShelf(state.size);
  const width = layout.listColumns;
  const rows = layout.headingRows + layout.listRows;
  if (state.shown.length === 0) return emptyLines(state, width, rows);
  const lines: Line[] = [];
  if (layout.headingRows > 0) lines.push(headingLine(width));
  const selected = selectedIndex(state);
  for (let row = 0; row < layout.listRows; row++) {
    const at = state.top + row;
    const capture = state.shown[at];
    lines.push(capture === undefined ? EMPTY : captureLine(capture, at === selected, layout));
  }
  return lines;
}

function shownColumns(width: number): { readonly columns: readonly Column[]; readonly gap: string } {
  return { columns: COLUMNS.filter(({ from }) => width >= from), gap: width < 70 ? NARROW_GAP : GAP };
}

function headingLine(width: number): Line {
  const { columns, gap } = shownColumns(width);
  const cells = columns.flatMap(({ heading, width: room, align }) => [
    ...fitSpans([own(heading, "dim")], room, align),
    own(gap),
  ]);
  return { spans: fitSpans([own("  "), ...cells, own("WHAT", "dim")], width) };
}

function captureLine(capture: Capture, selected: boolean, layout: Layout): Line {
  const width = layout.listColumns;
  const { columns, gap } = shownColumns(width);
  const spans: Span[] = [own(selected ? "▌ " : "  ", "title")];
  for (const { width: room, align, cell } of columns) spans.push(...fitSpans(cell(capture), room, align), own(gap));
  const room = width - widthOf(spans);
  if (room >= MIN_TITLE) {
    const replay = capture.replayOf === null ? [] : [own("↻ ", "dim")];
    const name = capture.savedAs === null ? [] : [...foreign(capture.savedAs, "warn"), own(" ")];
    spans.push(...fitSpans([...replay, ...name, ...foreign(titleOf(capture), "dim")], room));
  }
  const row = fitSpans(spans, width);
  return { spans: selected ? row.map((span) => ({ ...span, selected })) : row };
}

/** Local time: that is what the clock on the same screen says. */
export function timeOf(iso: string): string {
  const date = new Date(iso);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function tookCell({ answer }: Capture): Span[] {
  return [own(answer === null ? "" : tookOf(answer.durationMs), "dim")];
}

export function tookOf(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)}ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`;
  return `${(milliseconds / 1000).toFixed(1)}s`;
}

function statusCell({ answer }: Capture): Span[] {
  if (answer === null) return [own("…", "dim")];
  const tone = answer.status >= 500 ? "bad" : answer.status >= 400 ? "warn" : "good";
  return [own(String(answer.status), tone)];
}

function verdictCell({ verdict }: Capture): Span[] {
  if (verdict === null) return [own("running", "dim")];
  if (verdict.kind === "accepted") return [own("✓ kept", "good")];
  const broken = verdict.errors.length;
  return [own(broken === 0 ? "✗ refused" : `✗ ${broken} rule${broken === 1 ? "" : "s"}`, "bad")];
}

function signatureCell({ signature }: Capture): Span[] {
  if (signature === null) return [own("–", "dim")];
  return signature === "valid" ? [own("✓ valid", "good")] : [own("✗ wrong", "bad")];
}

function emptyLines(state: ShelfState, width: number, rows: number): Line[] {
  const lines = state.captures.length > 0 ? hiddenHint(state) : arrivalHint(state, width);
  const above = Math.max(0, Math.min(Math.floor((rows - lines.length) / 3), 4));
  const filled = [...Array.from({ length: above }, () => EMPTY), ...lines].slice(0, rows);
  return [...filled, ...Array.from({ length: rows - filled.length }, () => EMPTY)];
}

function hiddenHint({ captures, looked, filter }: ShelfState): Line[] {
  const isLooking = filter.terms.some(({ kind }) => kind === "text" || kind === "body") && looked.size === 0;
  const count = `${captures.length.toLocaleString("en")} captures`;
  if (isLooking) return [line(own(`  Looking into the bodies of ${count} …`, "dim"))];
  return [line(own("  No capture matches.", "title")), EMPTY, line(own(`  Esc shows all ${count}.`, "dim"))];
}

function arrivalHint(state: ShelfState, width: number): Line[] {
  if (state.loading) return [line(own("  Loading …", "dim"))];
  const command = `curl ${state.url} --json '{"hello":"world"}'`;
  const room = Math.max(10, width - 4);
  return [
    line(own("  Waiting for the first request", "title")),
    EMPTY,
    line(own("  Give this test URL to the sender of the webhook:", "dim")),
    ...wrapText(state.url, room).map((part) => line(own("    "), own(part, "name"))),
    EMPTY,
    line(own("  Or send one from another terminal:", "dim")),
    ...wrapText(command, room).map((part) => line(own("    "), own(part, "text"))),
    EMPTY,
    line(own("  It is kept whole, checked by the rules, run, and shown here.", "dim")),
  ].map(({ spans }) => ({ spans: fitSpans(spans, width) }));
}

/** For the title: how many there are. */
export function countOf({ captures, shown }: ShelfState): string {
  const all = captures.length.toLocaleString("en");
  if (shown.length === captures.length) return `${all} capture${captures.length === 1 ? "" : "s"}`;
  return `${shown.length.toLocaleString("en")} of ${all}`;
}
