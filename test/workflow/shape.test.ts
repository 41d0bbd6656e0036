import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileValue, type Value } from "../../src/value.ts";
import {
  addSample,
  mergeShapes,
  NO_SHAPE,
  propertiesOf,
  type Shape,
  shapeOfAll,
  valuesOf,
} from "../../src/workflow/shape.ts";

const json: fc.Arbitrary<Value> = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Value>;

const byText = (a: readonly unknown[], b: readonly unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);

/** A shape as data; names sorted, because their order alone depends on the order of samples. */
function plain(shape: Shape): unknown {
  const { object, list, text, kinds } = shape;
  return {
    count: shape.count,
    infinite: shape.infinite,
    kinds: Object.fromEntries(Object.entries(kinds).sort(byText)),
    text: text && {
      ...text,
      formats: [...text.formats].sort(),
      forms: [...text.forms].sort(),
      distinct: text.distinct && [...text.distinct].sort(byText),
    },
    object:
      object &&
      (object.kind === "dictionary"
        ? { ...object, values: plain(object.values) }
        : { ...object, properties: [...object.properties].map(([name, one]) => [name, plain(one)]).sort(byText) }),
    list: list && { ...list, items: plain(list.items) },
  };
}

test("merging in any order and grouping gives the same shape", () => {
  fc.assert(
    fc.property(fc.array(json, { maxLength: 6 }), fc.array(json, { maxLength: 6 }), (a, b) => {
      const whole = plain(shapeOfAll([...a, ...b]));
      expect(plain(mergeShapes(shapeOfAll(a), shapeOfAll(b)))).toEqual(whole);
      expect(plain(shapeOfAll([...b, ...a].reverse()))).toEqual(whole);
    }),
    { numRuns: 200 },
  );
});

test("a sample leaves the shape that it is added to as it was", () => {
  const before = shapeOfAll([{ a: [1, "x"], b: { c: null } }]);
  const copy = structuredClone(plain(before));
  addSample(before, { a: ["y"], b: { d: true }, e: 1 });
  expect(plain(before)).toEqual(copy);
});

test("counts the objects that had each field, and the kinds of its values", () => {
  const shape = shapeOfAll([{ a: 1 }, { a: 1.5, b: null }, { a: "1" }]);
  const properties = shape.object?.kind === "record" ? shape.object.properties : new Map<string, Shape>();
  expect(shape.object?.count).toBe(3);
  expect(properties.get("a")?.count).toBe(3);
  expect(properties.get("a")?.kinds).toEqual({ integer: 1, number: 1, string: 1 });
  expect(properties.get("b")?.count).toBe(1);
  expect(properties.get("b")?.kinds).toEqual({ null: 1 });
});

test("merges the items of all lists", () => {
  const list = shapeOfAll([[1, 2], [], [null]]).list;
  expect(list).toMatchObject({
    count: 3,
    minItems: 0,
    maxItems: 2,
    items: { count: 3, kinds: { integer: 2, null: 1 } },
  });
});

test("keeps the formats that every text has", () => {
  const formats = (...texts: string[]): string[] => [...(shapeOfAll(texts).text?.formats ?? [])];
  expect(formats("a@b.co", "c@d.example")).toEqual(["email"]);
  expect(formats("a@b.co", "")).toEqual([]);
  expect(formats("2026-11-25")).toEqual(["date"]);
  expect(formats("2026-11-25T10:00:00Z")).toEqual(["date-time", "date"]);
  expect(formats("2026-11-25T10:00:00Z", "2026-11-25")).toEqual(["date"]);
  expect(formats("https://example.com/a")).toEqual(["url"]);
  expect(formats("d9b2d63d-a233-4123-847a-7090a0f2a8c3")).toEqual(["uuid"]);
});

test("knows what texts convert to without a loss", () => {
  const forms = (...texts: string[]): string[] => [...(shapeOfAll(texts).text?.forms ?? [])];
  expect(forms("1", "20")).toEqual(["integer", "number"]);
  expect(forms("1", "2.5")).toEqual(["number"]);
  expect(forms("true", "false")).toEqual(["boolean"]);
  expect(forms("true", "1")).toEqual([]);
  expect(forms("007")).toEqual([]);
  expect(forms("12345678901234567890")).toEqual([]);
  expect(forms("0.12345678901234567890")).toEqual([]);
});

test("lengths are in characters", () => {
  expect(shapeOfAll(["a", "😀😀"]).text).toMatchObject({ minLength: 1, maxLength: 2 });
});

test("remembers few and short different texts only", () => {
  const few = Array.from({ length: 60 }, (_, at) => `kind-${at % 3}`);
  expect(shapeOfAll(few).text?.distinct).toEqual(
    new Map([
      ["kind-0", 20],
      ["kind-1", 20],
      ["kind-2", 20],
    ]),
  );
  expect(shapeOfAll(Array.from({ length: 60 }, (_, at) => `kind-${at}`)).text?.distinct).toBeUndefined();
  expect(shapeOfAll(["x".repeat(65)]).text?.distinct).toBeUndefined();
});

test("a file is none of the objects", () => {
  const file = new FileValue({ name: "a.txt", mimeType: "text/plain", size: 1, hash: "0".repeat(64) });
  expect(shapeOfAll([file]).kinds).toEqual({ file: 1 });
});

test("a number out of range is told apart", () => {
  expect(shapeOfAll([JSON.parse("1e999") as number]).infinite).toBe(true);
});

describe("dictionaries", () => {
  const fields = (value: Value): readonly string[] | undefined => {
    const { object } = shapeOfAll([value]);
    const properties = object && propertiesOf(object);
    return properties && [...properties.keys()];
  };

  test("have ids or dates as names", () => {
    expect(fields({ "1": 1, "22": 2 })).toBeUndefined();
    expect(fields({ "d9b2d63d-a233-4123-847a-7090a0f2a8c3": 1 })).toBeUndefined();
    expect(fields({ "2026-11-25": 1, "2026-11-26": 2 })).toBeUndefined();
    expect(fields({ cus_9s6XKzkNRiz8i3: 1 })).toBeUndefined();
    expect(fields({ "ada@example.com": 1 })).toBeUndefined();
    expect(fields({ id: 1, "22": 2 })).toEqual(["22", "id"]);
    expect(fields({ created_at: 1, address_line1: 2, deadbeef: 3 })).toEqual([
      "created_at",
      "address_line1",
      "deadbeef",
    ]);
  });

  test("or too many names, in one sample or over several", () => {
    const many = (from: number, to: number): Value =>
      Object.fromEntries(Array.from({ length: to - from }, (_, at) => [`name ${from + at}`, at]));
    expect(fields(many(0, 200))).toHaveLength(200);
    expect(fields(many(0, 201))).toBeUndefined();
    const { object } = shapeOfAll([many(0, 150), many(100, 250)]);
    expect(object?.kind).toBe("dictionary");
    expect(object && valuesOf(object).kinds).toEqual({ integer: 300 });
  });

  test("or many names of which none is common", () => {
    const samples = Array.from({ length: 10 }, (_, at) =>
      Object.fromEntries(Array.from({ length: 3 }, (__, n) => [`word ${at * 3 + n}`, true])),
    );
    const { object } = shapeOfAll(samples);
    expect(object && propertiesOf(object)).toBeUndefined();
    expect(object && valuesOf(object).kinds).toEqual({ boolean: 30 });
  });
});

test("names of JavaScript's own are names like others", () => {
  const sample = JSON.parse('{"__proto__": 1, "constructor": {"prototype": 2}, "toString": 3}') as Value;
  const { object } = shapeOfAll([sample, sample]);
  expect(object?.kind === "record" && [...object.properties.keys()]).toEqual(["__proto__", "constructor", "toString"]);
});

test("deep and wide samples end, and are looked into to a certain depth", () => {
  let deep: Value = 1;
  for (let level = 0; level < 500; level++) deep = level % 2 === 0 ? [deep] : { next: deep };
  let levels = 0;
  for (let shape: Shape | undefined = shapeOfAll([deep, deep]); shape !== undefined && shape.count > 0; levels++) {
    const { object, list }: Shape = shape;
    shape = list?.items ?? (object && valuesOf(object));
  }
  expect(levels).toBe(17);
  const wide = Array.from({ length: 200_000 }, (_, at) => ({ id: at, name: `n${at}` }));
  expect(shapeOfAll([wide]).list?.items.count).toBe(200_000);
  expect(NO_SHAPE.count).toBe(0);
});
