/**
 * Values as records keep them. No I/O.
 *
 * R1 A file is noted beside the JSON, by JSON Pointer (RFC 6901); so no JSON text can ever decode to a file.
 * R2 What a walk goes on with equals what a replay would read: where encoding changes a value (a secret, NaN), the
 *    changed value is the one handed on.
 * R3 Encoding ends in a clear error for what JSON cannot hold, however deep, large or entangled the value is.
 */
import { WfError } from "../errors.ts";
import { FileValue, type Value } from "../value.ts";

/** JSON text, UTF-8, of one recorded value. */
export const MAX_RECORDED_BYTES: number = 10_000_000;
const MAX_DEPTH = 1_000;

export interface EncodedValue {
  readonly json: string;
  /** JSON list of the files in it and where they stand; null when it has none. */
  readonly files: string | null;
}

/** A value ready to be written, and the same value as a replay would read it. */
export interface RecordedValue extends EncodedValue {
  readonly value: Value;
}

/** Replaces secrets in a text; see `Secrets.scrub`. */
export type Scrub = (text: string) => string;

interface FileNote {
  readonly at: string;
  readonly name: string;
  readonly mimeType: string;
  readonly size: number;
  readonly hash: string;
}

interface Survey {
  files: boolean;
  /** Encoding drops or changes something: NaN, undefined, -0, a Date. */
  inexact: boolean;
  /** Every value takes two characters of JSON at least, so this many end before the text gets too large. */
  valuesLeft: number;
}

/**
 * Encodes a value for the record.
 *
 * @param maxBytes - of JSON; Infinity for what has been limited elsewhere.
 * @throws {@link WfError} `OUTPUT_TOO_LARGE`, or `STEP_INVALID` for what JSON cannot hold (a bigint, a function, a Map)
 */
export function encodeValue(value: Value, maxBytes: number = MAX_RECORDED_BYTES): EncodedValue {
  const survey: Survey = { files: false, inexact: false, valuesLeft: maxBytes };
  look(value, survey, 0);
  return encode(value, survey.files, maxBytes);
}

/** Reads what {@link encodeValue} wrote. */
export function decodeValue(json: string, files: string | null): Value {
  const value = JSON.parse(json) as Value;
  if (files === null) return value;
  let root = value;
  for (const note of JSON.parse(files) as FileNote[]) {
    const file = new FileValue(note);
    if (note.at === "") root = file;
    else place(root, note.at, file);
  }
  return root;
}

/**
 * Encodes a value with its secrets replaced, and says what the walk goes on with.
 *
 * @throws {@link WfError} as {@link encodeValue} does
 */
export function recordValue(
  value: Value,
  scrub: Scrub | undefined,
  maxBytes: number = MAX_RECORDED_BYTES,
): RecordedValue {
  const survey: Survey = { files: false, inexact: false, valuesLeft: maxBytes };
  look(value, survey, 0);
  const encoded = encode(value, survey.files, maxBytes);
  if (scrub !== undefined && (scrub(encoded.json) !== encoded.json || changesFiles(encoded.files, scrub))) {
    return scrubbed(value, scrub, maxBytes);
  }
  return {
    json: encoded.json,
    files: encoded.files,
    value: survey.inexact ? decodeValue(encoded.json, encoded.files) : value,
  };
}

function scrubbed(value: Value, scrub: Scrub, maxBytes: number): RecordedValue {
  const clean = encodeValue(scrubValue(value, scrub), maxBytes);
  // What still matches spans several values; only the text as a whole can be made safe then.
  const json = scrub(clean.json) === clean.json ? clean.json : JSON.stringify(scrub(clean.json));
  const files = json === clean.json ? clean.files : null;
  return { json, files, value: decodeValue(json, files) };
}

/** Texts, keys, and numbers that spell a secret; done on the value because replacing in JSON text could break it. */
function scrubValue(value: Value, scrub: Scrub): Value {
  if (typeof value === "string") return scrub(value);
  if (typeof value === "number") {
    const text = String(value);
    const clean = scrub(text);
    return clean === text ? value : clean;
  }
  if (value === null || typeof value !== "object") return value;
  if (value instanceof FileValue) {
    const { size, hash } = value;
    return new FileValue({ name: scrub(value.name), mimeType: scrub(value.mimeType), size, hash });
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map((item) => scrubValue(item, scrub));
  if (value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), scrubValue(item, scrub)]));
}

function changesFiles(files: string | null, scrub: Scrub): boolean {
  if (files === null) return false;
  return (JSON.parse(files) as FileNote[]).some(
    ({ name, mimeType }) => scrub(name) !== name || scrub(mimeType) !== mimeType,
  );
}

function encode(value: Value, hasFiles: boolean, maxBytes: number): EncodedValue {
  if (!hasFiles) return { json: withinLimit(JSON.stringify(value) ?? "null", maxBytes), files: null };
  const notes: FileNote[] = [];
  const plain = takeFiles(value, "", notes);
  return { json: withinLimit(JSON.stringify(plain) ?? "null", maxBytes), files: JSON.stringify(notes) };
}

function withinLimit(json: string, maxBytes: number): string {
  if (json.length > maxBytes || (json.length * 3 > maxBytes && Buffer.byteLength(json) > maxBytes))
    throw tooLarge(maxBytes);
  return json;
}

function tooLarge(maxBytes: number): WfError {
  return new WfError("OUTPUT_TOO_LARGE", `The value takes more than ${maxBytes} bytes of JSON.`);
}

function look(value: unknown, survey: Survey, depth: number): void {
  if (--survey.valuesLeft < 0) throw tooLarge(MAX_RECORDED_BYTES);
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value) || Object.is(value, -0)) survey.inexact = true;
      return;
    case "undefined":
      survey.inexact = true;
      return;
    case "object":
      break;
    default:
      throw new WfError("STEP_INVALID", `A ${typeof value} cannot be recorded: JSON has no such value.`);
  }
  if (value === null) return;
  if (value instanceof FileValue) {
    survey.files = true;
    return;
  }
  // Also what ends a value that contains itself.
  if (depth > MAX_DEPTH) {
    throw new WfError("STEP_INVALID", `The value is nested more than ${MAX_DEPTH} levels deep, or contains itself.`);
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) look(value[i], survey, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    if (!(value instanceof Date)) {
      const name = (prototype as { constructor?: { name?: string } }).constructor?.name ?? "object";
      throw new WfError("STEP_INVALID", `A ${name} cannot be recorded: turn it into plain JSON first.`);
    }
    survey.inexact = true;
    return;
  }
  for (const key of Object.keys(value)) look((value as { [key: string]: unknown })[key], survey, depth + 1);
}

/** A copy in which null stands for each file. */
function takeFiles(value: Value, at: string, notes: FileNote[]): Value {
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  if (value instanceof FileValue) {
    notes.push({ at, name: value.name, mimeType: value.mimeType, size: value.size, hash: value.hash });
    return null;
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map((item, i) => takeFiles(item, `${at}/${i}`, notes));
  // fromEntries defines keys, so that `__proto__` stays a key.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      takeFiles(item, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, notes),
    ]),
  );
}

function place(root: Value, pointer: string, file: FileValue): void {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = keys.pop() as string;
  let parent = root as { [key: string]: Value } | null | undefined;
  for (const key of keys) {
    parent = own(parent, key) as { [key: string]: Value } | undefined;
  }
  if (own(parent, last) === null) (parent as { [key: string]: Value })[last] = file;
}

function own(parent: { [key: string]: Value } | null | undefined, key: string): Value | undefined {
  return typeof parent === "object" && parent !== null && Object.hasOwn(parent, key) ? parent[key] : undefined;
}
