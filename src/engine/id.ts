/** Execution ids: UUIDv7 (RFC 9562), so that their order is the order in which they were made. No I/O. */
import { randomFillSync } from "node:crypto";

const HEX: readonly string[] = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));
const POOL_BYTES = 8_192;
const RANDOM_BYTES_PER_ID = 10;
/** The 12 bits beside the time count within one millisecond; they begin in the lower half, so 2,048 ids fit at least. */
const COUNTER_END = 0x1000;

const pool: Uint8Array = new Uint8Array(POOL_BYTES);
let poolAt = POOL_BYTES;
let lastMs = -1;
/** The time's part of the text, written once for all ids of a millisecond. */
let prefix = "";
let prefixMs = -1;
let counter = 0;

/**
 * Makes an execution id that is greater than every one made before it in this process, also when the clock steps back.
 *
 * @param now - Milliseconds since 1970.
 */
export function newExecutionId(now: number = Date.now()): string {
  if (poolAt + RANDOM_BYTES_PER_ID > POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const at = poolAt;
  poolAt += RANDOM_BYTES_PER_ID;
  if (now > lastMs) {
    lastMs = now;
    counter = ((byte(at) << 8) | byte(at + 1)) & 0x7ff;
  } else if (++counter === COUNTER_END) {
    lastMs += 1;
    counter = 0;
  }
  if (prefixMs !== lastMs) {
    const time = lastMs.toString(16).padStart(12, "0");
    prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
    prefixMs = lastMs;
  }
  return (
    `${prefix}${HEX[0x70 | (counter >> 8)]}${HEX[counter & 0xff]}-${HEX[0x80 | (byte(at + 2) & 0x3f)]}${HEX[byte(at + 3)]}-` +
    `${HEX[byte(at + 4)]}${HEX[byte(at + 5)]}${HEX[byte(at + 6)]}${HEX[byte(at + 7)]}${HEX[byte(at + 8)]}${HEX[byte(at + 9)]}`
  );
}

/** @returns When the id was made, in milliseconds since 1970; undefined when the text is no UUIDv7. */
export function timeOfId(id: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function byte(at: number): number {
  return pool[at] as number;
}
