import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BodyForm, bodyView, formOf } from "../../src/capture/body-view.ts";
import type { Line } from "../../src/capture/shelf-line.ts";
import { columnsOf } from "../../src/capture/visible-text.ts";

const WIDE = 100_000;

function textOf({ spans }: Line): string {
  return spans.map(({ text }) => text).join("");
}

function linesOf(body: Buffer | string, form: BodyForm, width = WIDE, from = 0): string[] {
  const view = bodyView(Buffer.from(body), form);
  while (!view.complete) view.advance(1);
  return Array.from({ length: view.known }, (_, at) => textOf(view.line(at, width, from)));
}

describe("JSON", () => {
  it("is indented as JSON.stringify does it, whatever its values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, "\t", "\r\n   "), (value, space) => {
        const wanted = JSON.stringify(value, null, 2);
        // What is shown visibly is another test's.
        fc.pre(/^[\x20-\x7e\n]*$/.test(wanted));
        const source = JSON.stringify(value, null, space);
        expect(linesOf(source, "json").join("\n")).toBe(wanted);
      }),
    );
  });

  it("keeps numbers, doubled keys and escapes as they came", () => {
    const source = String.raw`{"big":12345678901234567890.10,"a":1,"a":2,"u":"\u00e9\\\""}`;
    const wanted = [
      "{",
      '  "big": 12345678901234567890.10,',
      '  "a": 1,',
      '  "a": 2,',
      String.raw`  "u": "\u00e9\\\""`,
      "}",
    ];
    expect(linesOf(source, "json")).toEqual(wanted);
  });

  it.each(['{"a":', "[1,2", '{"a":"unended', "}}]{", "{]", "nonsense", '["a" "b"]'])("shows all of %s", (source) => {
    expect(linesOf(source, "json").join("").replaceAll(/\s/g, "")).toBe(source.replaceAll(/\s/g, ""));
  });

  it("takes deep nesting, and finds any line of many", () => {
    const deep = bodyView(Buffer.from("[".repeat(50_000) + "]".repeat(50_000)), "json");
    deep.advance(100_000);
    expect([deep.known, textOf(deep.line(2, 40, 0)), textOf(deep.line(99_998, 40, 0))]).toEqual([99_999, "    [", "]"]);
    expect(textOf(deep.line(40_000, 40, 0))).toHaveLength(40);
    const list = JSON.stringify(Array.from({ length: 10_000 }, (_, at) => at));
    const lines = linesOf(list, "json");
    expect([lines.length, lines[1], lines[9_000], lines[10_000]]).toEqual([10_002, "  0,", "  8999,", "  9999"]);
  });

  it("reads no more than it is asked for", () => {
    const view = bodyView(Buffer.from(`[${"1,".repeat(1_000_000)}1]`), "json");
    view.advance(1000);
    expect(view.complete).toBe(false);
    expect(view.known).toBeLessThan(600);
  });

  it("decodes of a long line what shows", () => {
    const body = Buffer.from(`{"blob":"${"x".repeat(5_000_000)}","last":1}`);
    const view = bodyView(body, "json");
    view.advance(body.length);
    expect(view.known).toBe(4);
    const shown = textOf(view.line(1, 40, 0));
    expect(shown).toMatch(/^ {2}"blob": "x+…$/);
    expect(columnsOf(shown)).toBe(40);
    expect(textOf(view.line(1, 40, 100))).toMatch(/^…x{38}…$/);
  });
});

describe("text", () => {
  it("keeps its lines, tabs and what is no text", () => {
    const body = Buffer.concat([Buffer.from("one\r\n\ttwo\n\nfour \u001b[31m"), Buffer.from([0xff, 0x0a])]);
    expect(linesOf(body, "text")).toEqual(["one␍", "    two", "", "four ␛[31m⟨FF⟩"]);
  });

  it("scrolls sideways by columns, wide characters too", () => {
    expect(linesOf("日本語日本語", "text", 6, 2)).toEqual(["…本語…"].map(() => expect.stringMatching(/^….*…$/)));
    expect(linesOf("abcdef", "text", 4, 2)).toEqual(["…def"]);
    expect(linesOf("ab\n\n", "text", 4, 9)).toEqual(["…", ""]);
  });
});

describe("everything else", () => {
  it("is a hex dump, narrower where there is less room", () => {
    const body = Buffer.from([...Array(20).keys()].map((at) => at * 13));
    expect(linesOf(body, "hex")).toEqual([
      "00000000  00 0d 1a 27 34 41 4e 5b  68 75 82 8f 9c a9 b6 c3  ···'4AN[hu······",
      "00000010  d0 dd ea f7                                       ····",
    ]);
    expect(linesOf(body, "hex", 78)[0]).toHaveLength(76);
    expect(linesOf(body, "hex", 40)[0]).toHaveLength(40);
  });

  it("says that there is no body", () => {
    expect(linesOf("", "text")).toEqual(["The request has no body."]);
  });
});

describe("the form", () => {
  it.each<[string | Buffer, string, string | undefined, BodyForm]>([
    ["{}", "application/json", undefined, "json"],
    ["5", "application/vnd.x+json; charset=utf-8", undefined, "json"],
    [" \n[1]", "text/plain", undefined, "json"],
    ["hello", "text/plain", undefined, "text"],
    ["a=1&b=2", "application/x-www-form-urlencoded", undefined, "text"],
    ["<svg/>", "image/svg+xml", undefined, "text"],
    [Buffer.from([0x89, 0x50, 0x4e, 0x47]), "image/png", undefined, "hex"],
    ["{}", "application/json", "gzip", "hex"],
    [Buffer.from([0x61, 0x00, 0x62]), "text/plain", undefined, "hex"],
    [Buffer.alloc(200, 0xfe), "text/plain", undefined, "hex"],
    [Buffer.concat([Buffer.alloc(500, 0x61), Buffer.from([0xff])]), "text/plain", undefined, "text"],
  ])("of %s as %s (%s) is %s", (body, type, encoding, form) => {
    expect(formOf(Buffer.from(body), type, encoding)).toBe(form);
  });
});
