/** Changes of one part of a request, as `--set body.email=x` names them. No I/O. */
import type { CapturedRequest } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { isHeaderName, isHeaderValue } from "../workflow/header-syntax.ts";
import { type ExactJson, isJsonMap, readJson, writeJson } from "./exact-json.ts";
import { withField } from "./form-fields.ts";
import { headerOf, type TestRequest } from "./test-data.ts";

/** A key of an object, an index of a list, or null for the place behind a list's end. */
type BodyStep = string | number | null;

/** `value` undefined takes the part away. */
export type RequestEdit = { readonly value: ExactJson | undefined } & (
  | { readonly part: "query" | "headers"; readonly name: string }
  | { readonly part: "body"; readonly path: readonly BodyStep[]; readonly text: string }
);

const FORM = `body.email=x, body.items[0].qty:=3, query.page=2 or headers.x-id=7`;

/**
 * Reads `body.<path>=text`, `body.<path>:=<json>`, `query.<name>=…` or `headers.<name>=…`.
 *
 * @remarks
 * A body's path goes through objects (`.key`, `["any key"]`) and lists (`[0]`, `.0`, `[]` for the end). Names of queries and headers
 * are taken as they are, dots and brackets too.
 *
 * @throws {@link WfError} `USAGE`
 */
export function parseSet(text: string): RequestEdit {
  const target = parseTarget(text, "--set");
  const operator = /^:?=/.exec(target.rest)?.[0];
  if (operator === undefined) throw usage(`--set is <part>=<value>, not "${text}".`);
  const given = target.rest.slice(operator.length);
  return { ...target.edit, value: operator === "=" ? given : parseValue(given) } as RequestEdit;
}

/** Reads `body.<path>`, `query.<name>` or `headers.<name>`. @throws {@link WfError} `USAGE` */
export function parseUnset(text: string): RequestEdit {
  const { edit, rest } = parseTarget(text, "--unset");
  if (rest !== "") throw usage(`--unset is the name of a part, not "${text}".`);
  return { ...edit, value: undefined } as RequestEdit;
}

function parseTarget(text: string, option: string): { edit: object; rest: string } {
  const named = /^(query|headers)\.((?:[^:=]|:(?!=))+)/.exec(text);
  if (named) {
    const name = named[2] ?? "";
    if (named[1] === "headers") checkHeaderName(name, option);
    return { edit: { part: named[1], name }, rest: text.slice(named[0].length) };
  }
  if (!/^body(?![\w-])/.test(text))
    throw usage(`${option} names a part of the body, the query or the headers, not "${text}".`);
  const path: BodyStep[] = [];
  const step = /\[(\d{0,9})\]|\[("(?:[^"\\]|\\.)*")\]|\.((?:[^.[:=]|:(?!=))+)/y;
  step.lastIndex = "body".length;
  let at = step.lastIndex;
  for (let match = step.exec(text); match; match = step.exec(text)) {
    const [, index, quoted, key] = match;
    if (index !== undefined) path.push(index === "" ? null : Number(index));
    else path.push(quoted === undefined ? (key ?? "") : parseKey(quoted));
    at = step.lastIndex;
  }
  return { edit: { part: "body", path, text: text.slice(0, at) }, rest: text.slice(at) };
}

function checkHeaderName(name: string, option: string): void {
  if (!isHeaderName(name)) throw usage(`${option}: "${name}" cannot be a header's name.`);
  if (/^(?:content-length|transfer-encoding)$/i.test(name)) {
    throw usage(`${option}: ${name.toLowerCase()} follows from the body and cannot be set.`);
  }
}

function parseValue(text: string): ExactJson {
  try {
    return readJson(text);
  } catch (error) {
    throw usage(
      `--set takes JSON after :=, and this is none: ${(error as Error).message}`,
      "Texts go after = without quotes.",
    );
  }
}

function parseKey(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw usage(`${quoted} is no quoted key.`);
  }
}

function usage(message: string, hint = `For example ${FORM}.`): WfError {
  return new WfError("USAGE", message, { hint });
}

/**
 * Applies a change; what it does not name keeps its spelling, and a body that it does not touch its bytes.
 *
 * @remarks
 * A JSON body is written anew with its indentation and with every number as it was; a form keeps its other fields.
 *
 * @throws {@link WfError} `USAGE` where the body is neither JSON nor a form, or has no such place
 */
export function editRequest(request: CapturedRequest, edit: RequestEdit): CapturedRequest {
  if (edit.part === "body") return editBody(request, edit);
  if (edit.part === "headers") {
    return { ...request, headers: withHeader(request.headers, edit.name, textOf(edit.value)) };
  }
  const [path = "", ...rest] = request.url.split("?");
  const query = withField(rest.join("?"), edit.name, textsOf(edit.value));
  return { ...request, url: query === "" ? path : `${path}?${query}` };
}

/** Sets a header: the first of its name gets the value, others of that name go; a new one comes last. @throws {@link WfError} `USAGE` */
export function withHeader(
  headers: TestRequest["headers"],
  name: string,
  value: string | undefined,
): TestRequest["headers"] {
  const isOther = ([one]: readonly [string, string]): boolean => one.toLowerCase() !== name.toLowerCase();
  const first = headers.find((header) => !isOther(header));
  const others = headers.filter(isOther);
  if (value === undefined) return others;
  if (!isHeaderValue(value)) {
    throw usage(
      `The value of the header ${name} holds a character that headers cannot carry.`,
      "Nothing beyond Latin-1, no line breaks.",
    );
  }
  const at = first ? headers.indexOf(first) : others.length;
  return others.toSpliced(at, 0, [first?.[0] ?? name, value]);
}

function textOf(value: ExactJson | undefined): string | undefined {
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

function textsOf(value: ExactJson | undefined): string | string[] | undefined {
  return Array.isArray(value) ? value.map((one) => textOf(one) ?? "") : textOf(value);
}

type BodyEdit = RequestEdit & { readonly part: "body" };

function editBody(request: CapturedRequest, edit: BodyEdit): CapturedRequest {
  const { headers, body } = request;
  const type = headerOf(headers, "content-type") ?? "";
  const encoding = headerOf(headers, "content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw usage(
      `${edit.text}: the body is encoded (${encoding}) and cannot be changed.`,
      "Send a whole body with --data.",
    );
  }
  const text = body.toString();
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
    const name = edit.text.slice("body.".length);
    if (name === "") throw usage(`${edit.text}: a form has fields.`, "For example --set body.email=x.");
    return { ...request, body: Buffer.from(withField(text, name, textsOf(edit.value))) };
  }
  const isEmpty = body.byteLength === 0;
  const value = isEmpty ? undefined : parseBody(edit, text, type);
  const edited = change(edit, value, edit.path);
  const typed = type === "" ? withHeader(headers, "content-type", "application/json") : headers;
  return { ...request, headers: typed, body: Buffer.from(edited === undefined ? "" : writeJson(edited, text)) };
}

function parseBody(edit: BodyEdit, text: string, type: string): ExactJson {
  try {
    return readJson(text);
  } catch {
    const what = type === "" ? "has no content type" : `is ${type.split(";", 1)[0]}`;
    throw usage(
      `${edit.text}: only a JSON or form body can be changed; this one ${what}.`,
      "Send a whole body with --data.",
    );
  }
}

/** @returns The value with the change in it; undefined for nothing */
function change(edit: BodyEdit, value: ExactJson | undefined, path: readonly BodyStep[]): ExactJson | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return edit.value;
  if (Array.isArray(value)) return changeList(edit, value, step, rest);
  if (value === undefined || value === null) {
    if (edit.value === undefined) return value;
    return typeof step === "string" ? changeMap(edit, {}, step, rest) : changeList(edit, [], step, rest);
  }
  if (typeof step === "string" && isJsonMap(value)) return changeMap(edit, value, step, rest);
  throw usage(
    `${edit.text}: there is no ${typeof step === "string" ? `\`${step}\`` : "list item"} in ${describe(value)}.`,
  );
}

function changeMap(
  edit: BodyEdit,
  map: { [key: string]: ExactJson },
  key: string,
  rest: readonly BodyStep[],
): ExactJson {
  const value = change(edit, Object.hasOwn(map, key) ? map[key] : undefined, rest);
  const others = Object.entries(map);
  const at = others.findIndex(([one]) => one === key);
  if (value === undefined) return Object.fromEntries(others.filter(([one]) => one !== key));
  // From entries, so that `__proto__` is a key like any other.
  return Object.fromEntries(at < 0 ? [...others, [key, value]] : others.with(at, [key, value]));
}

function changeList(edit: BodyEdit, list: readonly ExactJson[], step: BodyStep, rest: readonly BodyStep[]): ExactJson {
  const index = step === null ? list.length : typeof step === "string" && /^\d{1,9}$/.test(step) ? Number(step) : step;
  if (typeof index !== "number")
    throw usage(`${edit.text}: there is no \`${step}\` in a list.`, "For example body.items[0].");
  if (index > list.length || (index === list.length && edit.value === undefined)) {
    throw usage(
      `${edit.text}: the list has ${list.length} items; there is no [${index}].`,
      "The first is [0]; [] is the end.",
    );
  }
  const value = change(edit, list[index], rest);
  return list.toSpliced(index, 1, ...(value === undefined ? [] : [value]));
}

function describe(value: ExactJson): string {
  if (isJsonMap(value)) return "an object";
  if (typeof value === "string") return "a text";
  return typeof value === "boolean" ? String(value) : "a number";
}
