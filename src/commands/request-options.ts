/** The options that describe a request on the command line. */
import { readFile } from "node:fs/promises";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { extname } from "node:path";
import { buffer } from "node:stream/consumers";
import { withField } from "../capture/form-fields.ts";
import { withHeader } from "../capture/request-edit.ts";
import { headerOf } from "../capture/test-data.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import { WfError } from "../errors.ts";

/** What the command line says of the request. */
export interface RequestOptions {
  readonly data?: string;
  readonly query?: readonly string[];
  readonly header?: readonly string[];
  readonly method?: string;
}

/** The options, read. */
export interface RequestParts {
  readonly method: string | undefined;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly data: { readonly bytes: Buffer; readonly contentType: string } | undefined;
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
export async function readRequestOptions(options: RequestOptions): Promise<RequestParts> {
  const headers = (options.header ?? []).map(readHeader);
  const typed = headerOf(headers, "content-type") !== undefined;
  return {
    method: options.method === undefined ? undefined : readMethod(options.method),
    query: (options.query ?? []).map(readQuery),
    headers,
    data: options.data === undefined ? undefined : await readData(options.data, typed),
  };
}

/** Changes a request by the options: names that they give replace those of the request. */
export function withParts(request: CapturedRequest, { method, query, headers, data }: RequestParts): CapturedRequest {
  const [path = "", ...rest] = request.url.split("?");
  let fields = rest.join("?");
  for (const [name, values] of byName(query)) fields = withField(fields, name, values);
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const kept = [...request.headers.filter(([name]) => !given.has(name.toLowerCase())), ...headers];
  const retyped = data !== undefined && !given.has("content-type");
  return {
    method: method ?? request.method,
    url: fields === "" ? path : `${path}?${fields}`,
    headers: retyped
      ? withHeader(withHeader(kept, "content-encoding", undefined), "content-type", data.contentType)
      : kept,
    body: data?.bytes ?? request.body,
  };
}

function byName(fields: RequestParts["query"]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [name, value] of fields) names.set(name, [...(names.get(name) ?? []), value]);
  return names;
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

function readHeader(text: string): [string, string] {
  const at = text.indexOf(":");
  if (at < 1) throw new WfError("USAGE", `--header is "name: value", not "${text}".`);
  const name = text.slice(0, at).trim();
  const value = text.slice(at + 1).trim();
  checkHeader(name, value, "--header");
  return [name, value];
}

/** @throws {@link WfError} `USAGE`, which names the option */
export function checkHeader(name: string, value: string, option: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw new WfError("USAGE", `${option}: "${name}: ${value}" cannot be an HTTP header.`, {
      hint: "Names consist of letters, digits and hyphens; values hold no line breaks and no characters beyond Latin-1.",
    });
  }
  if (/^(?:content-length|transfer-encoding)$/i.test(name)) {
    throw new WfError("USAGE", `${option}: ${name.toLowerCase()} follows from --data and cannot be set.`);
  }
}

async function readData(data: string, typed: boolean): Promise<{ bytes: Buffer; contentType: string }> {
  if (data === "-") {
    const bytes = await buffer(process.stdin);
    return { bytes, contentType: guessType(bytes) };
  }
  if (data.startsWith("@")) {
    const path = data.slice(1);
    const bytes = await readDataFile(path);
    return { bytes, contentType: TYPE_BY_EXTENSION[extname(path).toLowerCase()] ?? guessType(bytes) };
  }
  const jsonError = findJsonError(data);
  if (jsonError !== undefined && /^\s*[[{]/.test(data) && !typed) {
    throw new WfError("USAGE", `--data looks like JSON but is not: ${jsonError}`, {
      hint: `Quote it for the shell, as in --data '{"seats": 3}', read it from a file with --data @file.json, or name its type with --header "content-type: text/plain".`,
    });
  }
  const contentType = jsonError === undefined ? "application/json" : "text/plain; charset=utf-8";
  return { bytes: Buffer.from(data), contentType };
}

async function readDataFile(path: string): Promise<Buffer> {
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
