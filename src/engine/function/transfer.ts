/** The worker's side of values: files become handles, outputs become JSON. Loaded in worker threads only. */
import type { FileAt, FromWorker, OutputFile, ToWorker } from "./message.ts";

/** Deeper values would overflow the stack of whatever walks them later. */
const MAX_DEPTH = 256;

type Path = readonly (string | number)[];
type Call = Extract<ToWorker, { kind: "call" }>;

/** Reads of files' bytes that wait for the main thread. */
export interface Reads {
  bytes(call: number, given: number): Promise<Buffer>;
  settle(message: Extract<ToWorker, { kind: "bytes" | "bytes-failed" }>): void;
}

export function createReads(post: (message: FromWorker) => void): Reads {
  const waiting = new Map<number, PromiseWithResolvers<Buffer>>();
  let last = 0;
  return {
    bytes: (call, given) => {
      const read = (last += 1);
      const pending = Promise.withResolvers<Buffer>();
      waiting.set(read, pending);
      post({ kind: "read", read, call, given });
      return pending.promise;
    },
    settle: (message) => {
      const pending = waiting.get(message.read);
      waiting.delete(message.read);
      if (message.kind === "bytes")
        pending?.resolve(Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength));
      else pending?.reject(new Error(message.message));
    },
  };
}

/** A file as the function sees it. Returned as it is, it stays the same file. */
export class GivenFile {
  readonly name: string;
  readonly mimeType: string;
  readonly size: number;
  readonly hash: string;
  readonly #call: number;
  readonly #given: number;
  readonly #reads: Reads;

  constructor(call: Call, given: number, reads: Reads) {
    const file = call.files[given]?.file ?? { name: "", mimeType: "", size: 0, hash: "" };
    this.name = file.name;
    this.mimeType = file.mimeType;
    this.size = file.size;
    this.hash = file.hash;
    this.#call = call.call;
    this.#given = given;
    this.#reads = reads;
  }

  bytes(): Promise<Buffer> {
    return this.#reads.bytes(this.#call, this.#given);
  }

  async text(): Promise<string> {
    return (await this.bytes()).toString();
  }

  /** @returns undefined for a file of another call, whose bytes the main thread no longer vouches for. */
  static given(file: GivenFile, call: number): number | undefined {
    return file.#call === call ? file.#given : undefined;
  }
}

export function giveFiles(json: unknown, files: readonly FileAt[], give: (given: number) => GivenFile): unknown {
  let root = json;
  for (const [given, { path }] of files.entries()) {
    const last = path.at(-1);
    if (last === undefined) root = give(given);
    else {
      const holder = path
        .slice(0, -1)
        .reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], root);
      Object.defineProperty(holder, last, { value: give(given), enumerable: true, configurable: true, writable: true });
    }
  }
  return root;
}

/** @throws TypeError that names the place, for what JSON cannot hold */
export async function takeOutput(
  output: unknown,
  call: number,
  maxBytes: number,
): Promise<{ json: string; files: OutputFile[]; transfer: ArrayBuffer[] }> {
  const given: OutputFile[] = [];
  const made: { readonly path: Path; readonly file: File }[] = [];
  const holders = new Set<object>();

  const take = (value: unknown, path: Path): unknown => {
    if (value === undefined || value === null) return null;
    if (typeof value === "string") return value.toWellFormed();
    if (typeof value === "boolean") return value;
    if (typeof value === "object") return takeObject(value, path);
    if (typeof value !== "number") {
      throw refused(path, typeof value === "bigint" ? "a bigint (return it as a text)" : `a ${typeof value}`);
    }
    if (!Number.isFinite(value)) throw refused(path, String(value));
    return value;
  };
  const takeObject = (value: object, path: Path): unknown => {
    if (value instanceof GivenFile) {
      const index = GivenFile.given(value, call);
      if (index === undefined) throw refused(path, "a file of an earlier call");
      given.push({ path, given: index });
      return null;
    }
    if (value instanceof File) {
      made.push({ path, file: value });
      return null;
    }
    const what = unfit(value);
    if (what !== undefined) throw refused(path, what);
    if (holders.has(value)) throw refused(path, "a cycle");
    if (path.length >= MAX_DEPTH) throw refused(path.slice(0, 3), `nested deeper than ${MAX_DEPTH} levels`);
    holders.add(value);
    const taken = takeEntries(value, path);
    holders.delete(value);
    return taken;
  };
  const takeEntries = (value: object, path: Path): unknown => {
    const toJson = (value as { toJSON?: unknown }).toJSON;
    if (typeof toJson === "function") return take(toJson.call(value), path);
    if (Array.isArray(value)) return Array.from(value as unknown[], (item, at) => take(item, [...path, at]));
    // As JSON does: a key without a value is no key.
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([key, item]) => [key.toWellFormed(), take(item, [...path, key])]));
  };

  const json = JSON.stringify(take(output, []));
  const size = Buffer.byteLength(json);
  if (size > maxBytes) {
    throw new RangeError(`the output has ${size} bytes of JSON; more than ${maxBytes} have to be returned as a File`);
  }
  const files: OutputFile[] = [...given];
  const transfer: ArrayBuffer[] = [];
  for (const { path, file } of made) {
    const buffer = await file.arrayBuffer();
    transfer.push(buffer);
    files.push({
      path,
      name: file.name,
      mimeType: file.type || "application/octet-stream",
      bytes: new Uint8Array(buffer),
    });
  }
  return { json, files, transfer };
}

/** What would become `{}` in JSON, or something that nobody expects. */
function unfit(value: object): string | undefined {
  const bytes = "bytes (return new File([bytes], name, { type }))";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob) return bytes;
  if (value instanceof Map || value instanceof Set) return `a ${value.constructor.name} (return an object or a list)`;
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof RegExp)
    return `a ${value.constructor.name}`;
  if (value instanceof Error) return "an Error (throw it, or return its message)";
  if (typeof (value as { then?: unknown }).then === "function") return "a promise (await it)";
  return undefined;
}

function refused(path: Path, what: string): TypeError {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
  return new TypeError(`output${place} is ${what}, which JSON cannot hold`);
}
