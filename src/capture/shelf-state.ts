/**
 * The test shelf as a value: what happens leads from one state to the next and to effects. No I/O.
 *
 * S1 `shown` is what the filter lets through, oldest first; it is `captures` itself without a filter.
 * S2 The selection is a capture that is shown, or none: then the newest one, which follows what arrives.
 * S3 The selected row is within the window; the window never begins beyond what fills it.
 */
import type { Capture } from "../engine/captures.ts";
import { type FilterTerm, matchCapture, parseFilter } from "./shelf-filter.ts";
import { layOutShelf, type Size } from "./shelf-layout.ts";

export const TABS = ["body", "headers", "response", "steps", "diff", "schema"] as const;
export type Tab = (typeof TABS)[number];

export interface Notice {
  readonly text: string;
  readonly tone: "plain" | "good" | "bad";
}

export type Dialog =
  | { readonly kind: "help"; readonly scroll: number }
  /** Asks for the name of test data. */
  | {
      readonly kind: "save";
      readonly id: string;
      readonly name: string;
      /** Still the suggestion: the first character typed replaces it. */
      readonly suggested: boolean;
      readonly problem: string | null;
      readonly busy: boolean;
    }
  /** The list asks for the capture to compare `id` with. */
  | { readonly kind: "pick"; readonly id: string; readonly from: ShelfState["focus"] }
  | {
      readonly kind: "rules";
      readonly ids: readonly string[];
      /** Null until they are inferred. */
      readonly yaml: string | null;
      readonly scroll: number;
      readonly busy: boolean;
    }
  | { readonly kind: "text"; readonly title: string; readonly lines: readonly string[]; readonly scroll: number };

export interface ShelfState {
  readonly size: Size;
  readonly workflowId: string;
  readonly url: string;
  /** By id, which is by time; oldest first. */
  readonly captures: readonly Capture[];
  readonly shown: readonly Capture[];
  readonly filter: {
    readonly text: string;
    readonly terms: readonly FilterTerm[];
    readonly typing: boolean;
    /** What was selected before typing: half a word may hide it, the whole one shows it again. */
    readonly anchor: string | null;
  };
  /** What the bodies said to the filter. */
  readonly looked: ReadonlyMap<string, boolean>;
  readonly selectedId: string | null;
  /** Index in `shown` of the window's first row. */
  readonly top: number;
  /** Captures that came since following stopped. */
  readonly unseen: number;
  readonly focus: "list" | "detail";
  readonly tab: Tab;
  /** First line and column of the detail that show. */
  readonly scroll: number;
  readonly sideways: number;
  /** Lines that the detail has, as far as known. */
  readonly contentLines: number;
  /** The capture to compare with; null for the one before. */
  readonly diffWith: string | null;
  readonly dialog: Dialog | null;
  readonly notice: Notice | null;
  readonly loading: boolean;
  readonly linked: boolean;
}

export type ShelfEvent =
  /** A character, or a name: `up`, `enter`, `ctrl-c`. */
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "resize"; readonly size: Size }
  | { readonly kind: "captures"; readonly captures: readonly Capture[]; readonly fresh: boolean }
  | { readonly kind: "loaded" }
  | { readonly kind: "link"; readonly isUp: boolean }
  /** Bodies were held against the filter. */
  | { readonly kind: "looked"; readonly filter: string; readonly found: ReadonlyMap<string, boolean> }
  | { readonly kind: "content"; readonly lines: number }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "saved"; readonly name: string; readonly path: string }
  | { readonly kind: "saveFailed"; readonly problem: string }
  | { readonly kind: "inferred"; readonly ids: readonly string[]; readonly yaml: string }
  | { readonly kind: "closed"; readonly notice: Notice }
  | { readonly kind: "text"; readonly title: string; readonly lines: readonly string[]; readonly notice: Notice };

export type ShelfEffect =
  | { readonly kind: "quit" }
  /** Holds the bodies of these captures against the filter. */
  | { readonly kind: "look"; readonly filter: string; readonly captures: readonly Capture[] }
  | { readonly kind: "save"; readonly id: string; readonly name: string }
  | { readonly kind: "replay" | "edit" | "curl"; readonly id: string }
  | { readonly kind: "infer"; readonly ids: readonly string[] }
  | { readonly kind: "writeRules" }
  | { readonly kind: "har"; readonly ids: readonly string[] };

export interface Step {
  readonly state: ShelfState;
  readonly effects: readonly ShelfEffect[];
}

/** So many captures are kept in the list; older ones leave it. */
export const MAX_CAPTURES = 10_000;

export function initialState(workflowId: string, url: string, size: Size): ShelfState {
  return {
    size,
    workflowId,
    url,
    captures: [],
    shown: [],
    filter: { text: "", terms: [], typing: false, anchor: null },
    looked: new Map(),
    selectedId: null,
    top: 0,
    unseen: 0,
    focus: "list",
    tab: "body",
    scroll: 0,
    sideways: 0,
    contentLines: 0,
    diffWith: null,
    dialog: null,
    notice: null,
    loading: true,
    linked: true,
  };
}

export function isFollowing(state: ShelfState): boolean {
  return state.selectedId === null;
}

/** Index in `shown`; -1 when nothing is shown. */
export function selectedIndex({ shown, selectedId }: ShelfState): number {
  return selectedId === null ? shown.length - 1 : indexOfId(shown, selectedId);
}

export function selectedCapture(state: ShelfState): Capture | undefined {
  return state.shown[selectedIndex(state)];
}

/** What the Diff tab compares with: the one that was picked, or the one before. */
export function comparedCapture(state: ShelfState): Capture | undefined {
  if (state.diffWith !== null) {
    const at = indexOfId(state.captures, state.diffWith);
    if (at !== -1) return state.captures[at];
  }
  return state.shown[selectedIndex(state) - 1];
}

/** By binary search; -1 when there is none. */
function indexOfId(captures: readonly Capture[], id: string): number {
  const at = placeOf(captures, id);
  return captures[at]?.id === id ? at : -1;
}

/** Where a capture is, or would be. */
function placeOf(captures: readonly Capture[], id: string): number {
  let low = 0;
  let high = captures.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((captures[middle]?.id ?? "") < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Takes in captures, new and changed ones. */
export function withCaptures(state: ShelfState, arrived: readonly Capture[], fresh: boolean): Step {
  let captures = mergeCaptures(state.captures, arrived);
  const added = captures.length - state.captures.length;
  captures = captures.slice(Math.max(0, captures.length - MAX_CAPTURES));
  const unseen = fresh && !isFollowing(state) ? state.unseen + added : state.unseen;
  return refilter({ ...state, captures, unseen }, arrived);
}

function mergeCaptures(into: readonly Capture[], arrived: readonly Capture[]): Capture[] {
  const merged = [...into];
  const between: Capture[] = [];
  for (const capture of arrived) {
    const at = placeOf(merged, capture.id);
    if (merged[at]?.id === capture.id) merged[at] = capture;
    else if (at === merged.length) merged.push(capture);
    else between.push(capture);
  }
  if (between.length === 0) return merged;
  // Older pages, and what came out of order: sorted in at once, because one by one would be quadratic.
  const byId = new Map([...between, ...merged].map((capture) => [capture.id, capture]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Applies the filter anew. @param changed - Only these are held against it; all without. */
export function refilter(state: ShelfState, changed?: readonly Capture[]): Step {
  const { captures, filter, looked } = state;
  const unknown: Capture[] = [];
  const asks = changed === undefined ? undefined : new Set(changed.map(({ id }) => id));
  const shown =
    filter.terms.length === 0
      ? captures
      : captures.filter((capture) => {
          const match = matchCapture(capture, filter.terms);
          if (match !== "unknown") return match === "yes";
          if (!looked.has(capture.id) && (asks === undefined || asks.has(capture.id))) unknown.push(capture);
          return looked.get(capture.id) ?? false;
        });
  const effects: ShelfEffect[] =
    unknown.length === 0 ? [] : [{ kind: "look", filter: filter.text, captures: unknown.reverse() }];
  return { state: settleWindow(reselect({ ...state, shown })), effects };
}

/** S2: where the filter hides the selected capture, the next older one that is left takes its place. */
function reselect(state: ShelfState): ShelfState {
  const { shown, selectedId, filter } = state;
  const wanted = (filter.typing ? filter.anchor : null) ?? selectedId;
  if (wanted === null) return state;
  const at = placeOf(shown, wanted);
  const nearest = (shown[at]?.id === wanted ? wanted : shown[Math.max(0, at - 1)]?.id) ?? null;
  return nearest === selectedId ? state : { ...state, selectedId: nearest, scroll: 0, sideways: 0 };
}

export function withFilter(state: ShelfState, text: string): Step {
  const filter = { ...state.filter, text, terms: parseFilter(text) };
  return refilter({ ...state, filter, looked: new Map() });
}

/** Selects by index in `shown`, within bounds. */
export function select(state: ShelfState, index: number): ShelfState {
  const at = Math.max(0, Math.min(index, state.shown.length - 1));
  const capture = state.shown[at];
  if (capture === undefined) return state;
  const isSame = capture.id === selectedCapture(state)?.id;
  const kept = isSame ? {} : { scroll: 0, sideways: 0, diffWith: null };
  return settleWindow({ ...state, ...kept, selectedId: capture.id });
}

export function follow(state: ShelfState): ShelfState {
  return settleWindow({ ...state, selectedId: null, unseen: 0, scroll: 0, sideways: 0, diffWith: null });
}

/** S3 */
export function settleWindow(state: ShelfState): ShelfState {
  const { listRows } = layOutShelf(state.size);
  const at = selectedIndex(state);
  const last = Math.max(0, state.shown.length - listRows);
  const top = Math.max(0, Math.min(isFollowing(state) ? last : state.top, at, last));
  return { ...state, top: Math.max(top, Math.min(last, at - listRows + 1)) };
}

/** Keeps the detail's window within its content. */
export function scrollTo(state: ShelfState, line: number): ShelfState {
  const { detailRows } = layOutShelf(state.size);
  const last = Math.max(0, state.contentLines - detailRows);
  return { ...state, scroll: Math.max(0, Math.min(line, last)) };
}
