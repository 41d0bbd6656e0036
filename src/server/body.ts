/** Request bodies: read under a limit, kept raw, parsed by their content type. */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { FileStore } from "../engine/files.ts";
import { WfError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { FileValue, Value } from "../value.ts";
import { decodeBody, decodersOf, tooLarge } from "./body-encoding.ts";
import { parseJsonBody } from "./json-text.ts";
import { baseName, isMimeType, type MediaType, parseMediaType } from "./media-type.ts";
import { multipartError, parseMultipart, type Part } from "./multipart.ts";
import { FieldList, parseFields } from "./urlencoded.ts";

export interface ReceivedBody {
  /** As it came over the wire: what signatures are made over. */
  readonly raw: Buffer;
  /** After Content-Encoding; the same buffer where there is none. */
  readonly decoded: Buffer;
}

export interface ParsedBody {
  readonly body: Value;
  /** The upload: a binary body, the part named `paragon-file`, or the JSON upload form. */
  readonly file?: FileValue;
  /** JSON text that `body` was parsed from; absent where it holds files or was no JSON. */
  readonly bodyText?: string;
  /** True for urlencoded and multipart bodies, whose fields are text whatever they mean. */
  readonly isText: boolean;
}

const EMPTY = Buffer.alloc(0);
const UPLOAD_PART = "paragon-file";
const OCTETS = "application/octet-stream";

/**
 * Reads a request to its end.
 *
 * @remarks
 * After a rejection the rest of the request is read and thrown away, so that the client gets to see the answer; send it
 * with `Connection: close` to end that.
 *
 * @param limitBytes - Of the bytes received and of the bytes decoded.
 * @param onRaw - Gets the bytes before they are decoded; what it throws is thrown.
 * @throws {@link WfError} `BODY_TOO_LARGE` as soon as it is known; `ENCODING_UNSUPPORTED`; `BODY_MALFORMED` for a body
 * that is cut off, also by a client that went away (nobody waits for the answer then)
 */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
  onRaw?: (raw: Buffer) => Promise<void>,
): Promise<ReceivedBody> {
  try {
    const encoding = request.headers["content-encoding"];
    // Nobody sends a body for nothing, unless its bytes are wanted whatever they mean.
    if (onRaw === undefined) decodersOf(encoding);
    const raw = await readRaw(request, limitBytes);
    if (onRaw !== undefined) await onRaw(raw);
    const decoders = decodersOf(encoding);
    return { raw, decoded: decoders.length === 0 ? raw : await decodeBody(raw, decoders, limitBytes) };
  } catch (error) {
    request.resume();
    throw error;
  }
}

function readRaw(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const announced = request.headers["content-length"];
    if (announced !== undefined && Number(announced) > limitBytes) return reject(tooLarge(limitBytes));
    if (request.destroyed && !request.readableEnded) return reject(cutOff());
    // Nearly all bodies come in one piece, which is then the whole.
    let first: Buffer | undefined;
    let pieces: Buffer[] | undefined;
    let size = 0;
    // The listeners stay: taking four off costs more than the body, and errors that come later must not end the process.
    let settled = false;

    const settle = (error: WfError | undefined): void => {
      if (settled) return;
      settled = true;
      const whole = pieces ? Buffer.concat(pieces, size) : (first ?? EMPTY);
      first = pieces = undefined;
      if (error === undefined) resolve(whole);
      else reject(error);
    };
    const onData = (piece: Buffer): void => {
      if (settled) return;
      size += piece.length;
      if (size > limitBytes) settle(tooLarge(limitBytes));
      else if (first === undefined) first = piece;
      else (pieces ??= [first]).push(piece);
    };
    const onEnd = (): void => settle(request.complete ? undefined : cutOff());
    const onBroken = (): void => {
      if (!settled) settle(cutOff());
    };
    request.on("data", onData).on("end", onEnd).on("close", onBroken).on("error", onBroken);
    return undefined;
  });
}

function cutOff(): WfError {
  return new WfError("BODY_MALFORMED", "The connection ended before the body was complete");
}

/**
 * Parses a body by its content type; without waiting where no file has to be kept.
 *
 * @remarks
 * An empty body is null, except for text (an empty string), urlencoded (no fields) and JSON (malformed, RFC 8259). Without a content type a body is
 * text if it can be, a file otherwise.
 *
 * @param decoded - {@link ReceivedBody.decoded}
 * @param files - Where the bytes of uploads go; they are durable when the promise resolves.
 * @throws {@link WfError} `BODY_MALFORMED`; `ENCODING_UNSUPPORTED` for an unknown charset; the store's own errors
 */
export function parseBody(
  decoded: Buffer,
  contentType: string | undefined,
  files: FileStore,
): ParsedBody | Promise<ParsedBody> {
  if (contentType === "application/json") return parseJson(decoded, files);
  const media = parseMediaType(contentType ?? "");
  const kind = bodyKind(media.type);
  switch (kind) {
    case "json":
      refuseOtherCharset(media, "JSON");
      return parseJson(decoded, files);
    case "urlencoded":
      refuseOtherCharset(media, "Urlencoded");
      return { body: parseUrlencoded(decoded), isText: true };
    case "multipart":
      return parseForm(parseMultipart(decoded, media.parameters.get("boundary")), files);
    case "text":
      return { body: decodeText(decoded, media.parameters.get("charset") ?? "utf-8"), isText: false };
    case "unknown":
      if (decoded.length === 0) return { body: null, isText: false };
      if (isUtf8(decoded) && !decoded.includes(0)) return { body: decoded.toString("utf8"), isText: false };
      return parseBinary(decoded, OCTETS, files);
    case "binary":
      if (decoded.length === 0) return { body: null, isText: false };
      return parseBinary(decoded, isMimeType(contentType ?? "") ? (contentType ?? OCTETS) : OCTETS, files);
    default:
      return kind satisfies never;
  }
}

function bodyKind(type: string): "json" | "urlencoded" | "multipart" | "text" | "unknown" | "binary" {
  if (type === "") return "unknown";
  if (type === "application/json" || type.endsWith("+json") || type === "text/json") return "json";
  if (type === "application/x-www-form-urlencoded") return "urlencoded";
  if (type === "multipart/form-data") return "multipart";
  if (type.startsWith("text/") || type === "application/xml" || type.endsWith("+xml")) return "text";
  if (/^application\/(?:x-)?(?:ndjson|jsonl|json-seq|yaml|graphql|javascript|sql)$/.test(type)) return "text";
  return "binary";
}

function refuseOtherCharset(media: MediaType, what: string): void {
  const charset = media.parameters.get("charset")?.toLowerCase();
  if (charset === undefined || ["utf-8", "utf8", "us-ascii", "ascii"].includes(charset)) return;
  throw new WfError("ENCODING_UNSUPPORTED", `${what} bodies are UTF-8, not ${JSON.stringify(charset.slice(0, 20))}`);
}

function parseJson(decoded: Buffer, files: FileStore): ParsedBody | Promise<ParsedBody> {
  const { value, text } = parseJsonBody(decoded);
  if (!isJsonObject(value)) return { body: value, bodyText: text, isText: false };
  if (isUpload(value)) return keepUpload(value, files).then((file) => ({ body: file, file, isText: false }));
  for (const field in value) {
    if (isUpload(value[field])) return keepUploads(value, files);
  }
  return { body: value, bodyText: text, isText: false };
}

/** The upload form: an object of exactly these four fields, whose bytes it carries in itself. */
interface Upload {
  readonly name: string;
  readonly data: string;
  readonly mimeType: string;
  readonly dataType: "FILE";
}

function isUpload(value: unknown): value is Upload {
  if (value === null || typeof value !== "object") return false;
  const { name, data, mimeType, dataType } = value as { readonly [key: string]: unknown };
  if (dataType !== "FILE" || typeof name !== "string" || typeof data !== "string") return false;
  return typeof mimeType === "string" && Object.keys(value).length === 4;
}

async function keepUploads(body: JsonObject, files: FileStore): Promise<ParsedBody> {
  const fields: Record<string, Value> = { ...body };
  let file: FileValue | undefined;
  for (const [field, value] of Object.entries(body)) {
    if (!isUpload(value)) continue;
    const kept = await keepUpload(value, files, field);
    fields[field] = kept;
    file ??= kept;
  }
  return { body: fields, ...(file && { file }), isText: false };
}

async function keepUpload(upload: Upload, files: FileStore, field?: string): Promise<FileValue> {
  const where = field === undefined ? "The uploaded file" : `The uploaded file in \`${field.slice(0, 40)}\``;
  if (upload.data.length % 2 !== 0 || !/^[\da-f]*$/i.test(upload.data)) {
    throw new WfError("BODY_MALFORMED", `${where} has \`data\` that is not hexadecimal`);
  }
  const mimeType = upload.mimeType === "" ? OCTETS : upload.mimeType;
  if (!isMimeType(mimeType)) throw new WfError("BODY_MALFORMED", `${where} has a \`mimeType\` that is none`);
  return files.write(Buffer.from(upload.data, "hex"), { name: baseName(upload.name), mimeType });
}

function parseUrlencoded(decoded: Buffer): Value {
  if (!isUtf8(decoded)) throw urlencodedError("is not UTF-8");
  return parseFields(decoded.toString("utf8"), urlencodedError);
}

function urlencodedError(reason: string): WfError {
  return new WfError("BODY_MALFORMED", `The urlencoded body ${reason}`);
}

function parseForm(parts: readonly Part[], files: FileStore): ParsedBody | Promise<ParsedBody> {
  if (parts.some(isFile)) return keepForm(parts, files);
  const fields = new FieldList(multipartError);
  for (const part of parts) fields.add(part.name, fieldText(part));
  return { body: fields.values, isText: true };
}

async function keepForm(parts: readonly Part[], files: FileStore): Promise<ParsedBody> {
  // Texts first, so that a malformed form leaves no file behind.
  const texts = parts.map((part) => (isFile(part) ? undefined : fieldText(part)));
  const fields = new FieldList(multipartError);
  let upload: FileValue | undefined;
  for (const [index, part] of parts.entries()) {
    const file = isFile(part) ? await keepPart(part, files) : undefined;
    fields.add(part.name, file ?? texts[index] ?? "");
    if (part.name === UPLOAD_PART) upload ??= file;
  }
  return { body: fields.values, ...(upload && { file: upload }), isText: true };
}

/** Browsers give every file a name; other clients leave it away and say by the type that it is no text. */
function isFile({ fileName, contentType }: Part): boolean {
  if (fileName !== undefined) return true;
  return contentType !== undefined && bodyKind(parseMediaType(contentType).type) === "binary";
}

function keepPart(part: Part, files: FileStore): Promise<FileValue> {
  const mimeType = part.contentType !== undefined && isMimeType(part.contentType) ? part.contentType : OCTETS;
  return files.write(part.bytes, { name: baseName(part.fileName ?? part.name), mimeType });
}

function fieldText(part: Part): string {
  const charset =
    part.contentType === undefined ? undefined : parseMediaType(part.contentType).parameters.get("charset");
  return decodeText(part.bytes, charset ?? "utf-8");
}

function decodeText(bytes: Buffer, charset: string): string {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charset, { fatal: true });
  } catch {
    throw new WfError("ENCODING_UNSUPPORTED", `The charset ${JSON.stringify(charset.slice(0, 20))} is not known`);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WfError("BODY_MALFORMED", `The text is not valid ${decoder.encoding}`);
  }
}

async function parseBinary(bytes: Buffer, mimeType: string, files: FileStore): Promise<ParsedBody> {
  const file = await files.write(bytes, { name: "body", mimeType });
  return { body: file, file, isText: false };
}

function isJsonObject(value: Json): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
