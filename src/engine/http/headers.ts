/** Request headers as an http step builds them, and response headers as it hands them on. No I/O. */
import { WfError } from "../../errors.ts";
import { FileValue } from "../../value.ts";
import type { Value } from "../../value.ts";
import { CONNECTION_FIELDS, isHeaderName, isHeaderValue } from "../../workflow/header-syntax.ts";

/** By lower-case name; a list is sent as repeated lines. */
export type RequestHeaders = Map<string, string | string[]>;

const CREDENTIAL =
  /^(?:authorization|proxy-authorization|cookie)$|api-?key|secret|(?:^|[-_])(?:auth|token|password)(?:$|[-_])/;

/** True for names that carry credentials by convention: never recorded, never sent on to another origin. */
export function isCredentialHeader(name: string): boolean {
  return CREDENTIAL.test(name);
}

/**
 * @returns The headers by lower-case name; null leaves one out.
 * @throws {@link WfError} `STEP_INVALID`
 */
export function readHeaders(value: Value): RequestHeaders {
  const headers: RequestHeaders = new Map();
  for (const [name, content] of fields(value, "headers")) {
    if (content === null) continue;
    const lower = checkHeaderName(name);
    const lines = (Array.isArray(content) ? (content as readonly Value[]) : [content]).map((line) =>
      checkHeaderValue(name, scalarText(line, `header ${name}`)),
    );
    const before = headers.get(lower);
    if (before !== undefined) throw new WfError("STEP_INVALID", `The header ${name} is given twice.`);
    headers.set(lower, lines.length === 1 ? (lines[0] ?? "") : lines);
  }
  return headers;
}

/** @throws {@link WfError} `STEP_INVALID` */
export function checkHeaderName(name: string): string {
  if (!isHeaderName(name)) throw new WfError("STEP_INVALID", `${JSON.stringify(name)} is no header name.`);
  const lower = name.toLowerCase();
  if (CONNECTION_FIELDS.has(lower) || lower === "expect") {
    throw new WfError("STEP_INVALID", `The header ${name} is not the step's to set: wf frames the request itself.`);
  }
  return lower;
}

/** @throws {@link WfError} `STEP_INVALID`; the message holds no value, since it may be a secret */
export function checkHeaderValue(name: string, value: string): string {
  if (!isHeaderValue(value)) {
    throw new WfError(
      "STEP_INVALID",
      `The value of the header ${name} holds a line break, a control character or a character outside ISO 8859-1.`,
    );
  }
  return value;
}

/** @throws {@link WfError} `STEP_INVALID` when the value is no object */
export function fields(value: Value, what: string): [string, Value][] {
  if (value === null) return [];
  if (typeof value !== "object" || Array.isArray(value) || value instanceof FileValue) {
    throw new WfError("STEP_INVALID", `\`${what}\` must be a map, not ${kindOf(value)}.`);
  }
  return Object.entries(value as { readonly [key: string]: Value });
}

/** @throws {@link WfError} `STEP_INVALID` when it is a list, a map or a file */
export function scalarText(value: Value, what: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new WfError("STEP_INVALID", `The ${what} must be a text, a number or a boolean, not ${kindOf(value)}.`);
}

export function kindOf(value: Value): string {
  if (value === null) return "null";
  if (value instanceof FileValue) return "a file";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}

/** As records show them: credentials by name only. */
export function redactedHeaders(headers: RequestHeaders, more: ReadonlySet<string>): { [name: string]: Value } {
  return Object.fromEntries(
    [...headers].map(([name, value]) => [name, isCredentialHeader(name) || more.has(name) ? "[redacted]" : value]),
  );
}

/** Lower-case names; repeated ones joined by `, `, except `set-cookie`, which is always a list. */
export function responseHeaders(headers: { readonly [name: string]: string | string[] | undefined }): {
  readonly [name: string]: Value;
} {
  const entries: [string, Value][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const lines = typeof value === "string" ? [value] : value;
    const lower = name.toLowerCase();
    entries.push([lower, lower === "set-cookie" ? lines : lines.join(", ")]);
  }
  return Object.fromEntries(entries);
}
