/**
 * A file that travels through a workflow: its bytes lie in the store under `hash`, the value itself is small.
 *
 * @remarks
 * Being a class is what keeps it safe: JSON that merely has the same keys never becomes a file, because only code that
 * has written the bytes (a body parser, an http step) makes instances. Records keep files apart from JSON for the same
 * reason (see `engine/record.ts`).
 */
export class FileValue {
  readonly name: string;
  /** For example `application/pdf`; `application/octet-stream` when unknown. */
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly hash: string;

  constructor(file: { name: string; mimeType: string; size: number; hash: string }) {
    this.name = file.name;
    this.mimeType = file.mimeType;
    this.size = file.size;
    this.hash = file.hash;
  }
}

/** What expressions work on and steps hand over: JSON in which files may stand. */
export type Value = null | boolean | number | string | FileValue | readonly Value[] | { readonly [key: string]: Value };

/** An object of values. */
export type ValueObject = { readonly [key: string]: Value };
