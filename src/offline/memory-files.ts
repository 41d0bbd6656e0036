import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { FileStore } from "../engine/files.ts";
import { WfError } from "../errors.ts";
import { FileValue } from "../value.ts";

/** Files for as long as the process lives. */
export class MemoryFiles implements FileStore {
  readonly #kept = new Map<string, Buffer>();

  async write(bytes: Uint8Array | Readable, about: { name: string; mimeType: string }): Promise<FileValue> {
    const whole = bytes instanceof Readable ? await buffer(bytes) : Buffer.from(bytes);
    const hash = createHash("sha256").update(whole).digest("hex");
    this.#kept.set(hash, whole);
    return new FileValue({ name: about.name, mimeType: about.mimeType, size: whole.length, hash });
  }

  async read(file: FileValue): Promise<Buffer> {
    const bytes = this.#kept.get(file.hash);
    if (bytes === undefined) throw new WfError("STORE_FAILED", `The bytes of ${JSON.stringify(file.name)} are gone.`);
    return bytes;
  }

  async open(file: FileValue): Promise<Readable | undefined> {
    const bytes = this.#kept.get(file.hash);
    return bytes && Readable.from([bytes], { objectMode: false });
  }
}
