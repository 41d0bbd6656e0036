/** Files by the SHA-256 of their bytes, at `<dir>/files/<hh>/<hash>`. */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { FileValue } from "../../value.ts";
import type { FileStore } from "../files.ts";
import { WfError } from "../../errors.ts";

/** A file that no record names is kept this long: it may belong to a step that still runs. */
const UNNAMED_KEPT_MS = 86_400_000;

export class FolderFiles implements FileStore {
  readonly #folder: string;
  readonly #temporary: string;

  /** Also removes what an earlier process left half written. */
  constructor(directory: string) {
    this.#folder = join(directory, "files");
    this.#temporary = join(this.#folder, "tmp");
    mkdirSync(this.#temporary, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#temporary)) rmSync(join(this.#temporary, name), { force: true });
  }

  async write(bytes: Uint8Array | Readable, about: { name: string; mimeType: string }): Promise<FileValue> {
    const temporary = join(this.#temporary, randomUUID());
    try {
      const { size, hash } = await writeSynced(temporary, bytes);
      await this.#keep(temporary, hash);
      return new FileValue({ name: about.name, mimeType: about.mimeType, size, hash });
    } catch (error) {
      await rm(temporary, { force: true });
      throw fileError(error, this.#folder);
    }
  }

  async read(file: FileValue): Promise<Buffer> {
    try {
      return await readFile(this.#path(file.hash));
    } catch (error) {
      throw new WfError("STORE_FAILED", `The bytes of ${JSON.stringify(file.name)} (${file.hash}) cannot be read.`, {
        cause: error,
      });
    }
  }

  async open(file: FileValue): Promise<Readable | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(this.#path(file.hash), "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw fileError(error, this.#folder);
    }
    return handle.createReadStream();
  }

  /** Removes files that `isUsed` does not know and that lie here for a day. @returns how many */
  async sweep(isUsed: (hash: string) => boolean, now: number): Promise<number> {
    let removed = 0;
    for (const shelf of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(shelf)) continue;
      for (const hash of await readdir(join(this.#folder, shelf))) {
        if (isUsed(hash)) continue;
        const path = join(this.#folder, shelf, hash);
        const found = await stat(path).catch(() => undefined);
        if (found === undefined || now - found.mtimeMs < UNNAMED_KEPT_MS) continue;
        await rm(path, { force: true });
        removed++;
      }
    }
    return removed;
  }

  async #keep(temporary: string, hash: string): Promise<void> {
    const path = this.#path(hash);
    const shelf = join(this.#folder, hash.slice(0, 2));
    if ((await stat(path).catch(() => undefined)) !== undefined) {
      // A new time keeps the sweep away until a record names it.
      const now = new Date();
      await utimes(path, now, now);
      await rm(temporary, { force: true });
      return;
    }
    await mkdir(shelf, { recursive: true, mode: 0o700 });
    await rename(temporary, path);
    await syncFolder(shelf);
    await syncFolder(this.#folder);
  }

  #path(hash: string): string {
    return join(this.#folder, hash.slice(0, 2), hash);
  }
}

async function writeSynced(path: string, bytes: Uint8Array | Readable): Promise<{ size: number; hash: string }> {
  const digest = createHash("sha256");
  const handle = await open(path, "wx", 0o600);
  let size = 0;
  try {
    if (bytes instanceof Uint8Array) {
      digest.update(bytes);
      size = bytes.byteLength;
      await handle.writeFile(bytes);
    } else {
      for await (const chunk of bytes as AsyncIterable<Uint8Array | string>) {
        const part = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
        digest.update(part);
        size += part.byteLength;
        await handle.appendFile(part);
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { size, hash: digest.digest("hex") };
}

/** Makes a rename durable. Windows cannot open folders and needs no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function fileError(error: unknown, folder: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new WfError("STORE_FULL", `There is no room left to write into ${folder}.`, { cause: error });
  }
  // An error of the stream is the caller's own.
  return syscall === undefined || code === undefined || !code.startsWith("E") || code.startsWith("ECONN")
    ? error
    : new WfError("STORE_FAILED", `${folder} could not be written (${code}).`, { cause: error });
}
