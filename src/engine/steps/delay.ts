import type { DelayStep } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import type { Value } from "../../value.ts";
import { parseDuration } from "../../duration.ts";
import { failed, kindOf } from "../outcome.ts";
import type { FailedOutcome } from "../outcome.ts";

const DAY_MS = 86_400_000;
const MAX_DELAY_MS = 365 * DAY_MS;
const ISO_TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:T([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;

/**
 * How long a delay step waits, in whole ms; 0 for what is over already.
 *
 * @param now - Asked only where the step waits until a time.
 */
export function delayMs(step: DelayStep, scope: Scope, now: () => number): number | FailedOutcome {
  const value = step.delay.value.evaluate(scope);
  const ms = step.delay.kind === "for" ? readDuration(value) : untilMs(value, now);
  if (ms === undefined) {
    const wanted =
      step.delay.kind === "for"
        ? "a duration such as `30s`, or milliseconds"
        : "an ISO 8601 time such as `2026-01-31T09:00:00Z`";
    return failed("STEP_INVALID", `\`delay\` of step \`${step.id}\` needs ${wanted}, got ${kindOf(value)}`);
  }
  if (ms > MAX_DELAY_MS) return failed("STEP_INVALID", `\`delay\` of step \`${step.id}\` is longer than 365 d`);
  return Math.ceil(Math.max(0, ms));
}

function readDuration(value: Value): number | undefined {
  if (typeof value === "number") return Number.isNaN(value) ? undefined : value;
  return typeof value === "string" ? parseDuration(value.trim()) : undefined;
}

function untilMs(value: Value, now: () => number): number | undefined {
  const time = typeof value === "string" ? parseTime(value.trim()) : undefined;
  return time === undefined ? undefined : time - now();
}

/** A time without an offset is UTC: it must not depend on the machine that happens to run the step. */
function parseTime(text: string): number | undefined {
  const match = ISO_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day] = match;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  // `Date` takes 31 February for a day in March.
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return undefined;
  if (!text.includes("T")) return date.getTime();
  const hasOffset = /(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  const time = Date.parse(hasOffset ? text : `${text}Z`);
  return Number.isNaN(time) ? undefined : time;
}
