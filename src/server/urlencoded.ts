/** `name=value&…`, the form of queries and of urlencoded bodies. No I/O. */
import type { Value, ValueObject } from "../value.ts";

/** More fields than any form has; a body of nothing but `&a` would otherwise cost a hundred times its size. */
const MAX_FIELDS = 10_000;

/**
 * Reads fields; a name that comes more than once holds the list of its values.
 *
 * @param fail - Makes the error for what is wrong, one sentence fragment such as "has an invalid percent-encoding".
 */
export function parseFields(text: string, fail: (reason: string) => Error): ValueObject {
  const fields = new FieldList(fail);
  for (let start = 0; start <= text.length;) {
    const end = indexOrEnd(text, "&", start);
    if (end > start) {
      const equals = indexOrEnd(text, "=", start);
      const name = decode(text.slice(start, Math.min(equals, end)), fail);
      fields.add(name, equals < end ? decode(text.slice(equals + 1, end), fail) : "");
    }
    start = end + 1;
  }
  return fields.values;
}

/** Collects fields of forms of any kind. */
export class FieldList {
  readonly values: Record<string, Value> = {};
  readonly #fail: (reason: string) => Error;
  #count = 0;

  constructor(fail: (reason: string) => Error) {
    this.#fail = fail;
  }

  add(name: string, value: Value): void {
    if (name === "__proto__") throw this.#fail("holds the field `__proto__`, which is refused");
    if (++this.#count > MAX_FIELDS) throw this.#fail(`has more than ${MAX_FIELDS} fields`);
    const known = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
    if (known === undefined) this.values[name] = value;
    // Lists are made here and nowhere else, so this one may grow.
    else if (Array.isArray(known)) (known as Value[]).push(value);
    else this.values[name] = [known, value];
  }
}

function indexOrEnd(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index < 0 ? text.length : index;
}

function decode(text: string, fail: (reason: string) => Error): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw fail("has a percent-encoding that is malformed or not UTF-8; a literal % is written %25");
  }
}
