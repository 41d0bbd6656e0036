import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { FileStore } from "../../src/engine/files.ts";
import { FileValue } from "../../src/value.ts";

/** Keeps files in memory, for tests of what writes files rather than of where they lie. */
export class MemoryFiles implements FileStore {
  readonly kept: Map<string, Buffer> = new Map<string, Buffer>();

  async write(bytes: Uint8Array | Readable, about: { name: string; mimeType: string }): Promise<FileValue> {
    const whole = bytes instanceof Readable ? await buffer(bytes) : Buffer.from(bytes);
    const hash = createHash("sha256").update(whole).digest("hex");
    this.kept.set(hash, whole);
    return new FileValue({ ...about, size: whole.length, hash });
  }

  async read(file: FileValue): Promise<Buffer> {
    return this.kept.get(file.hash) ?? Buffer.alloc(0);
  }

  async open(file: FileValue): Promise<Readable | undefined> {
    const bytes = this.kept.get(file.hash);
    return bytes && Readable.from([bytes]);
  }
}
