/** The test shelf's keys, and everything else that happens to it: {@link reduce}. No I/O. */
import { suggestName } from "./capture-title.ts";
import { pasteName, reduceDialog } from "./shelf-dialogs.ts";
import { layOutShelf } from "./shelf-layout.ts";
import {
  follow,
  refilter,
  scrollTo,
  select,
  selectedCapture,
  selectedIndex,
  settleWindow,
  type ShelfEffect,
  type ShelfEvent,
  type ShelfState,
  type Step,
  TABS,
  type Tab,
  withCaptures,
  withFilter,
} from "./shelf-state.ts";
import { MAX_TYPED, typeInto } from "./text-field.ts";

/** Columns that ← and → move the detail. */
const SIDEWAYS = 16;
/** Rules are inferred from, and files written of, so many captures at most: the newest. */
const MAX_AT_ONCE = 1000;

/** The next state, and what is to be done outside. */
export function reduce(state: ShelfState, event: ShelfEvent): Step {
  switch (event.kind) {
    case "key":
      return pressKey({ ...state, notice: null }, event.key);
    case "paste":
      return paste(state, event.text);
    case "resize":
      return only(scrollTo(settleWindow({ ...state, size: event.size }), state.scroll));
    case "captures":
      return withCaptures(state, event.captures, event.fresh);
    case "loaded":
      return only({ ...state, loading: false });
    case "link":
      return only({ ...state, linked: event.isUp });
    case "looked":
      return event.filter === state.filter.text
        ? refilter({ ...state, looked: new Map([...state.looked, ...event.found]) }, [])
        : only(state);
    case "content":
      return only(scrollTo({ ...state, contentLines: event.lines }, state.scroll));
    case "notice":
      return only({ ...state, notice: event.notice });
    case "saved":
      return only({
        ...state,
        dialog: state.dialog?.kind === "save" ? null : state.dialog,
        notice: { text: `Saved as ${event.name}: ${event.path}`, tone: "good" },
      });
    case "saveFailed":
      return state.dialog?.kind === "save"
        ? only({ ...state, dialog: { ...state.dialog, busy: false, problem: event.problem } })
        : only({ ...state, notice: { text: event.problem, tone: "bad" } });
    case "inferred":
      return state.dialog?.kind === "rules" && state.dialog.ids === event.ids
        ? only({ ...state, dialog: { ...state.dialog, yaml: event.yaml, busy: false } })
        : only(state);
    case "closed":
      return only({ ...state, dialog: null, notice: event.notice });
    default:
      return only({
        ...state,
        dialog: { kind: "text", title: event.title, lines: event.lines, scroll: 0 },
        notice: event.notice,
      });
  }
}

function only(state: ShelfState, ...effects: readonly ShelfEffect[]): Step {
  return { state, effects };
}

function pressKey(state: ShelfState, key: string): Step {
  if (key === "ctrl-c") return only(state, { kind: "quit" });
  if (state.dialog !== null) {
    const moves = state.dialog.kind === "pick" ? moveList(state, key) : undefined;
    return moves ? only(moves) : reduceDialog(state, state.dialog, key);
  }
  if (state.filter.typing) return typeFilter(state, key);
  const moved = state.focus === "list" ? moveList(state, key) : moveDetail(state, key);
  if (moved) return only(moved);
  return pressCommand(state, key);
}

function paste(state: ShelfState, text: string): Step {
  const flat = text.replace(/\s+/g, " ").trim();
  if (state.dialog?.kind === "save") return pasteName(state, state.dialog, flat);
  if (state.filter.typing) return withFilter(state, (state.filter.text + flat).slice(0, MAX_TYPED));
  return only({
    ...state,
    notice: { text: "Pasted text goes where something is typed: a filter (/) or a name (s).", tone: "plain" },
  });
}

function typeFilter(state: ShelfState, key: string): Step {
  if (key === "enter") return only({ ...state, filter: { ...state.filter, typing: false } });
  if (key === "escape") {
    const { state: all, effects } = withFilter(state, "");
    return { state: { ...all, filter: { ...all.filter, typing: false } }, effects };
  }
  const moved =
    key === "up" || key === "down" || key === "pageup" || key === "pagedown" ? moveList(state, key) : undefined;
  if (moved) return only({ ...moved, filter: { ...moved.filter, anchor: moved.selectedId } });
  const text = typeInto(state.filter.text, key);
  return text === undefined || text === state.filter.text ? only(state) : withFilter(state, text);
}

/** @returns undefined for keys that do not move. */
function moveList(state: ShelfState, key: string): ShelfState | undefined {
  const at = selectedIndex(state);
  const page = layOutShelf(state.size).listRows;
  switch (key) {
    case "j":
    case "down":
      return select(state, at + 1);
    case "k":
    case "up":
      return select(state, at - 1);
    case "pagedown":
    case "ctrl-f":
      return select(state, at + page);
    case "pageup":
    case "ctrl-b":
      return select(state, at - page);
    case "ctrl-d":
      return select(state, at + Math.ceil(page / 2));
    case "ctrl-u":
      return select(state, at - Math.ceil(page / 2));
    case "g":
    case "home":
      return select(state, 0);
    case "G":
    case "end":
      return follow(state);
    default:
      return undefined;
  }
}

/** @returns undefined for keys that do not move. */
function moveDetail(state: ShelfState, key: string): ShelfState | undefined {
  const page = layOutShelf(state.size).detailRows;
  switch (key) {
    case "j":
    case "down":
      return scrollTo(state, state.scroll + 1);
    case "k":
    case "up":
      return scrollTo(state, state.scroll - 1);
    case "pagedown":
    case "ctrl-f":
    case " ":
      return scrollTo(state, state.scroll + page);
    case "pageup":
    case "ctrl-b":
      return scrollTo(state, state.scroll - page);
    case "ctrl-d":
      return scrollTo(state, state.scroll + Math.ceil(page / 2));
    case "ctrl-u":
      return scrollTo(state, state.scroll - Math.ceil(page / 2));
    case "g":
    case "home":
      return { ...scrollTo(state, 0), sideways: 0 };
    case "G":
    case "end":
      return scrollTo(state, state.contentLines);
    case "h":
    case "left":
      return { ...state, sideways: Math.max(0, state.sideways - SIDEWAYS) };
    case "l":
    case "right":
      return { ...state, sideways: state.sideways + SIDEWAYS };
    case "J":
      return select(state, selectedIndex(state) + 1);
    case "K":
      return select(state, selectedIndex(state) - 1);
    default:
      return undefined;
  }
}

function pressCommand(state: ShelfState, key: string): Step {
  switch (key) {
    case "q":
      return only(state, { kind: "quit" });
    case "?":
      return only({ ...state, dialog: { kind: "help", scroll: 0 } });
    case "/":
      return only({ ...state, focus: "list", filter: { ...state.filter, typing: true, anchor: state.selectedId } });
    case "escape":
      if (state.focus === "detail") return only({ ...state, focus: "list" });
      return state.filter.text === "" ? only(state) : withFilter(state, "");
    case "x":
      return exportShown(state);
    default:
      return pressOnCapture(state, key);
  }
}

function exportShown(state: ShelfState): Step {
  const ids = state.shown.slice(-MAX_AT_ONCE).map(({ id }) => id);
  if (ids.length === 0) return nothingYet(state);
  return only(
    { ...state, notice: { text: `Writing ${ids.length} capture${ids.length === 1 ? "" : "s"} …`, tone: "plain" } },
    { kind: "har", ids },
  );
}

/** Keys that act on the selected capture. They hold it, so that what arrives meanwhile does not take its place. */
function pressOnCapture(following: ShelfState, key: string): Step {
  const capture = selectedCapture(following);
  const tab = tabOfKey(following, key);
  const isKnown = tab !== undefined || (key.length === 1 && "sredvco".includes(key)) || key === "enter";
  if (!isKnown) return only(following);
  if (capture === undefined) return nothingYet(following);
  const state = key === "r" ? following : select(following, selectedIndex(following));
  const { id } = capture;
  if (tab !== undefined) return only(openTab(state, tab));
  switch (key) {
    case "s":
      return only({
        ...state,
        dialog: {
          kind: "save",
          id,
          name: capture.savedAs ?? suggestName(capture),
          suggested: true,
          problem: null,
          busy: false,
        },
      });
    case "r":
      return only({ ...state, notice: { text: "Sending it again …", tone: "plain" } }, { kind: "replay", id });
    case "e":
      return only(state, { kind: "edit", id });
    case "d":
      return state.shown.length < 2
        ? only({ ...state, notice: { text: "There is no other capture to compare with.", tone: "plain" } })
        : only({ ...state, focus: "list", dialog: { kind: "pick", id, from: state.focus } });
    case "v": {
      const ids = [id];
      return only(
        { ...state, dialog: { kind: "rules", ids, yaml: null, scroll: 0, busy: true } },
        { kind: "infer", ids },
      );
    }
    case "c":
      return only(state, { kind: "curl", id });
    case "o":
      return capture.executionId === null
        ? only({ ...state, notice: { text: "This request started no execution.", tone: "plain" } })
        : only(openTab(state, "steps"));
    default:
      return only({ ...state, focus: "detail" });
  }
}

function nothingYet(state: ShelfState): Step {
  const text = state.captures.length === 0 ? "Nothing has arrived yet." : "The filter shows nothing; Esc clears it.";
  return only({ ...state, notice: { text, tone: "plain" } });
}

function tabOfKey(state: ShelfState, key: string): Tab | undefined {
  const at = TABS.indexOf(state.tab);
  if (key === "tab") return TABS[(at + 1) % TABS.length];
  if (key === "shift-tab") return TABS[(at + TABS.length - 1) % TABS.length];
  return /^[1-6]$/.test(key) ? TABS[Number(key) - 1] : undefined;
}

/** Where only one of list and detail has room, a tab's key opens the detail. */
function openTab(state: ShelfState, tab: Tab): ShelfState {
  const focus = layOutShelf(state.size).wide ? state.focus : "detail";
  return { ...state, tab, focus, scroll: 0, sideways: 0, contentLines: 0 };
}
