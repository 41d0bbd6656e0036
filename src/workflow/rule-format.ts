/** The formats that rules know, each checked in time linear in the text. No I/O. */
import { fullFormats } from "ajv-formats/dist/formats.js";

const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_LENGTH = 64;
const MAX_URL_LENGTH = 8_192;

const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+)*$/;
const DOMAIN_LABEL = /^(?!-)[a-z0-9\u0080-\uffff-]{1,63}(?<!-)$/i;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,12})?)?(z|[+-]\d\d(?::?\d\d)?)?$/i;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * An address that mail can be sent to over the internet: a dotted domain is needed, letters beyond ASCII are fine.
 *
 * @see RFC 5321 section 4.5.3.1 (lengths), RFC 6531 (letters beyond ASCII)
 */
export function isEmail(text: string): boolean {
  if (text.length > MAX_EMAIL_LENGTH) return false;
  const at = text.lastIndexOf("@");
  if (at < 1 || at > MAX_LOCAL_LENGTH) return false;
  const labels = text.slice(at + 1).split(".");
  return labels.length > 1 && labels.every((label) => DOMAIN_LABEL.test(label)) && LOCAL_PART.test(text.slice(0, at));
}

/** An absolute http or https URL. */
export function isUrl(text: string): boolean {
  return text.length <= MAX_URL_LENGTH && /^https?:\/\/[^\s\\]+$/i.test(text) && URL.canParse(text);
}

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** An ISO 8601 calendar date alone, or with a time of day, with or without its offset. */
export function isDate(text: string): boolean {
  return text.length === 10 ? isCalendarDate(text) : isDateAndTime(text);
}

/** Several of the package's expressions take quadratic time; no date is this long. */
const MAX_DATE_TIME_LENGTH = 4_096;

const standardDateTime = fullFormats["date-time"] as { validate(text: string): boolean };

/** An ISO 8601 date and time with an offset (RFC 3339). */
export function isDateTime(text: string): boolean {
  return text.length <= MAX_DATE_TIME_LENGTH && standardDateTime.validate(text);
}

/** A rule type that is a text of a certain form. */
export type TextFormat = "date-time" | "date" | "email" | "url" | "uuid";

const CHECKS: readonly (readonly [TextFormat, (text: string) => boolean])[] = [
  ["date-time", isDateTime],
  ["date", isDate],
  ["email", isEmail],
  ["url", isUrl],
  ["uuid", isUuid],
];

const NO_FORMATS: ReadonlySet<TextFormat> = new Set();

/** The rule types that accept the text, besides `string`. */
export function formatsOf(text: string): ReadonlySet<TextFormat> {
  // The shortest of all has six characters (`a@b.co`), and most texts are no format at all.
  if (text.length > MAX_URL_LENGTH || !/[-@:]/.test(text)) return NO_FORMATS;
  const formats = CHECKS.flatMap(([format, check]) => (check(text) ? [format] : []));
  return formats.length === 0 ? NO_FORMATS : new Set(formats);
}

function isDateAndTime(text: string): boolean {
  if (text.length < 16 || text.length > 40 || !/[t ]/i.test(text.charAt(10))) return false;
  return isCalendarDate(text.slice(0, 10)) && isTimeOfDay(text.slice(11));
}

function isCalendarDate(text: string): boolean {
  const match = DATE.exec(text);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const leapDay = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  return day >= 1 && day <= (DAYS_IN_MONTH[month - 1] ?? 0) + leapDay;
}

function isTimeOfDay(text: string): boolean {
  const match = TIME.exec(text);
  if (!match) return false;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 60) return false;
  const offset = match[4] ?? "Z";
  return /^z$/i.test(offset) || (Number(offset.slice(1, 3)) < 24 && Number(offset.slice(-2)) < 60);
}
