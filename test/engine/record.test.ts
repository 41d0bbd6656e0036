import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeValue, encodeValue, recordValue } from "../../src/engine/record.ts";
import { FileValue, type Value } from "../../src/value.ts";

const file = new FileValue({ name: "a.pdf", mimeType: "application/pdf", size: 3, hash: "a".repeat(64) });
const scrub = (text: string): string =>
  text.replaceAll("123456", "[secret PIN]").replaceAll('p\\"w', "[secret PW]").replaceAll('p"w', "[secret PW]");

function roundTrip(value: Value): Value {
  const { json, files } = encodeValue(value);
  return decodeValue(json, files);
}

describe("recorded values", () => {
  it("come back as they were, files and hostile keys included", () => {
    const leaf = fc.oneof(fc.jsonValue(), fc.constant(file)) as fc.Arbitrary<Value>;
    const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "~", "/", "~1", "constructor", ""));
    const tree = fc.oneof(
      leaf,
      fc.array(leaf),
      fc.dictionary(key, fc.oneof(leaf, fc.array(leaf)), { noNullPrototype: true }),
    );
    fc.assert(
      fc.property(tree, (value) => {
        const recorded = recordValue(value, undefined);
        expect(decodeValue(recorded.json, recorded.files)).toEqual(recorded.value);
        expect(roundTrip(recorded.value)).toEqual(recorded.value);
      }),
    );
  });

  it("never turn JSON into a file", () => {
    const { name, mimeType, size, hash } = file;
    const like = { at: "", name, mimeType, size, hash };
    expect(roundTrip({ a: like, b: file })).toEqual({ a: like, b: file });
    expect((roundTrip({ a: like, b: file }) as { a: unknown }).a).not.toBeInstanceOf(FileValue);
    expect(roundTrip(file)).toEqual(file);
  });

  it("keep `__proto__` a key beside a file", () => {
    const value = JSON.parse('{"__proto__":{"x":1}}') as { [key: string]: Value };
    const back = roundTrip({ value, file }) as { value: object };
    expect(Object.keys(back.value)).toEqual(["__proto__"]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it("hand on what a restart would read, for what JSON changes", () => {
    const value = { a: Number.NaN, b: -0, c: undefined, d: [undefined], e: new Date(0) } as unknown as Value;
    expect(recordValue(value, undefined).value).toEqual({ a: null, b: 0, d: [null], e: "1970-01-01T00:00:00.000Z" });
    const plain = { a: 1 };
    expect(recordValue(plain, undefined).value).toBe(plain);
  });

  it("refuse what JSON cannot hold, saying so", () => {
    const circle: { [key: string]: Value } = {};
    circle["a"] = circle;
    const tangle: { [key: string]: Value } = {};
    for (const key of "abcdef") tangle[key] = tangle;
    let deep: Value = null;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    for (const value of [1n, () => 1, Symbol("s"), new Map(), new Uint8Array(2), circle, tangle, deep]) {
      expect(() => encodeValue(value as never)).toThrow(expect.objectContaining({ code: "STEP_INVALID" }) as Error);
    }
  });

  it("refuse what is too large, also when it is small in memory", () => {
    let bomb: Value = "lol";
    for (let i = 0; i < 12; i++) bomb = Array.from({ length: 10 }, () => bomb);
    for (const value of [bomb, "é".repeat(6_000_000)]) {
      expect(() => encodeValue(value)).toThrow(expect.objectContaining({ code: "OUTPUT_TOO_LARGE" }) as Error);
    }
  });

  it("lose their secrets in texts, keys, numbers and file names, and stay JSON", () => {
    const named = new FileValue({ name: "123456.pdf", mimeType: file.mimeType, size: 3, hash: file.hash });
    const { json, files, value } = recordValue({ a: "x123456", "123456": 9_123_456, b: [named], c: 'p"w' }, scrub);
    expect(json + String(files)).not.toMatch(/123456|p\\?"w/);
    expect(value).toEqual({
      a: "x[secret PIN]",
      "[secret PIN]": "9[secret PIN]",
      b: [new FileValue({ name: "[secret PIN].pdf", mimeType: file.mimeType, size: 3, hash: file.hash })],
      c: "[secret PW]",
    });
    expect(decodeValue(json, files)).toEqual(value);
  });
});
