import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnsOf, decodeBytes, splitAt, visiblePieces, visibleText } from "../../src/capture/visible-text.ts";

describe("visible text", () => {
  it.each([
    ["plain", "plain"],
    ["\u001b]8;;http://x\u0007link\u001b]8;;\u0007", "␛]8;;http://x␇link␛]8;;␇"],
    ["\u001b[2J", "␛[2J"],
    ["\u009b2J", "⟨U+009B⟩2J"],
    ["a\u0000b\u007f", "a␀b␡"],
    ["\u202eevil\u2069", "⟨U+202E⟩evil⟨U+2069⟩"],
    ["a\u200bb\u200dc\ufeff", "a⟨U+200B⟩b⟨U+200D⟩c⟨U+FEFF⟩"],
    ["\ud800 \udfff", "⟨U+D800⟩ ⟨U+DFFF⟩"],
    ["\ue000", "⟨U+E000⟩"],
    ["\u{e0041}", "⟨U+E0041⟩"],
    ["\u2028", "⟨U+2028⟩"],
    ["שלום مرحبا", "שלום مرحبا"],
    ["日本語 👋 é", "日本語 👋 é"],
    ["❤\ufe0f!", "❤!"],
    ["a\ufe0f\ufe0f", "a⟨U+FE0F⟩⟨U+FE0F⟩"],
    ["a\tb", "a   b"],
    ["é\tb", "é   b"],
    ["e" + "\u0301".repeat(6), "e" + "\u0301".repeat(4) + "⟨U+0301⟩".repeat(2)],
    ["", ""],
  ])("shows %j", (text, shown) => {
    // Marks of a run beyond the fourth stand alone.
    expect(visibleText(text)).toBe(shown);
  });

  it("tells marks from text that looks like them", () => {
    expect(visiblePieces("␛\u001b")).toEqual([
      { text: "␛", mark: false },
      { text: "␛", mark: true },
    ]);
  });

  it("never lets a character through that steers a terminal", () => {
    const anyText = fc.array(fc.integer({ min: 0, max: 0x10ffff })).map((codes) => String.fromCodePoint(...codes));
    fc.assert(
      fc.property(anyText, (text) => {
        expect(visibleText(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("is cut by columns, never within a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, width) => {
        const shown = visibleText(text);
        const [head, tail] = splitAt(shown, width);
        expect(head + tail).toBe(shown);
        expect(columnsOf(head)).toBeLessThanOrEqual(width);
      }),
    );
    expect(splitAt("日本", 3)).toEqual(["日", "本"]);
    expect(splitAt("abc", 2)).toEqual(["ab", "c"]);
    expect(splitAt("é", 9)).toEqual(["é", ""]);
  });
});

describe("bytes", () => {
  it.each([
    [[0x61, 0xff, 0x62], "a⟨FF⟩b"],
    [[0xc0, 0xaf], "⟨C0⟩⟨AF⟩"],
    [[0xed, 0xa0, 0x80], "⟨ED⟩⟨A0⟩⟨80⟩"],
    [[0xe0, 0x80, 0x80], "⟨E0⟩⟨80⟩⟨80⟩"],
    [[0xf4, 0x90, 0x80, 0x80], "⟨F4⟩⟨90⟩⟨80⟩⟨80⟩"],
    [[0xf0, 0x80, 0x80, 0x80], "⟨F0⟩⟨80⟩⟨80⟩⟨80⟩"],
    [[0xe2, 0x82], "⟨E2⟩⟨82⟩"],
    [[0xe2, 0x82, 0xac, 0xff], "€⟨FF⟩"],
    [[0xf0, 0x9f, 0x91, 0x8b, 0x80], "👋⟨80⟩"],
    [[0xef, 0xbf, 0xbd], "\ufffd"],
  ])("%j are shown as %s", (bytes, shown) => {
    expect(visibleText(decodeBytes(Uint8Array.from(bytes)))).toBe(shown);
  });

  it("that are UTF-8 are decoded as everywhere", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const bytes = Buffer.from(text);
        expect(decodeBytes(bytes)).toBe(bytes.toString("utf8"));
      }),
    );
  });
});
