/**
 * What one or many samples look like, merged: the ground that rules are inferred from and types are written from. No I/O.
 *
 * Bounded: a shape is never larger than its samples, objects used as dictionaries keep no names, and what lies more than
 * {@link MAX_DEPTH} levels deep is not looked into. Merging in any order or grouping yields the same, but for the order
 * of names.
 */
import { FileValue, type Value } from "../value.ts";
import { type TextForm, textForms } from "./rules-convert.ts";
import { formatsOf, type TextFormat } from "./rule-format.ts";

/** Names of one kind of object; with more, it is a dictionary. */
const MAX_NAMES = 200;
/** Levels of objects and lists that are looked into. */
const MAX_DEPTH = 16;
/** Different texts that are remembered. */
const MAX_DISTINCT = 20;
/** Longer texts are no values of a list of choices. */
const MAX_DISTINCT_LENGTH = 64;

export type Kind = "null" | "boolean" | "integer" | "number" | "string" | "object" | "array" | "file";

/** The values seen at one place. */
export interface Shape {
  /** Number of values. */
  readonly count: number;
  /** How many were of each kind; `number` counts those that are not whole. Kinds not seen are absent. */
  readonly kinds: { readonly [kind in Kind]?: number };
  /** True when there was a number out of range (1e999), which only rules without a type accept. */
  readonly infinite: boolean;
  readonly text?: TextShape;
  readonly object?: ObjectShape;
  readonly list?: ListShape;
}

interface TextShape {
  readonly count: number;
  /** The formats that every text has. */
  readonly formats: ReadonlySet<TextFormat>;
  /** What every text converts to, where rules convert text (query and form fields). */
  readonly forms: ReadonlySet<TextForm>;
  /** How often each text came; undefined when there were too many different ones or long ones. */
  readonly distinct: ReadonlyMap<string, number> | undefined;
  /** In characters (code points), as rules count. */
  readonly minLength: number;
  readonly maxLength: number;
}

export type ObjectShape =
  | {
      readonly kind: "record";
      /** Number of objects. */
      readonly count: number;
      /** By name, in the order in which they came first; `count` of each is the number of objects that had it. */
      readonly properties: ReadonlyMap<string, Shape>;
    }
  | {
      readonly kind: "dictionary";
      readonly count: number;
      /** All values under whatever names; empty when they were not looked into. */
      readonly values: Shape;
    };

interface ListShape {
  readonly count: number;
  /** All items of all lists; empty when there were none or they were not looked into. */
  readonly items: Shape;
  readonly minItems: number;
  readonly maxItems: number;
}

/** The shape of no value at all. */
export const NO_SHAPE: Shape = { count: 0, kinds: {}, infinite: false };

/** Merges one more sample. @returns A new shape; the given one stays as it is. */
export function addSample(shape: Shape, value: Value): Shape {
  return mergeShapes(shape, shapeOf(value, 0));
}

/** The merged shape of samples. */
export function shapeOfAll(values: Iterable<Value>): Shape {
  let shape = NO_SHAPE;
  for (const value of values) shape = addSample(shape, value);
  return shape;
}

export function mergeShapes(a: Shape, b: Shape): Shape {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const text = mergeBy(a.text, b.text, mergeTexts);
  const object = mergeBy(a.object, b.object, mergeObjects);
  const list = mergeBy(a.list, b.list, mergeLists);
  return {
    count: a.count + b.count,
    kinds: addKinds(a.kinds, b.kinds),
    infinite: a.infinite || b.infinite,
    ...(text && { text }),
    ...(object && { object }),
    ...(list && { list }),
  };
}

/**
 * The object's properties, where its names are those of fields.
 *
 * @returns undefined for a dictionary: too many names, names that are all ids or dates, or very many of which none is
 * common.
 */
export function propertiesOf(object: ObjectShape): ReadonlyMap<string, Shape> | undefined {
  if (object.kind === "dictionary") return undefined;
  const { properties, count } = object;
  if (properties.size === 0) return properties;
  if ([...properties.keys()].every(isIdLike)) return undefined;
  const isSparse = properties.size > 20 && [...properties.values()].every((shape) => shape.count * 2 < count);
  return isSparse ? undefined : properties;
}

/** The merged shape of all of an object's values, for those of a dictionary. */
export function valuesOf(object: ObjectShape): Shape {
  if (object.kind === "dictionary") return object.values;
  let values = NO_SHAPE;
  for (const shape of object.properties.values()) values = mergeShapes(values, shape);
  return values;
}

/** Digits, hexadecimal ids, UUIDs, prefixed ids (`cus_9s6XKzkNRiz8i3`), dates, addresses: what dictionaries have as keys. */
function isIdLike(name: string): boolean {
  return (
    /^\d+$/.test(name) ||
    (/^[0-9a-f-]{8,}$/i.test(name) && /\d/.test(name)) ||
    /^[a-z]{1,8}[_-](?=[a-z]*\d+[a-z])[a-z\d]{8,}$/i.test(name) ||
    formatsOf(name).size > 0
  );
}

function shapeOf(value: Value, depth: number): Shape {
  if (value === null) return one("null");
  if (typeof value === "boolean") return one("boolean");
  if (typeof value === "number") {
    const kind = Number.isInteger(value) ? "integer" : "number";
    return Number.isFinite(value) ? one(kind) : { ...one(kind), infinite: true };
  }
  if (typeof value === "string") return { ...one("string"), text: textShape(value) };
  if (value instanceof FileValue) return one("file");
  if (isList(value)) return { ...one("array"), list: listShape(value, depth) };
  return { ...one("object"), object: objectShape(value, depth) };
}

function one(kind: Kind): Shape {
  return { count: 1, kinds: { [kind]: 1 }, infinite: false };
}

function textShape(text: string): TextShape {
  const length = lengthOf(text);
  return {
    count: 1,
    formats: formatsOf(text),
    forms: textForms(text),
    distinct: length <= MAX_DISTINCT_LENGTH ? new Map([[text, 1]]) : undefined,
    minLength: length,
    maxLength: length,
  };
}

function listShape(list: readonly Value[], depth: number): ListShape {
  let items = NO_SHAPE;
  if (depth < MAX_DEPTH) for (const item of list) items = mergeShapes(items, shapeOf(item, depth + 1));
  return { count: 1, items, minItems: list.length, maxItems: list.length };
}

function objectShape(object: { readonly [name: string]: Value }, depth: number): ObjectShape {
  if (depth >= MAX_DEPTH) return { kind: "dictionary", count: 1, values: NO_SHAPE };
  const entries = Object.entries(object);
  if (entries.length > MAX_NAMES) {
    let values = NO_SHAPE;
    for (const [, value] of entries) values = mergeShapes(values, shapeOf(value, depth + 1));
    return { kind: "dictionary", count: 1, values };
  }
  const properties = new Map(entries.map(([name, value]) => [name, shapeOf(value, depth + 1)]));
  return { kind: "record", count: 1, properties };
}

function mergeBy<T>(a: T | undefined, b: T | undefined, merge: (a: T, b: T) => T): T | undefined {
  return a === undefined ? b : b === undefined ? a : merge(a, b);
}

function addKinds(a: Shape["kinds"], b: Shape["kinds"]): Shape["kinds"] {
  const sum: { [kind in Kind]?: number } = { ...a };
  for (const [kind, count] of Object.entries(b) as [Kind, number][]) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}

function mergeTexts(a: TextShape, b: TextShape): TextShape {
  return {
    count: a.count + b.count,
    formats: common(a.formats, b.formats),
    forms: common(a.forms, b.forms),
    distinct: mergeDistinct(a.distinct, b.distinct),
    minLength: Math.min(a.minLength, b.minLength),
    maxLength: Math.max(a.maxLength, b.maxLength),
  };
}

function common<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): ReadonlySet<T> {
  if (a === b || a.size === 0) return a;
  return new Set([...a].filter((item) => b.has(item)));
}

function mergeDistinct(a: TextShape["distinct"], b: TextShape["distinct"]): TextShape["distinct"] {
  if (a === undefined || b === undefined) return undefined;
  const merged = new Map(a);
  for (const [text, count] of b) {
    merged.set(text, (merged.get(text) ?? 0) + count);
    if (merged.size > MAX_DISTINCT) return undefined;
  }
  return merged;
}

function mergeLists(a: ListShape, b: ListShape): ListShape {
  return {
    count: a.count + b.count,
    items: mergeShapes(a.items, b.items),
    minItems: Math.min(a.minItems, b.minItems),
    maxItems: Math.max(a.maxItems, b.maxItems),
  };
}

function mergeObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
  const count = a.count + b.count;
  if (a.kind === "record" && b.kind === "record") {
    const properties = new Map(a.properties);
    for (const [name, shape] of b.properties)
      properties.set(name, mergeShapes(properties.get(name) ?? NO_SHAPE, shape));
    if (properties.size <= MAX_NAMES) return { kind: "record", count, properties };
  }
  return { kind: "dictionary", count, values: mergeShapes(valuesOf(a), valuesOf(b)) };
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
