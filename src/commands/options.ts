/** Reads option values; what cannot be read is a usage error that names the option. No I/O. */
import { parseDuration } from "../duration.ts";
import { WfError } from "../errors.ts";

/** @throws {@link WfError} `USAGE` */
export function readCount(option: string, text: string, range: { min: number; max: number }): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= range.min && count <= range.max)) {
    throw new WfError("USAGE", `${option} is a whole number from ${range.min} to ${range.max}, not "${text}".`);
  }
  return count;
}

/** @returns Milliseconds. @throws {@link WfError} `USAGE` */
export function readDuration(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) {
    throw new WfError("USAGE", `${option} is a duration like 500ms, 30s or 5m, not "${text}".`);
  }
  return ms;
}

/**
 * Reads a point in time: ISO 8601, or a duration for so long ago.
 *
 * @returns ISO 8601 UTC
 * @throws {@link WfError} `USAGE`
 */
export function readTime(option: string, text: string, now: number = Date.now()): string {
  const ago = parseDuration(text);
  const ms = ago === undefined ? (/^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN) : now - ago;
  if (Number.isNaN(ms)) {
    throw new WfError("USAGE", `${option} is a time like 2026-11-23, 2026-11-23T15:00:00Z or 2h (ago), not "${text}".`);
  }
  return new Date(ms).toISOString();
}

/** @throws {@link WfError} `USAGE` */
export function readUrl(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new WfError("USAGE", `${option} is a URL like http://127.0.0.1:4000, not "${text}".`);
  }
  return url;
}
