/** What stands around list and detail: title, test URL, message, keys. No I/O. */
import { layOutShelf } from "./shelf-layout.ts";
import { cutSpans, EMPTY, foreign, type Line, own, type Span, spread, widthOf } from "./shelf-line.ts";
import { countOf } from "./shelf-list.ts";
import { isFollowing, type ShelfState } from "./shelf-state.ts";

/** @returns `headRows` lines */
export function headLines(state: ShelfState): Line[] {
  const { columns } = state.size;
  const { headRows } = layOutShelf(state.size);
  const title = [own(" wf capture ", "title"), ...foreign(state.workflowId, "name")];
  const count = countOf(state);
  const right = [...lightOf(state), own(columns >= 60 ? `   ${count} ` : ` ${state.shown.length} `, "dim")];
  const lines: Line[] = [{ spans: spread(title, right, columns), bar: true }];
  if (headRows > 1) lines.push({ spans: cutSpans([own(" "), ...foreign(state.url, "text")], columns) });
  return lines;
}

/** Whether new captures scroll in. */
function lightOf(state: ShelfState): Span[] {
  if (!state.linked) return [own("○ server lost, looking for it", "bad")];
  if (isFollowing(state)) return [own("● following", "good")];
  const unseen = state.unseen === 0 ? "" : ` ${state.unseen.toLocaleString("en")} new`;
  return [own(`‖ paused${unseen}`, "warn"), own(state.size.columns >= 60 ? " · G follows" : "", "dim")];
}

type Hint = readonly [key: string, what: string];

const LIST_HINTS: readonly Hint[] = [
  ["⏎", "open"],
  ["/", "filter"],
  ["s", "save"],
  ["r", "replay"],
  ["e", "edit"],
  ["d", "diff"],
  ["v", "rules"],
  ["c", "curl"],
  ["o", "execution"],
  ["x", "HAR"],
];
const DETAIL_HINTS: readonly Hint[] = [
  ["Esc", "back"],
  ["⇥", "tab"],
  ["↑↓←→", "scroll"],
  ["J K", "next, previous"],
  ["s", "save"],
  ["r", "replay"],
  ["e", "edit"],
  ["d", "diff"],
  ["v", "rules"],
  ["c", "curl"],
];
const LAST_HINTS: readonly Hint[] = [
  ["?", "help"],
  ["q", "quit"],
];

/** The line of keys; as many as fit, help and quit always. */
function keysLine(state: ShelfState): Line {
  const { columns } = state.size;
  const hints = hintsOf(state);
  const isAsking = state.dialog !== null || state.filter.typing;
  const right = isAsking ? [] : LAST_HINTS.flatMap(hintSpans);
  const room = columns - widthOf(right) - 1;
  const left: Span[] = [own(" ")];
  for (const hint of hints) {
    const spans = hintSpans(hint);
    if (widthOf(left) + widthOf(spans) > room) break;
    left.push(...spans);
  }
  return { spans: spread(left, right, columns), bar: true };
}

function hintSpans([key, what]: Hint): Span[] {
  return [own(key, "key"), own(` ${what}  `, "dim")];
}

function hintsOf({ dialog, filter, focus }: ShelfState): readonly Hint[] {
  switch (dialog?.kind) {
    case "save":
      return [
        ["⏎", "save"],
        ["Esc", "cancel"],
        ["^U", "clear"],
      ];
    case "pick":
      return [
        ["↑↓", "move"],
        ["⏎", "compare"],
        ["Esc", "cancel"],
      ];
    case "rules":
      return [
        ["y", "write"],
        ["a", "from all shown"],
        ["↑↓", "scroll"],
        ["Esc", "cancel"],
      ];
    case "help":
    case "text":
      return [
        ["Esc", "close"],
        ["↑↓", "scroll"],
      ];
    case undefined:
      break;
  }
  if (filter.typing) {
    return [
      ["⏎", "done"],
      ["Esc", "clear"],
      ["↑↓", "move"],
    ];
  }
  return focus === "list" ? LIST_HINTS : DETAIL_HINTS;
}

/** Filter, question or notice; undefined when there is none. */
function messageLine(state: ShelfState): Line | undefined {
  const spans = messageSpans(state);
  return spans === undefined ? undefined : { spans: cutSpans([own(" "), ...spans], state.size.columns) };
}

function messageSpans(state: ShelfState): readonly Span[] | undefined {
  const { notice, dialog, filter, size } = state;
  if (notice !== null) {
    const mark = notice.tone === "good" ? "✓ " : notice.tone === "bad" ? "✗ " : "";
    return [own(mark, notice.tone), ...foreign(notice.text, notice.tone)];
  }
  if (dialog?.kind === "pick")
    return [own("Compare with which? ", "title"), own("↑ ↓ move, ⏎ compares, Esc cancels", "dim")];
  if (filter.typing) {
    const examples = "  body.email:ada  header.x-github-event:push  status:4xx  method:put  is:saved";
    const hint = filter.text === "" && size.columns >= 60 ? [own(examples, "dim")] : [];
    return [own("/", "key"), ...foreign(filter.text), own(" ", "cursor"), ...hint];
  }
  if (filter.text !== "") return [own("filter ", "dim"), ...foreign(filter.text), own("  Esc shows all", "dim")];
  return undefined;
}

/** @returns Message and keys: `messageRows + 1` lines */
export function footLines(state: ShelfState): Line[] {
  const { messageRows } = layOutShelf(state.size);
  const message = messageLine(state);
  if (messageRows === 0) return [message ?? keysLine(state)];
  return [message ?? EMPTY, keysLine(state)];
}
