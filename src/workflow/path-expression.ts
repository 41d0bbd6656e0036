/** Reading keys: the one place where expressions touch the properties of values, own ones only. No I/O. */
import { WfError } from "../errors.ts";
import { FileValue } from "../value.ts";
import type { Value } from "../value.ts";
import { describe, failure, isList, isMap } from "./cel-value.ts";
import type { CelValue } from "./cel-value.ts";
import type { Scope } from "./expression.ts";
import { didYouMean } from "./parse/reader.ts";

/** At most so many key names are listed in an error. */
const KEYS_SHOWN = 10;
/** In larger objects no near name is looked for: requests choose their size. */
const MAX_COMPARED = 500;

/** A key of an object, or a position in a list. */
export type Key = string | number;

/** @returns undefined when there is no such variable; what every object inherits (`toString`) is none. */
export function readVariable(scope: Scope, name: string): Value | undefined {
  const value: unknown = scope[name];
  return typeof value === "function" || name === "__proto__" ? undefined : (value as Value | undefined);
}

/** @returns undefined when there is no such key, whatever `target` is. */
export function readKey(target: CelValue, key: Key): CelValue | undefined {
  if (typeof target !== "object" || target === null) return undefined;
  if (isList(target)) return typeof key === "number" ? target[key] : undefined;
  if (typeof key === "number") return undefined;
  if (target instanceof FileValue) return readFileKey(target, key);
  return isMap(target) && Object.hasOwn(target, key) ? target[key] : undefined;
}

// The hash stays inside: it would let a workflow probe the store.
function readFileKey(file: FileValue, key: string): Value | undefined {
  return key === "name" || key === "mimeType" || key === "size" ? file[key] : undefined;
}

/**
 * A closure for a plain path such as `steps.contact.body.items[0].id`.
 *
 * @param spans - For each key, the source text before it and up to it, for errors.
 */
export function compilePath(
  root: string,
  keys: readonly Key[],
  spans: readonly { readonly before: string; readonly whole: string }[],
): (scope: Scope) => Value {
  return (scope) => {
    let value = readVariable(scope, root);
    if (value === undefined) throw missingVariable(scope, root);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as Key;
      const next = readKey(value, key) as Value | undefined;
      if (next === undefined) throw missingKey(value, key, spans[index] ?? { before: root, whole: root });
      value = next;
    }
    return value;
  };
}

export function missingVariable(scope: Scope, name: string): WfError {
  const names: string[] = [];
  for (const known in scope) if (scope[known] !== undefined) names.push(known);
  return failure(`there is no variable \`${name}\` here`, `There ${listNames(names)}.`);
}

/** Says what is there instead of `key`: key names, never values; of secrets not even the names. */
export function missingKey(
  target: CelValue,
  key: Key,
  at: { readonly before: string; readonly whole: string },
): WfError {
  if (at.before === "secrets") return new WfError("SECRET_MISSING", `the secret \`${key}\` is not set`);
  const guard = `Guard it with has(${at.whole}), or give a value for its absence: ${optionalForm(at)}.orValue("…").`;
  if (target === null) {
    return failure(`${at.before} is null, so it has no \`${key}\``, `A skipped step's output is null. ${guard}`);
  }
  if (isList(target)) {
    if (typeof key === "string") {
      return failure(`${at.before} is a list, so it has no \`${key}\``, "Take an item with [0], or use map or filter.");
    }
    const size = target.length === 1 ? "1 item" : `${target.length} items`;
    return failure(
      `${at.before} has no [${key}]: it has ${size}, counted from 0`,
      `Guard it with size(${at.before}) > ${key}.`,
    );
  }
  if (target instanceof FileValue) {
    return failure(`${at.before} is a file and has no \`${key}\``, "A file has `name`, `mimeType` and `size`.");
  }
  if (isMap(target)) {
    if (typeof key === "number") return failure(`${at.before} is an object, so [${key}] does not apply to it`);
    const names = Object.keys(target);
    const near = names.length > MAX_COMPARED ? undefined : didYouMean(key, names);
    return failure(
      `${at.before} has no \`${key}\`; it ${listKeys(names)}`,
      near === undefined ? guard : `${near} ${guard}`,
    );
  }
  return failure(`${at.before} is ${describe(target)}, so it has no \`${key}\``, guard);
}

function optionalForm(at: { readonly before: string; readonly whole: string }): string {
  const rest = at.whole.slice(at.before.length);
  return at.before + (rest.startsWith("[") ? `[?${rest.slice(1)}` : rest.replace(".", ".?"));
}

function listKeys(keys: readonly string[]): string {
  return keys.length === 0 ? "is empty" : `has ${quote(keys)}`;
}

function listNames(names: readonly string[]): string {
  if (names.length === 0) return "is none";
  return names.length === 1 ? `is ${quote(names)}` : `are ${quote(names)}`;
}

function quote(names: readonly string[]): string {
  const shown = names.slice(0, KEYS_SHOWN).map((name) => `\`${name.length > 60 ? `${name.slice(0, 60)}…` : name}\``);
  const more = names.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
