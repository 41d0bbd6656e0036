/** SQLite's write-ahead log as a file: what makes commits durable, and tells whether they are still all there. */
import { closeSync, fdatasync, fdatasyncSync, openSync, readSync, writeSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** With this magic number checksums are over big-endian words, with the one before it over little-endian ones. */
const BIG_ENDIAN_MAGIC = 0x377f0683;

interface Checksum {
  first: number;
  second: number;
}

export class WriteAheadLog {
  readonly #fd: number;

  /** @param databaseFile - Open in this process, which keeps SQLite from putting another log in this one's place. */
  constructor(databaseFile: string) {
    // Writable, because some systems sync no other. SQLite's locks are on other files, so closing this one keeps them.
    this.#fd = openSync(`${databaseFile}-wal`, "r+");
  }

  /** Makes everything committed so far durable, without holding up the process. */
  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#fd, done);
  }

  syncNow(): void {
    fdatasyncSync(this.#fd);
  }

  /**
   * Writes so many frames of the log's present round once more, as they are, and syncs them.
   *
   * @remarks
   * For after a failed sync: the system may have marked as written what it did not write, and would not write it again.
   * @returns false when the file no longer holds them all, each with its checksum
   * @see {@link https://www.sqlite.org/fileformat2.html#walformat} section 4.1
   */
  rewrite(frames: number): boolean {
    const header = this.#read(0, HEADER_BYTES);
    if (frames <= 0 || header === undefined) return frames <= 0;
    const bigEndian = header.readUInt32BE(0) === BIG_ENDIAN_MAGIC;
    const sum: Checksum = { first: 0, second: 0 };
    addWords(sum, header.subarray(0, 24), bigEndian);
    if (!matches(sum, header, 24)) return false;
    writeSync(this.#fd, header, 0, HEADER_BYTES, 0);
    const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8);
    for (let n = 0; n < frames; n++) {
      const at = HEADER_BYTES + n * frameBytes;
      const frame = this.#read(at, frameBytes);
      // Frames of an earlier round have another salt.
      if (frame === undefined || !frame.subarray(8, 16).equals(header.subarray(16, 24))) return false;
      addWords(sum, frame.subarray(0, 8), bigEndian);
      addWords(sum, frame.subarray(FRAME_HEADER_BYTES), bigEndian);
      if (!matches(sum, frame, 16)) return false;
      writeSync(this.#fd, frame, 0, frameBytes, at);
    }
    this.syncNow();
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(at: number, length: number): Buffer | undefined {
    const bytes = Buffer.allocUnsafe(length);
    return readSync(this.#fd, bytes, 0, length, at) === length ? bytes : undefined;
  }
}

function addWords(sum: Checksum, bytes: Buffer, bigEndian: boolean): void {
  let { first, second } = sum;
  for (let at = 0; at < bytes.length; at += 8) {
    first = (first + second + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))) >>> 0;
    second = (second + first + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4))) >>> 0;
  }
  sum.first = first;
  sum.second = second;
}

function matches(sum: Checksum, bytes: Buffer, at: number): boolean {
  return bytes.readUInt32BE(at) === sum.first && bytes.readUInt32BE(at + 4) === sum.second;
}
