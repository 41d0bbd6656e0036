import { describe, expect, it } from "vitest";
import { isFollowing } from "../../src/capture/shelf-state.ts";
import { id, Shelf, shelfOf } from "./shelf-driver.ts";

describe("saving", () => {
  const event = { headers: [["X-GitHub-Event", "Pull Request!"]] } as const;

  it("suggests a name, which the first character replaces", () => {
    const shelf = shelfOf(1, () => event).press("s");
    expect(shelf.state.dialog).toMatchObject({ kind: "save", id: id(0), name: "pull-request", suggested: true });
    expect(shelf.type("ada").state.dialog).toMatchObject({ name: "ada", suggested: false });
    shelf.press("backspace", "left");
    expect(shelf.state.dialog).toMatchObject({ name: "ad" });
    shelf.press("enter");
    expect(shelf.effects).toEqual([{ kind: "save", id: id(0), name: "ad" }]);
    expect(shelf.type("x").press("enter").effects, "while it saves").toHaveLength(1);
    shelf.do({ kind: "saved", name: "ad", path: "ad.yaml" });
    expect(shelf.state).toMatchObject({ dialog: null, notice: { tone: "good" } });
  });

  it("edits the suggestion by Backspace, takes pasted names, and suggests the name it has", () => {
    const shelf = shelfOf(1, () => event).press("s", "backspace");
    expect(shelf.state.dialog).toMatchObject({ name: "pull-reques" });
    shelf.do({ kind: "paste", text: "-2\n" });
    expect(shelf.state.dialog).toMatchObject({ name: "pull-reques-2" });
    const saved = shelfOf(1, () => ({ savedAs: "ada" })).press("s");
    expect(saved.state.dialog).toMatchObject({ name: "ada" });
    expect(saved.do({ kind: "paste", text: "eve" }).state.dialog).toMatchObject({ name: "eve" });
    saved.press("enter").do({ kind: "paste", text: "late" });
    expect(saved.state.dialog).toMatchObject({ name: "eve", busy: true });
    expect(shelfOf(1).press("s").state.dialog).toMatchObject({ name: "request-2026-11-25-15-00-00" });
  });

  it("asks again for a name that is not one", () => {
    const shelf = shelfOf(1).press("s", "ctrl-u", "enter");
    expect(shelf.state.dialog).toMatchObject({ problem: "Type a name." });
    expect(shelf.effects).toEqual([]);
    shelf.type("a b").press("enter").do({ kind: "saveFailed", problem: "The name has a space." });
    expect(shelf.state.dialog).toMatchObject({ busy: false, problem: "The name has a space." });
    expect(shelf.type("c").state.dialog).toMatchObject({ problem: null });
    expect(shelf.press("escape").state.dialog).toBeNull();
    expect(shelf.do({ kind: "saveFailed", problem: "Late." }).state.notice?.text).toBe("Late.");
    expect(shelf.press("?").do({ kind: "saved", name: "a", path: "a.yaml" }).state.dialog?.kind).toBe("help");
  });

  it("takes keys that are commands elsewhere as characters", () => {
    expect(shelfOf(1).press("s").type("q").state.dialog).toMatchObject({ name: "q" });
    expect(shelfOf(1).press("s").press("ctrl-c").effects).toEqual([{ kind: "quit" }]);
  });
});

describe("rules", () => {
  it("shows them before it writes, from one capture or from all that are shown", () => {
    const shelf = shelfOf(3).press("v");
    expect(shelf.effects).toEqual([{ kind: "infer", ids: [id(2)] }]);
    expect(shelf.press("y").effects, "before they are inferred").toHaveLength(1);
    const inferred = (): Shelf => {
      const { dialog } = shelf.state;
      return shelf.do({ kind: "inferred", ids: dialog?.kind === "rules" ? dialog.ids : [], yaml: "body:\n" });
    };
    inferred().press("a");
    expect(shelf.effects.at(-1)).toEqual({ kind: "infer", ids: [id(0), id(1), id(2)] });
    shelf.do({ kind: "inferred", ids: [id(2)], yaml: "late:\n" });
    expect(shelf.state.dialog).toMatchObject({ yaml: null, busy: true });
    inferred().press("y");
    expect(shelf.effects.at(-1)).toEqual({ kind: "writeRules" });
    shelf.do({ kind: "closed", notice: { text: "Wrote.", tone: "good" } });
    expect(shelf.state).toMatchObject({ dialog: null, notice: { text: "Wrote." } });
  });

  it("scrolls long ones, and is left without writing", () => {
    const shelf = shelfOf(1).press("v");
    const { dialog } = shelf.state;
    const yaml = Array.from({ length: 60 }, (_, at) => `f${at}: string\n`).join("");
    shelf.do({ kind: "inferred", ids: dialog?.kind === "rules" ? dialog.ids : [], yaml });
    // 62 lines, two with the question, in 18.
    const scroll = (...keys: string[]): unknown => shelf.press(...keys).state.dialog;
    expect(scroll("j", "down", "k")).toMatchObject({ scroll: 1 });
    expect(scroll("pagedown", " ", "pageup")).toMatchObject({ scroll: 19 });
    expect(scroll("G")).toMatchObject({ scroll: 44 });
    expect(scroll("end", "up")).toMatchObject({ scroll: 43 });
    expect(scroll("g")).toMatchObject({ scroll: 0 });
    expect(scroll("home", "up", "z")).toMatchObject({ scroll: 0 });
    expect(scroll("n")).toBeNull();
    expect(shelf.effects.some(({ kind }) => kind === "writeRules")).toBe(false);
  });
});

describe("other keys", () => {
  it("ask for what is done outside", () => {
    const shelf = shelfOf(2).press("r", "e", "c", "x", "q", "ctrl-c");
    expect(shelf.effects).toEqual([
      { kind: "replay", id: id(1) },
      { kind: "edit", id: id(1) },
      { kind: "curl", id: id(1) },
      { kind: "har", ids: [id(0), id(1)] },
      { kind: "quit" },
      { kind: "quit" },
    ]);
  });

  it("leave following on where they only send again", () => {
    expect(isFollowing(shelfOf(2).press("r").state)).toBe(true);
    expect(isFollowing(shelfOf(2).press("c").state)).toBe(false);
  });

  it("export what the filter shows", () => {
    const shelf = shelfOf(2, (number) => ({ method: number === 0 ? "PUT" : "POST" }))
      .press("/")
      .type("method:put");
    expect(shelf.press("enter", "x").effects.at(-1)).toEqual({ kind: "har", ids: [id(0)] });
  });

  it("open and close the help and texts", () => {
    const shelf = shelfOf(1).press("?");
    expect(shelf.press("j").state.dialog).toEqual({ kind: "help", scroll: 1 });
    for (const key of ["escape", "?", "q", "enter"]) {
      expect(shelf.press(key).state.dialog, key).toBeNull();
      shelf.press("?");
    }
    const notice = { text: "Copied.", tone: "good" } as const;
    for (const key of ["escape", "q", "enter"]) {
      shelf.do({ kind: "text", title: "As curl", lines: ["curl"], notice });
      expect(shelf.press("j").state.dialog).toMatchObject({ kind: "text", scroll: 0 });
      expect(shelf.press(key).state.dialog, key).toBeNull();
    }
    expect(shelf.effects).toEqual([]);
  });

  it("take a notice away", () => {
    const shelf = shelfOf(1).do({ kind: "notice", notice: { text: "Sent again.", tone: "good" } });
    expect(shelf.state.notice?.text).toBe("Sent again.");
    expect(shelf.press("j").state.notice).toBeNull();
  });
});
