import type { Readable } from "node:stream";
import type { FileValue } from "../value.ts";

/** Where the bytes of files lie, by hash. */
export interface FileStore {
  /**
   * Keeps bytes; durable when it resolves. Equal bytes are stored once.
   *
   * @param bytes - Whole, or a stream that is read to its end; an error of the stream rejects and leaves nothing behind.
   */
  write(bytes: Uint8Array | Readable, about: { name: string; mimeType: string }): Promise<FileValue>;
  /** @throws {@link WfError} `STORE_FAILED` when the bytes are gone */
  read(file: FileValue): Promise<Buffer>;
  /** Undefined when the bytes are gone. */
  open(file: FileValue): Promise<Readable | undefined>;
}
