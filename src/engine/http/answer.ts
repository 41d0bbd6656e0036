import { Readable } from "node:stream";
import { parse as parseDisposition } from "content-disposition";
import { WfError } from "../../errors.ts";
import type { Value } from "../../value.ts";
import type { HttpRequest } from "../../workflow/definition.ts";
import type { FileStore } from "../files.ts";
import { decodedChunks } from "./decode.ts";

/** Deeper JSON would overflow the stack of whatever walks it later. */
const MAX_JSON_DEPTH = 256;
/** How much of an error's body is kept in the step's error. */
const MAX_ERROR_BODY_BYTES = 64_000;
const MAX_FILE_NAME = 200;

/** An answer whose body has not been read. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: { readonly [name: string]: Value };
  readonly body: Readable;
  /** Where it came from, after redirects. */
  readonly url: URL;
  readonly method: string;
}

/**
 * Reads a body as the step wants it. 204, 304, HEAD and an empty body yield null; an empty file or text stays one where
 * `mode` asks for it.
 *
 * @param limit - Decoded bytes.
 * @throws {@link WfError} `HTTP_RESPONSE_TOO_LARGE`, `HTTP_RESPONSE_MALFORMED`; another error is the connection's
 */
export async function readAnswer(
  answer: Answer,
  options: { readonly mode: HttpRequest["response"]; readonly limit: number; readonly files: FileStore },
): Promise<{ body: Value; bytes: number }> {
  if (answer.method === "HEAD" || answer.statusCode === 204 || answer.statusCode === 304) {
    await discard(answer.body);
    return { body: null, bytes: 0 };
  }
  const type = mediaType(header(answer, "content-type"));
  const mode = options.mode === "auto" ? kindOfType(type.essence) : options.mode;
  let bytes = 0;
  const chunks = counted(decodedChunks(answer.body, header(answer, "content-encoding"), options.limit), (size) => {
    bytes += size;
  });

  if (mode === "file") {
    // Looking at the first chunk keeps an answer without content from becoming an empty file.
    const first = await chunks.next();
    if (first.done === true && options.mode === "auto") return { body: null, bytes };
    const file = await writeFile(first, chunks, options.files, {
      name: fileName(answer),
      mimeType: type.essence === "" ? "application/octet-stream" : type.essence,
    });
    return { body: file, bytes };
  }
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const content = Buffer.concat(parts);
  if (mode === "json") {
    return { body: content.length === 0 ? null : parseJson(decodeText(content, type.charset, true)), bytes };
  }
  const text = content.length === 0 ? "" : decodeText(content, type.charset, false);
  return { body: text === "" && options.mode === "auto" ? null : text, bytes };
}

/** The body of an error answer: JSON where it is whole JSON, else text, at most 64 KB; null for other types. Never throws. */
export async function readErrorBody(answer: Answer): Promise<Value> {
  const type = mediaType(header(answer, "content-type"));
  const kind = type.essence === "" ? "text" : kindOfType(type.essence);
  if (answer.method === "HEAD" || kind === "file") {
    await discard(answer.body);
    return null;
  }
  const kept: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of decodedChunks(
      answer.body,
      header(answer, "content-encoding"),
      MAX_ERROR_BODY_BYTES * 4,
    )) {
      kept.push(chunk.subarray(0, MAX_ERROR_BODY_BYTES - bytes));
      bytes += chunk.length;
      if (bytes >= MAX_ERROR_BODY_BYTES) break;
    }
  } catch {
    // The status is the news; what was read of the body is better than nothing.
  }
  if (kept.length === 0) return null;
  try {
    const text = decodeText(Buffer.concat(kept), type.charset, false);
    if (kind !== "json") return text;
    return parseOr(text);
  } catch {
    return null;
  }
}

function parseOr(text: string): Value {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** Gives the connection back where little is left to read, and drops it otherwise. */
export async function discard(
  body: Readable & { dump?: (options: { limit: number }) => Promise<void> },
): Promise<void> {
  try {
    if (body.dump) await body.dump({ limit: 16_384 });
    else body.destroy();
  } catch {
    // Nobody wants these bytes.
  }
}

function header(answer: Answer, name: string): string {
  const value = answer.headers[name];
  return typeof value === "string" ? value : "";
}

async function* counted(chunks: AsyncGenerator<Buffer>, count: (size: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}

async function writeFile(
  first: IteratorResult<Buffer, unknown>,
  rest: AsyncGenerator<Buffer>,
  files: FileStore,
  about: { name: string; mimeType: string },
): Promise<Value> {
  // The store may wrap an error of the stream; the connection's own is the one that tells what happened.
  let failure: { readonly error: unknown } | undefined;
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (first.done !== true) yield first.value;
      yield* rest;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  try {
    return await files.write(Readable.from(all(), { objectMode: false }), about);
  } catch (error) {
    throw failure ? failure.error : error;
  }
}

function mediaType(contentType: string): { essence: string; charset: string } {
  const essence = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)"?/i.exec(contentType)?.[1] ?? "utf-8";
  return { essence: /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(essence) ? essence : "", charset };
}

const TEXT_TYPES = new Set([
  "application/graphql",
  "application/javascript",
  "application/jsonl",
  "application/jwt",
  "application/sql",
  "application/toml",
  "application/x-ndjson",
  "application/x-www-form-urlencoded",
  "application/x-yaml",
  "application/xml",
  "application/yaml",
]);

function kindOfType(essence: string): "json" | "text" | "file" {
  if (essence === "application/json" || essence === "text/json" || essence.endsWith("+json")) return "json";
  if (essence.startsWith("image/")) return "file";
  return essence.startsWith("text/") || essence.endsWith("+xml") || TEXT_TYPES.has(essence) ? "text" : "file";
}

function decodeText(bytes: Buffer, charset: string, fatal: boolean): string {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charset, { fatal });
  } catch (error) {
    throw new WfError("HTTP_RESPONSE_MALFORMED", `The answer's charset "${charset}" is unknown.`, { cause: error });
  }
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new WfError("HTTP_RESPONSE_MALFORMED", `The answer is not valid ${charset}.`, { cause: error });
  }
}

/** @throws {@link WfError} `HTTP_RESPONSE_MALFORMED` */
function parseJson(text: string): Value {
  if (depthExceeds(text, MAX_JSON_DEPTH)) {
    throw new WfError("HTTP_RESPONSE_MALFORMED", `The answer's JSON is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WfError("HTTP_RESPONSE_MALFORMED", `The answer is not valid JSON: ${reason}`, { cause: error });
  }
}

function depthExceeds(text: string, max: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === 0x22) {
      for (at += 1; at < text.length && text.charCodeAt(at) !== 0x22; at += 1) {
        if (text.charCodeAt(at) === 0x5c) at += 1;
      }
    } else if (char === 0x5b || char === 0x7b) {
      depth += 1;
      if (depth > max) return true;
    } else if (char === 0x5d || char === 0x7d) depth -= 1;
  }
  return false;
}

/** The name that the server gives the file, or the last segment of the URL's path. */
function fileName(answer: Answer): string {
  return (
    baseName(dispositionName(header(answer, "content-disposition"))) || baseName(lastSegment(answer.url)) || "file"
  );
}

function dispositionName(disposition: string): string {
  if (disposition === "") return "";
  try {
    return parseDisposition(disposition).parameters["filename"] ?? "";
  } catch {
    return "";
  }
}

function lastSegment(url: URL): string {
  const segment = url.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** A name only: no folder, no control characters, nothing that means a folder. */
export function baseName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const clean = last.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "");
  const short = clean.trim().slice(0, MAX_FILE_NAME);
  return short === "." || short === ".." ? "" : short.toWellFormed();
}
