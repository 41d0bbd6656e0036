/** The test shelf's help and boxes that lie over list and detail. No I/O. */
import { type Line, type Span, cutSpans, EMPTY, fitSpans, foreign, line, own, wrapText } from "./shelf-line.ts";
import type { Dialog, ShelfState } from "./shelf-state.ts";

const KEYS: readonly (readonly [keys: string, what: string] | string)[] = [
  "Move",
  ["j k ↑ ↓", "next, previous capture; following stops"],
  ["PgUp PgDn", "a page"],
  ["g G", "first; newest, and follow what arrives"],
  ["Enter Esc", "open the detail, back to the list"],
  ["J K", "next, previous capture from within the detail"],
  "Look",
  ["Tab 1–6", "Body, Headers, Response, Steps, Diff, Schema"],
  ["h l ← →", "long lines: left, right"],
  ["o", "open the execution: what each step did"],
  ["d", "diff: pick the capture to compare with"],
  ["/", "filter, as you type"],
  "Do",
  ["s", "save as test data, byte for byte"],
  ["r", "replay: send the same bytes again"],
  ["e", "edit in $EDITOR, then send"],
  ["v", "turn into rules; shows them before it writes"],
  ["c", "copy as a curl command"],
  ["x", "export what is shown as HAR 1.2"],
  ["q Ctrl-C", "leave"],
  "Filter: words that must all match; quote spaces",
  ["ada", "anywhere in the request, the body too"],
  ["body.email:ada", "a field of the body; body: for all of it"],
  ["header.x-id:7", "a header; query.source:web a parameter"],
  ["status:4xx", "also method:put"],
  ["is:saved", "also accepted, refused, signed, replay"],
  "Marks",
  ["␛ ⟨U+202E⟩ ⟨FF⟩", "a control or hidden character, a byte that is no UTF-8"],
];
const KEY_COLUMNS = 17;

function helpLines(width: number): Line[] {
  return KEYS.flatMap((entry, at) => {
    if (typeof entry === "string") return [...(at === 0 ? [] : [EMPTY]), line(own(entry, "title"))];
    const [keys, what] = entry;
    const room = Math.max(8, width - KEY_COLUMNS - 2);
    return wrapText(what, room).map((part, index) =>
      line(...fitSpans([own("  "), own(index === 0 ? keys : "", "key")], KEY_COLUMNS + 2), own(part)),
    );
  });
}

/** The lines of a dialog that has the screen; undefined for none. */
export function dialogLines(
  state: ShelfState,
  width: number,
): { title: string; lines: Line[]; scroll: number } | undefined {
  const { dialog } = state;
  switch (dialog?.kind) {
    case "help":
      return { title: "Keys", lines: helpLines(width), scroll: dialog.scroll };
    case "text":
      return {
        title: dialog.title,
        lines: dialog.lines.flatMap((text) => wrapText(text, width).map((part) => line(foreign(part)))),
        scroll: dialog.scroll,
      };
    case "rules":
      return { title: rulesTitle(dialog), lines: rulesLines(dialog), scroll: dialog.scroll };
    case "save":
      return { title: "Save as test data", lines: saveLines(state, dialog, width), scroll: 0 };
    default:
      return undefined;
  }
}

function rulesTitle({ ids }: Extract<Dialog, { kind: "rules" }>): string {
  return ids.length === 1 ? "Rules that this capture keeps" : `Rules that ${ids.length} captures keep`;
}

function rulesLines({ yaml, busy }: Extract<Dialog, { kind: "rules" }>): Line[] {
  if (yaml === null) return [line(own("Inferring …", "dim"))];
  const question = busy ? own("Writing …", "dim") : own("Write them into the workflow's file? y / n", "warn");
  return [line(question), EMPTY, ...yamlLines(yaml)];
}

/** YAML with its keys set apart. */
export function yamlLines(yaml: string): Line[] {
  return yaml
    .replace(/\n$/, "")
    .split("\n")
    .map((text) => {
      const parts = /^(\s*(?:- )?)([^\s:#][^:]*)(:)(.*)$/.exec(text);
      if (parts === null) return line(foreign(text));
      const [, indent = "", key = "", colon = "", rest = ""] = parts;
      return line(own(indent), foreign(key, "name"), own(colon, "dim"), foreign(rest, "text"));
    });
}

function saveLines(state: ShelfState, dialog: Extract<Dialog, { kind: "save" }>, width: number): Line[] {
  const { name, suggested, problem, busy } = dialog;
  const field: Span[] = [
    own("Name  ", "dim"),
    ...foreign(name, suggested ? "dim" : "plain"),
    ...(busy ? [] : [own(" ", "cursor")]),
  ];
  const folder = `workflows/${state.workflowId}.testdata/${name.trim() || "…"}.yaml`;
  const below = busy
    ? [line(own("Saving …", "dim"))]
    : problem === null
      ? [line(own("File  ", "dim"), foreign(folder, "dim"))]
      : wrapText(problem, width).map((part) => line(foreign(part, "bad")));
  return [{ spans: cutSpans(field, width) }, EMPTY, ...below];
}
