/** Header fields that a workflow's expressions yield. No I/O. */
import type { Value } from "../value.ts";
import { isHeaderName, isHeaderValue } from "../workflow/header-syntax.ts";
import { isObject, kindOf } from "./outcome.ts";

const MAX_TOTAL_LENGTH = 32_768;

/** A header map, or what is wrong with it in words that follow a step's name. */
export type HeaderReading =
  | { readonly ok: true; readonly headers: { readonly [name: string]: string } }
  | { readonly ok: false; readonly problem: string };

/** Reads a map of header fields into lower-case names; null leaves a field out, numbers and booleans become text. */
export function readHeaders(value: Value): HeaderReading {
  if (value === null) return { ok: true, headers: {} };
  if (!isObject(value)) return { ok: false, problem: `headers must be a map, got ${kindOf(value)}` };
  const headers = new Map<string, string>();
  let length = 0;
  for (const [name, field] of Object.entries(value)) {
    const shown = JSON.stringify(name.slice(0, 100));
    if (!isHeaderName(name)) return { ok: false, problem: `${shown} is no header name` };
    if (field === null) continue;
    if (typeof field === "object") return { ok: false, problem: `header ${shown} must be text, got ${kindOf(field)}` };
    const text = String(field).trim();
    if (!isHeaderValue(text)) {
      return { ok: false, problem: `the value of header ${shown} has a character that headers cannot carry` };
    }
    if (headers.has(name.toLowerCase())) return { ok: false, problem: `header ${shown} is given twice` };
    headers.set(name.toLowerCase(), text);
    length += name.length + text.length;
  }
  if (length > MAX_TOTAL_LENGTH)
    return { ok: false, problem: `headers are longer than ${MAX_TOTAL_LENGTH} characters` };
  return { ok: true, headers: Object.fromEntries(headers) };
}
