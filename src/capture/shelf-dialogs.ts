/** Keys while the test shelf asks or shows something. No I/O. */
import { type Dialog, select, selectedCapture, type ShelfEffect, type ShelfState, type Step } from "./shelf-state.ts";
import { dialogLines } from "./shelf-help.ts";
import { layOutBox } from "./shelf-layout.ts";
import { MAX_TYPED, typeInto } from "./text-field.ts";

/** Rules are inferred from so many captures at most: the newest that are shown. */
const MAX_SAMPLES = 1000;

export function reduceDialog(state: ShelfState, dialog: Dialog, key: string): Step {
  switch (dialog.kind) {
    case "save":
      return reduceSave(state, dialog, key);
    case "pick":
      return reducePick(state, dialog, key);
    case "rules":
      return reduceRules(state, dialog, key);
    case "help":
      if (key === "escape" || key === "?" || key === "q" || key === "enter") return only({ ...state, dialog: null });
      return only({ ...state, dialog: { ...dialog, scroll: scrolled(state, dialog.scroll, key) } });
    default:
      if (key === "escape" || key === "q" || key === "enter") return only({ ...state, dialog: null });
      return only({ ...state, dialog: { ...dialog, scroll: scrolled(state, dialog.scroll, key) } });
  }
}

/** Puts pasted text into the name that is asked for. */
export function pasteName(state: ShelfState, dialog: Extract<Dialog, { kind: "save" }>, text: string): Step {
  if (dialog.busy) return only(state);
  const name = ((dialog.suggested ? "" : dialog.name) + text).slice(0, MAX_TYPED);
  return only({ ...state, dialog: { ...dialog, name, suggested: false, problem: null } });
}

function only(state: ShelfState, ...effects: readonly ShelfEffect[]): Step {
  return { state, effects };
}

function reduceSave(state: ShelfState, dialog: Extract<Dialog, { kind: "save" }>, key: string): Step {
  if (key === "escape") return only({ ...state, dialog: null });
  if (dialog.busy) return only(state);
  if (key === "enter") {
    const name = dialog.name.trim();
    if (name === "") return only({ ...state, dialog: { ...dialog, problem: "Type a name." } });
    return only({ ...state, dialog: { ...dialog, name, busy: true } }, { kind: "save", id: dialog.id, name });
  }
  const isTyped = typeInto("", key) === key;
  const name = typeInto(dialog.suggested && isTyped ? "" : dialog.name, key) ?? dialog.name;
  return only({ ...state, dialog: { ...dialog, name, suggested: false, problem: null } });
}

function reducePick(state: ShelfState, { id, from }: Extract<Dialog, { kind: "pick" }>, key: string): Step {
  const back = select(state, indexOf(state, id));
  if (key === "escape" || key === "q") return only({ ...back, dialog: null, focus: from });
  if (key !== "enter" && key !== "d") return only(state);
  const other = selectedCapture(state);
  if (other === undefined || other.id === id) {
    return only({ ...state, notice: { text: "Pick another one: ↑ and ↓ move.", tone: "plain" } });
  }
  return only({ ...back, dialog: null, diffWith: other.id, tab: "diff", focus: "detail", scroll: 0, sideways: 0 });
}

function indexOf(state: ShelfState, id: string): number {
  return state.shown.findIndex((capture) => capture.id === id);
}

function reduceRules(state: ShelfState, dialog: Extract<Dialog, { kind: "rules" }>, key: string): Step {
  if (key === "escape" || key === "n" || key === "q") return only({ ...state, dialog: null });
  if (key === "y" && dialog.yaml !== null && !dialog.busy) {
    return only({ ...state, dialog: { ...dialog, busy: true } }, { kind: "writeRules" });
  }
  if (key === "a" && !dialog.busy) {
    const ids = state.shown.slice(-MAX_SAMPLES).map((capture) => capture.id);
    return only(
      { ...state, dialog: { kind: "rules", ids, yaml: null, scroll: 0, busy: true } },
      { kind: "infer", ids },
    );
  }
  return only({ ...state, dialog: { ...dialog, scroll: scrolled(state, dialog.scroll, key) } });
}

/** Keeps the dialog's window within its lines. */
function scrolled(state: ShelfState, scroll: number, key: string): number {
  const { innerColumns, innerRows } = layOutBox(state.size);
  const lines = dialogLines(state, innerColumns)?.lines.length ?? 0;
  const last = Math.max(0, lines - innerRows);
  const to = Math.min(scroll, last) + stepOf(key, innerRows);
  return Math.max(0, Math.min(to, last));
}

function stepOf(key: string, page: number): number {
  switch (key) {
    case "j":
    case "down":
      return 1;
    case "k":
    case "up":
      return -1;
    case "pagedown":
    case " ":
      return page;
    case "pageup":
      return -page;
    case "g":
    case "home":
      return -Infinity;
    case "G":
    case "end":
      return Infinity;
    default:
      return 0;
  }
}
