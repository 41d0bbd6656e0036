/** Test data: a saved request, byte-exact or entered by hand. No I/O. */
import type { Capture, CapturedRequest } from "../engine/captures.ts";
import type { Json } from "../json.ts";

/**
 * One saved request of a workflow, as `workflows/<workflow>.testdata/<name>.yaml` and its body's file hold it.
 *
 * @remarks
 * `mocks` and `expect` of the file are not part of it: {@link TestDataFile} hands them on as nodes with positions.
 */
export interface TestData {
  readonly workflowId: string;
  /** See {@link nameProblem}. */
  readonly name: string;
  /** For people. */
  readonly description?: string;
  readonly request: TestRequest;
  /** The capture that it was saved from; absent when it was entered by hand. */
  readonly captured?: { readonly at: string; readonly id: string };
  /** Parts that hold placeholders instead of secrets, with the secrets' names: those are not byte-exact in the file. */
  readonly redacted?: Redacted;
}

/** Names of secrets by part: `url`, `body`, or `headers.<lower-case name>`. */
export type Redacted = { readonly [part: string]: readonly string[] };

export interface TestRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** In the order and case in which they came, repeated ones too. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: TestBody;
  /** The user as whom `wf test` runs it, where the workflow's `auth` would find one. */
  readonly userId?: string;
}

export type TestBody =
  | { readonly kind: "none" }
  /** Raw bytes, kept in a file of their own. */
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  /** Entered by hand in the YAML: a text is sent as it is, everything else as JSON (or as a form, if the headers say so). */
  | { readonly kind: "value"; readonly value: Json };

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** Windows gives these names to devices, whatever follows the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/;

/** Why a text cannot name test data, in words that follow it; undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (!NAME.test(name))
    return "is none of: lower-case letters, digits, `.`, `_` and `-`, at most 64, a letter or digit first";
  if (DEVICE.test(name)) return "names a device on Windows";
  if (name.endsWith(".")) return "ends with a dot, which Windows drops";
  if (name.split(".").includes("body")) return "has the part `body`, by which body files are known";
  return undefined;
}

/**
 * Test data of a capture, byte for byte.
 *
 * @param body - The capture's bytes, as `CaptureStore.body` yields them.
 * @param name - See {@link nameProblem}.
 */
export function testDataFromCapture(capture: Capture, body: Buffer, name: string): TestData {
  return {
    workflowId: capture.workflowId,
    name,
    request: {
      method: capture.method,
      url: capture.url,
      headers: capture.headers,
      body: body.byteLength === 0 ? { kind: "none" } : { kind: "bytes", bytes: body },
    },
    captured: { at: capture.receivedAt, id: capture.id },
  };
}

/**
 * The request as it travels: a body that was entered by hand becomes bytes, with a `content-type` unless the headers name one.
 *
 * @remarks
 * Placeholders of secrets stay as they are: `fillSecrets` replaces them.
 */
export function requestOf({ request }: TestData): CapturedRequest {
  const { method, url, headers, body } = request;
  if (body.kind === "none") return { method, url, headers, body: Buffer.alloc(0) };
  if (body.kind === "bytes") return { method, url, headers, body: body.bytes };
  const type = headerOf(headers, "content-type");
  const bytes = Buffer.from(textOfValue(body.value, type ?? ""));
  if (type !== undefined) return { method, url, headers, body: bytes };
  const guessed = typeof body.value === "string" ? "text/plain; charset=utf-8" : "application/json";
  return { method, url, headers: [...headers, ["content-type", guessed]], body: bytes };
}

function textOfValue(value: Json, type: string): string {
  if (typeof value === "string") return value;
  if (/^application\/x-www-form-urlencoded\b/i.test(type) && typeof value === "object" && value !== null) {
    const fields = Object.entries(value).flatMap(([name, field]) =>
      (Array.isArray(field) ? (field as readonly Json[]) : [field]).map((one): [string, string] => [
        name,
        textOfField(one),
      ]),
    );
    return new URLSearchParams(fields).toString();
  }
  return JSON.stringify(value);
}

function textOfField(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The first header of a name, which is given in lower case. */
export function headerOf(headers: TestRequest["headers"], name: string): string | undefined {
  return headers.find(([one]) => one.toLowerCase() === name)?.[1];
}

/** Names of body files end in what the headers say of the bytes, so that editors and `git diff` treat them well. */
export function bodyFileName(name: string, headers: TestRequest["headers"]): string {
  return `${name}.body.${extensionOf(headers)}`;
}

const EXTENSIONS: { readonly [type: string]: string } = {
  "application/x-www-form-urlencoded": "form",
  "multipart/form-data": "multipart",
  "text/plain": "txt",
  "text/html": "html",
  "text/csv": "csv",
  "application/pdf": "pdf",
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/gif": "gif",
  "application/zip": "zip",
};

function extensionOf(headers: TestRequest["headers"]): string {
  const encoding = headerOf(headers, "content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity") return "bin";
  const type = (headerOf(headers, "content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (/[/+]json$/.test(type)) return "json";
  if (/[/+]xml$/.test(type)) return "xml";
  if (type.startsWith("multipart/")) return "multipart";
  return Object.hasOwn(EXTENSIONS, type) ? (EXTENSIONS[type] ?? "bin") : type.startsWith("text/") ? "txt" : "bin";
}
