import { readFile } from "node:fs/promises";
import { validateHeaderName, validateHeaderValue, type OutgoingHttpHeaders } from "node:http";
import { extname } from "node:path";
import { buffer } from "node:stream/consumers";
import { WfError } from "../errors.ts";

/** What the command line says of the request. */
export interface RequestOptions {
  readonly data?: string;
  readonly query?: readonly string[];
  readonly header?: readonly string[];
  readonly method?: string;
  readonly idempotencyKey?: string;
}

export interface TriggerRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array | undefined;
}

const TYPE_BY_EXTENSION: { readonly [extension: string]: string } = {
  ".json": "application/json",
  ".xml": "application/xml",
  ".txt": "text/plain; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".urlencoded": "application/x-www-form-urlencoded",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".zip": "application/zip",
};

/** @throws {@link WfError} `USAGE` for what cannot be sent */
export async function buildRequest(base: URL, workflow: string, options: RequestOptions): Promise<TriggerRequest> {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/triggers/${encodeURIComponent(workflow)}`;
  for (const [name, value] of (options.query ?? []).map(readQuery)) url.searchParams.append(name, value);
  const headers = readHeaders(options.header ?? []);
  const data = options.data === undefined ? undefined : await readData(options.data, "content-type" in headers);
  if (data?.contentType !== undefined) headers["content-type"] ??= data.contentType;
  if (options.idempotencyKey !== undefined) {
    setHeader(headers, "idempotency-key", options.idempotencyKey, "--idempotency-key");
  }
  return { method: readMethod(options.method ?? "POST"), url, headers, body: data?.bytes };
}

function readMethod(text: string): string {
  const method = text.toUpperCase();
  if (!/^[A-Z]{1,20}$/.test(method) || method === "CONNECT") {
    throw new WfError("USAGE", `--method is an HTTP method like POST or GET, not "${text}".`);
  }
  return method;
}

function readQuery(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new WfError("USAGE", `--query is name=value, not "${text}".`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function readHeaders(texts: readonly string[]): OutgoingHttpHeaders {
  const headers = Object.create(null) as OutgoingHttpHeaders;
  for (const text of texts) {
    const at = text.indexOf(":");
    if (at < 1) throw new WfError("USAGE", `--header is "name: value", not "${text}".`);
    setHeader(headers, text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim(), "--header");
  }
  return headers;
}

function setHeader(headers: OutgoingHttpHeaders, name: string, value: string, option: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw new WfError("USAGE", `${option}: "${name}: ${value}" cannot be an HTTP header.`, {
      hint: "Names consist of letters, digits and hyphens; values hold no line breaks and no characters beyond Latin-1.",
    });
  }
  if (name === "content-length" || name === "transfer-encoding") {
    throw new WfError("USAGE", `${option}: ${name} follows from --data and cannot be set.`);
  }
  const earlier = headers[name];
  headers[name] = earlier === undefined || typeof earlier === "number" ? value : [earlier, value].flat();
}

async function readData(data: string, typed: boolean): Promise<{ bytes: Uint8Array; contentType: string | undefined }> {
  if (data === "-") {
    const bytes = await buffer(process.stdin);
    return { bytes, contentType: guessType(bytes) };
  }
  if (data.startsWith("@")) {
    const path = data.slice(1);
    const bytes = await readDataFile(path);
    return { bytes, contentType: TYPE_BY_EXTENSION[extname(path).toLowerCase()] ?? guessType(bytes) };
  }
  const bytes = Buffer.from(data);
  const jsonError = findJsonError(data);
  if (jsonError !== undefined && /^\s*[[{]/.test(data) && !typed) {
    throw new WfError("USAGE", `--data looks like JSON but is not: ${jsonError}`, {
      hint: `Quote it for the shell, as in --data '{"seats": 3}', read it from a file with --data @file.json, or name its type with --header "content-type: text/plain".`,
    });
  }
  return { bytes, contentType: jsonError === undefined ? "application/json" : "text/plain; charset=utf-8" };
}

async function readDataFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(error);
    throw new WfError("USAGE", `--data @${path} cannot be read: ${reason}.`, {
      hint: "The path is relative to the folder where the command runs.",
      cause: error,
    });
  }
}

function guessType(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "application/octet-stream";
  }
  return findJsonError(text) === undefined ? "application/json" : "text/plain; charset=utf-8";
}

function findJsonError(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
