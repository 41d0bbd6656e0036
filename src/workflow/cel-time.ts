/** Points in time and stretches of it. No clock: an expression yields the same each time. No I/O. */
import type { CallSite, CelFunctions } from "./cel-function.ts";
import { textArgument, wrongArgument } from "./cel-function.ts";
import { timestampAt } from "./cel-operators.ts";
import { Duration, failure, Timestamp } from "./cel-value.ts";
import type { CelValue } from "./cel-value.ts";

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;
const OFFSET = /^([+-]?)(\d{2}):(\d{2})$/;
const DURATION = /^([+-]?)((?:\d{1,15}(?:\.\d{1,9})?(?:ms|us|ns|d|h|m|s))+)$/;
const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  d: DAY_MS,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

export const TIME_METHODS: CelFunctions = {
  getFullYear: part((date) => date.getUTCFullYear()),
  getMonth: part((date) => date.getUTCMonth()),
  getDate: part((date) => date.getUTCDate()),
  getDayOfMonth: part((date) => date.getUTCDate() - 1),
  getDayOfWeek: part((date) => date.getUTCDay()),
  getDayOfYear: part((date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS)),
  getHours: part((date) => date.getUTCHours(), 3_600_000),
  getMinutes: part((date) => date.getUTCMinutes(), 60_000),
  getSeconds: part((date) => date.getUTCSeconds(), 1_000),
  getMilliseconds: part((date) => date.getUTCMilliseconds(), 1),
};

/** `timestamp(x)`: an ISO 8601 date (midnight UTC) or date-time with zone, or seconds since 1970. */
export function toTimestamp(args: readonly CelValue[], site: CallSite): Timestamp {
  const [value] = args;
  if (value instanceof Timestamp) return value;
  if (typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value))) {
    return timestampAt(Math.floor(Number(value) * 1_000));
  }
  if (typeof value !== "string") throw wrongArgument(args, 0, site, "a text or a number of seconds");
  const ms = parseTime(value);
  if (ms !== undefined) return timestampAt(ms);
  throw failure(
    `\`${site.texts[0]}\` is not a date-time`,
    "timestamp(…) reads ISO 8601 with a zone, for example 2026-01-31T09:30:00Z or 2026-01-31.",
  );
}

function parseTime(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "0", zone = "Z"] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // Date turns 30 February into 2 March; no such day was meant.
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, "0").slice(0, 3)));
  return date.getTime() - (offsetMs(zone) ?? 0);
}

function offsetMs(zone: string): number | undefined {
  const match = OFFSET.exec(zone);
  if (!match) return undefined;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 3_600_000 + Number(match[3]) * 60_000);
}

/** `duration(x)`: `90s`, `1h30m`, `250ms`, `-2d`. */
export function toDuration(args: readonly CelValue[], site: CallSite): Duration {
  const [value] = args;
  if (value instanceof Duration) return value;
  const match = DURATION.exec(textArgument(args, 0, site));
  if (!match) {
    throw failure(`\`${site.texts[0]}\` is not a duration`, "duration(…) reads for example 250ms, 90s, 1h30m or 7d.");
  }
  let ms = 0;
  for (const [, amount, unit] of (match[2] ?? "").matchAll(/([\d.]+)([a-z]+)/g))
    ms += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return new Duration(match[1] === "-" ? -ms : ms);
}

/** @param unitMs - For durations: the whole stretch in this unit. Undefined where a duration has no such part. */
function part(read: (date: Date) => number, unitMs?: number): CelFunctions[string] {
  return {
    arity: [1, 2],
    apply(args, site, budget) {
      const [value] = args;
      budget.spend(1);
      if (value instanceof Duration && unitMs !== undefined && args.length === 1)
        return BigInt(Math.trunc(value.ms / unitMs));
      if (!(value instanceof Timestamp)) throw wrongArgument(args, 0, site, "a timestamp");
      if (args.length === 1) return BigInt(read(new Date(value.ms)));
      budget.spend(50);
      return BigInt(read(new Date(value.ms + zoneOffsetMs(textArgument(args, 1, site), value.ms))));
    },
  };
}

function zoneOffsetMs(zone: string, ms: number): number {
  const fixed = offsetMs(zone);
  if (fixed !== undefined) return fixed;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  } catch {
    throw failure(`\`${zone.slice(0, 60)}\` is not a time zone`, "For example Europe/Berlin, UTC or +02:00.");
  }
  const name = format.formatToParts(ms).find((entry) => entry.type === "timeZoneName")?.value ?? "";
  return offsetMs(name.slice(3)) ?? 0;
}
