import { describe, expect, it } from "vitest";
import { comparedCapture, isFollowing, MAX_CAPTURES, selectedCapture } from "../../src/capture/shelf-state.ts";
import { capture } from "./fake-shelf-source.ts";
import { id, Shelf, shelfOf } from "./shelf-driver.ts";

/** 80x24 shows 19 captures. */
const ROWS = 19;

describe("the list", () => {
  it("follows what arrives until something is selected", () => {
    const shelf = shelfOf(30);
    expect([isFollowing(shelf.state), shelf.selected, shelf.state.top]).toEqual([true, 29, 30 - ROWS]);
    shelf.arrive(capture(30));
    expect([shelf.selected, shelf.state.top]).toEqual([30, 31 - ROWS]);

    shelf.press("k");
    expect([isFollowing(shelf.state), shelf.selected]).toEqual([false, 29]);
    shelf.arrive(capture(31), capture(32));
    expect([shelf.selected, shelf.state.top, shelf.state.unseen]).toEqual([29, 31 - ROWS, 2]);

    shelf.press("G");
    expect([isFollowing(shelf.state), shelf.selected, shelf.state.unseen]).toEqual([true, 32, 0]);
  });

  it("moves by lines, half pages and pages, and stays within its ends", () => {
    const shelf = shelfOf(100);
    const after = (...keys: string[]): number => shelf.press(...keys).selected;
    expect(after("g")).toBe(0);
    expect(after("k")).toBe(0);
    expect(after("j", "down")).toBe(2);
    expect(after("pagedown")).toBe(2 + ROWS);
    expect(after("ctrl-f")).toBe(2 + 2 * ROWS);
    expect(after("pageup", "ctrl-b")).toBe(2);
    expect(after("ctrl-d")).toBe(12);
    expect(after("ctrl-u", "up")).toBe(1);
    expect(after("home")).toBe(0);
    expect(after("end")).toBe(99);
    expect(after("j")).toBe(99);
  });

  it("keeps the selected row in the window, whatever is pressed", () => {
    const shelf = shelfOf(100);
    const keys = ["g", "pagedown", "pagedown", "k", "ctrl-u", "G", "pageup", "j", "ctrl-d", "home", "end"];
    for (const key of keys) {
      shelf.press(key);
      expect(shelf.selected - shelf.state.top, key).toBeGreaterThanOrEqual(0);
      expect(shelf.selected - shelf.state.top, key).toBeLessThan(ROWS);
    }
  });

  it("keeps the selected row in the window when the terminal changes size", () => {
    const shelf = shelfOf(100).press("g", "pagedown");
    for (const rows of [10, 50, 3, 1, 24]) {
      shelf.do({ kind: "resize", size: { columns: 80, rows } });
      expect(selectedCapture(shelf.state)?.id).toBe(id(ROWS));
      expect(shelf.state.top).toBeLessThanOrEqual(ROWS);
    }
  });

  it("takes older pages and late arrivals in by their time, and changes in their place", () => {
    const shelf = new Shelf().arrive(capture(5), capture(7));
    shelf.do({ kind: "captures", captures: [capture(6), capture(1), capture(2)], fresh: false });
    expect(shelf.ids).toEqual([1, 2, 5, 6, 7].map(id));
    shelf.arrive(capture(6, { savedAs: "six" }));
    expect(shelf.state.shown[3]?.savedAs).toBe("six");
    expect(shelf.ids).toHaveLength(5);
  });

  it("keeps the newest captures, and forgets a selection that has left", () => {
    const shelf = shelfOf(MAX_CAPTURES).press("g").arrive(capture(MAX_CAPTURES));
    expect(shelf.ids).toHaveLength(MAX_CAPTURES);
    expect(shelf.ids[0]).toBe(id(1));
    expect(selectedCapture(shelf.state)?.id).toBe(id(1));
  });

  it("says that nothing has arrived where there is nothing to act on", () => {
    for (const key of ["s", "r", "e", "d", "v", "c", "o", "x", "enter", "1", "tab"]) {
      const shelf = new Shelf().press(key);
      expect(shelf.state.notice?.text, key).toBe("Nothing has arrived yet.");
      expect(shelf.effects, key).toEqual([]);
    }
    expect(new Shelf().press("j", "k", "g", "G", "pagedown").selected).toBe(-1);
  });

  it("passes over keys that mean nothing", () => {
    const shelf = shelfOf(3);
    const before = shelf.state;
    for (const key of ["z", "left", "ctrl-z", "sr", "escape", "7", "0"]) expect(shelf.press(key).state).toEqual(before);
  });

  it("tells of a lost server, and of loading", () => {
    const shelf = new Shelf();
    expect([shelf.state.loading, shelf.state.linked]).toEqual([true, true]);
    shelf.do({ kind: "loaded" }).do({ kind: "link", isUp: false });
    expect([shelf.state.loading, shelf.state.linked]).toEqual([false, false]);
  });
});

describe("the filter", () => {
  const events = ["push", "issues", "push"];
  const mixed = (): Shelf =>
    shelfOf(3, (number) => ({
      headers: [["X-GitHub-Event", events[number] ?? ""]],
      method: number === 1 ? "PUT" : "POST",
    }));

  it("applies with each character", () => {
    const shelf = mixed().press("/").type("header.x-github-event:");
    expect(shelf.ids).toEqual([id(0), id(1), id(2)]);
    expect(shelf.type("i").ids).toEqual([id(1)]);
    expect(shelf.press("backspace").type("p").ids).toEqual([id(0), id(2)]);
    expect(shelf.state.filter.typing).toBe(true);
    shelf.press("enter");
    expect([shelf.state.filter.typing, shelf.state.filter.text]).toEqual([false, "header.x-github-event:p"]);
    expect(shelf.press("escape").ids).toHaveLength(3);
  });

  it("is cleared by Esc and Ctrl-U, loses a word by Ctrl-W, and moves the list by arrows", () => {
    const shelf = mixed().press("/").type("method:put x");
    expect(shelf.press("ctrl-w").state.filter.text).toBe("method:put ");
    expect(shelf.press("ctrl-u").state.filter.text).toBe("");
    expect(shelf.press("up", "up").selected).toBe(0);
    expect(shelf.press("pagedown").selected).toBe(2);
    shelf.press("ctrl-z", "left");
    expect(shelf.type("put").press("escape").state.filter).toMatchObject({ text: "", typing: false });
  });

  it("takes pasted text as typed, on one line", () => {
    const shelf = mixed().press("/").do({ kind: "paste", text: "method:\n put\n" });
    expect(shelf.state.filter.text).toBe("method: put");
    expect(mixed().do({ kind: "paste", text: "q" }).effects).toEqual([]);
  });

  it("moves the selection to the nearest older one that is left", () => {
    const shelf = mixed().press("g", "j").press("/").type("method:post");
    expect(selectedCapture(shelf.state)?.id).toBe(id(0));
    expect(isFollowing(shelf.state)).toBe(false);
    shelf.type("x");
    expect([shelf.ids, shelf.selected, isFollowing(shelf.state)]).toEqual([[], -1, true]);
    expect(shelf.press("enter", "s").state.notice?.text).toContain("Esc clears");
  });

  it("asks for bodies where they decide, newest first, each one once", () => {
    const shelf = shelfOf(3, () => ({ bodySize: 10 }));
    shelf.press("/").type("zz");
    expect(shelf.effects.at(-1)).toMatchObject({ kind: "look", filter: "zz" });
    const look = shelf.effects.at(-1);
    expect(look?.kind === "look" && look.captures.map((one) => one.id)).toEqual([id(2), id(1), id(0)]);
    expect(shelf.ids).toEqual([]);

    const found = new Map([
      [id(2), false],
      [id(1), true],
    ]);
    shelf.do({ kind: "looked", filter: "z", found });
    expect(shelf.ids, "an answer to an older filter").toEqual([]);
    shelf.do({ kind: "looked", filter: "zz", found });
    expect(shelf.ids).toEqual([id(1)]);

    shelf.effects = [];
    shelf.arrive(capture(3, { bodySize: 4 }));
    expect(shelf.effects).toMatchObject([{ kind: "look", captures: [{ id: id(3) }] }]);
  });
});

describe("the detail", () => {
  const content = (shelf: Shelf, lines: number): Shelf => shelf.do({ kind: "content", lines });

  it("opens by Enter, is left by Esc, and holds its capture when others arrive", () => {
    const shelf = shelfOf(3).press("enter").arrive(capture(3));
    expect([shelf.state.focus, selectedCapture(shelf.state)?.id]).toEqual(["detail", id(2)]);
    expect(shelf.press("J").selected).toBe(3);
    expect(shelf.press("K", "K").selected).toBe(1);
    expect(shelf.press("enter").state.focus).toBe("detail");
    expect(shelf.press("escape").state.focus).toBe("list");
  });

  it("goes through its tabs by Tab, Shift-Tab and numbers", () => {
    const shelf = shelfOf(1);
    expect(shelf.press("tab").state).toMatchObject({ tab: "headers", focus: "detail" });
    expect(shelf.press("shift-tab", "shift-tab").state.tab).toBe("schema");
    expect(shelf.press("tab").state.tab).toBe("body");
    const tabs = ["1", "2", "3", "4", "5", "6"].map((key) => shelf.press(key).state.tab);
    expect(tabs).toEqual(["body", "headers", "response", "steps", "diff", "schema"]);
  });

  it("keeps the focus on the list where both have room", () => {
    const shelf = shelfOf(1)
      .do({ kind: "resize", size: { columns: 200, rows: 50 } })
      .press("2");
    expect(shelf.state).toMatchObject({ tab: "headers", focus: "list" });
  });

  it("scrolls within its content", () => {
    const rows = 24 - 2 - 3 - 2;
    const shelf = content(shelfOf(1).press("enter"), 100);
    const after = (...keys: string[]): number => shelf.press(...keys).state.scroll;
    expect(after("j", "down", "k")).toBe(1);
    expect(after("up", "up")).toBe(0);
    expect(after("pagedown")).toBe(rows);
    expect(after(" ", "ctrl-f", "pageup")).toBe(2 * rows);
    expect(after("ctrl-b", "ctrl-d")).toBe(rows + 9);
    expect(after("ctrl-u")).toBe(rows);
    expect(after("G")).toBe(100 - rows);
    expect(after("j")).toBe(100 - rows);
    expect(after("home", "end")).toBe(100 - rows);
    expect(content(shelf, 20).state.scroll).toBe(20 - rows);
    expect(after("g")).toBe(0);
    expect(content(shelf, 3).press("G").state.scroll).toBe(0);
  });

  it("moves sideways, not beyond the left", () => {
    const shelf = shelfOf(1).press("enter", "right", "l");
    expect(shelf.state.sideways).toBe(32);
    expect(shelf.press("left", "h", "h").state.sideways).toBe(0);
    expect(shelf.press("l", "g").state.sideways).toBe(0);
  });

  it("starts at the top of another capture and another tab", () => {
    const shelf = content(shelfOf(3).press("enter"), 100).press("G", "l", "K");
    expect(shelf.state).toMatchObject({ scroll: 0, sideways: 0 });
    expect(content(shelf, 100).press("G", "2").state).toMatchObject({ scroll: 0, sideways: 0 });
  });

  it("opens the steps of an execution, and says where there is none", () => {
    expect(shelfOf(1, () => ({ executionId: "e-1" })).press("o").state).toMatchObject({
      tab: "steps",
      focus: "detail",
    });
    expect(shelfOf(1).press("o").state.notice?.text).toContain("no execution");
  });

  it("compares with the one before, or with the one that is picked", () => {
    const shelf = shelfOf(4).press("5");
    expect(shelf.state.focus).toBe("detail");
    expect(comparedCapture(shelf.state)?.id).toBe(id(2));
    shelf.press("d");
    expect(shelf.state).toMatchObject({ focus: "list", dialog: { kind: "pick", id: id(3) } });
    expect(shelf.press("enter").state.notice?.text).toContain("Pick another");
    shelf.press("g", "enter");
    expect(shelf.state).toMatchObject({ tab: "diff", focus: "detail", dialog: null });
    expect([selectedCapture(shelf.state)?.id, comparedCapture(shelf.state)?.id]).toEqual([id(3), id(0)]);
    expect(shelf.press("d", "k", "escape").state.dialog).toBeNull();
    expect(selectedCapture(shelf.state)?.id).toBe(id(3));
    shelf.press("K");
    expect(comparedCapture(shelf.state)?.id).toBe(id(1));
    expect(shelfOf(1).press("d").state.notice?.text).toContain("no other");
    expect(comparedCapture(shelfOf(1).state)).toBeUndefined();
  });

  it("falls back to the one before when the picked one has left", () => {
    const shelf = shelfOf(4).press("d", "g", "d");
    const state = { ...shelf.state, diffWith: "gone" };
    expect(comparedCapture(state)?.id).toBe(id(2));
  });
});
