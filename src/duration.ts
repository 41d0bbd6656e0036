/** Durations and sizes as settings and workflow files write them. No I/O. */

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 };

/**
 * Reads `500ms`, `30s`, `5m`, `2h`, `7d`.
 *
 * @returns Milliseconds, or undefined when the text is no duration.
 */
export function parseDuration(text: string): number | undefined {
  return measure(text, /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/, DURATION_UNITS_MS);
}

/**
 * Reads `500B`, `64KB`, `10MB`, `1GB` (powers of ten).
 *
 * @returns Bytes, or undefined when the text is no size.
 */
export function parseSize(text: string): number | undefined {
  return measure(text, /^(\d{1,9}(?:\.\d{1,3})?)(B|KB|MB|GB)$/, SIZE_UNITS);
}

function measure(text: string, syntax: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  const match = syntax.exec(text);
  const unit = units[match?.[2] ?? ""];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined;
}

/** Writes a number of bytes for people: `512 B`, `1.2 KB`, `10 MB` (powers of ten). */
export function formatSize(bytes: number): string {
  const unit = (["GB", "MB", "KB"] as const).find((one) => bytes >= (SIZE_UNITS[one] ?? 1));
  return unit === undefined
    ? `${bytes} B`
    : `${(bytes / (SIZE_UNITS[unit] ?? 1)).toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

/** Writes a time span for people: `3 ms`, `1.2 s`, `4 min 5 s`, `2 h 3 min`, `7 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1).replace(/\.0$/, "")} s`;
  if (ms < 3_600_000) return pair(ms, 60_000, "min", 1_000, "s");
  if (ms < 86_400_000) return pair(ms, 3_600_000, "h", 60_000, "min");
  return pair(ms, 86_400_000, "d", 3_600_000, "h");
}

function pair(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const whole = Math.floor(ms / large);
  const rest = Math.floor((ms % large) / small);
  return rest === 0 ? `${whole} ${largeUnit}` : `${whole} ${largeUnit} ${rest} ${smallUnit}`;
}
