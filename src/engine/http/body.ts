import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { WfError } from "../../errors.ts";
import { FileValue } from "../../value.ts";
import type { Value } from "../../value.ts";
import type { HttpBody } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import type { FileStore } from "../files.ts";
import { checkHeaderValue, fields, kindOf, scalarText } from "./headers.ts";

/** A request body that can be sent again: a redirect or a renewed token repeats the request. */
export interface RequestBody {
  /** Sent unless the step's headers name another. */
  readonly contentType: string;
  /** In bytes. */
  readonly length: number;
  /** As the record shows it. */
  readonly shown: Value;
  open(): Promise<Buffer | Readable>;
}

/** The body's value before it is encoded; pagination may add its token to a map. */
export interface BodyValue {
  readonly kind: HttpBody["kind"];
  readonly value: Value;
}

export function evaluateBody(body: HttpBody, scope: Scope): BodyValue {
  const template = body.kind === "form" ? body.fields : body.kind === "multipart" ? body.parts : body.value;
  return { kind: body.kind, value: template.evaluate(scope) };
}

/**
 * @param seed - Makes the multipart boundary: the same for every attempt at the same step, so that a repeated request
 * has the same bytes.
 * @throws {@link WfError} `STEP_INVALID`
 */
export function encodeBody(body: BodyValue, files: FileStore, seed: string): RequestBody {
  switch (body.kind) {
    case "json":
      refuseFiles(body.value, "json");
      return whole("application/json", JSON.stringify(body.value), body.value);
    case "form": {
      const form = new URLSearchParams();
      for (const [name, value] of fields(body.value, "form")) {
        for (const text of texts(value, `form field ${name}`)) form.append(name, text);
      }
      return whole("application/x-www-form-urlencoded", form.toString(), body.value);
    }
    case "multipart":
      return multipart(body.value, files, seed);
    case "raw":
      break;
  }
  if (body.value instanceof FileValue) return fileBody(body.value, files);
  if (typeof body.value === "string") return whole("text/plain; charset=utf-8", body.value, body.value);
  throw new WfError("STEP_INVALID", `\`raw\` must be a text or a file, not ${kindOf(body.value)}.`);
}

/** One text, or a list of texts for a repeated name; null is left out. */
export function texts(value: Value, what: string): string[] {
  const list = Array.isArray(value) ? (value as readonly Value[]) : [value];
  return list.filter((item) => item !== null).map((item) => scalarText(item, what));
}

function whole(contentType: string, text: string, shown: Value): RequestBody {
  const bytes = Buffer.from(text);
  return { contentType, length: bytes.length, shown, open: () => Promise.resolve(bytes) };
}

function fileBody(file: FileValue, files: FileStore): RequestBody {
  return { contentType: file.mimeType, length: file.size, shown: file, open: () => openFile(file, files) };
}

async function openFile(file: FileValue, files: FileStore): Promise<Readable> {
  const stream = await files.open(file);
  if (!stream) throw new WfError("STORE_FAILED", `The bytes of the file "${file.name}" are gone from the store.`);
  return stream;
}

function refuseFiles(value: Value, key: string): void {
  if (value instanceof FileValue) {
    throw new WfError(
      "STEP_INVALID",
      `\`${key}\` holds the file "${value.name}", which JSON cannot; send it with \`multipart\` or \`raw\`.`,
    );
  }
  if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value) as readonly Value[]) refuseFiles(item, key);
  }
}

type Part = { readonly head: string } & ({ readonly bytes: Buffer } | { readonly file: FileValue });

/** RFC 7578, with names escaped as browsers do. */
function multipart(value: Value, files: FileStore, seed: string): RequestBody {
  const boundary = `wf-${createHash("sha256").update(seed).digest("hex").slice(0, 40)}`;
  const parts: Part[] = [];
  for (const [name, content] of fields(value, "multipart")) {
    const list = Array.isArray(content) ? (content as readonly Value[]) : [content];
    for (const item of list) if (item !== null) parts.push(encodePart(name, item));
  }
  const heads = parts.map(({ head }) => Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`));
  const end = Buffer.from(`--${boundary}--\r\n`);
  const length =
    parts.reduce((sum, item, at) => {
      return sum + (heads[at]?.length ?? 0) + ("file" in item ? item.file.size : item.bytes.length) + 2;
    }, 0) + end.length;
  async function* encode(): AsyncGenerator<Buffer> {
    for (const [at, item] of parts.entries()) {
      yield heads[at] ?? Buffer.alloc(0);
      if ("bytes" in item) yield item.bytes;
      else for await (const chunk of await openFile(item.file, files)) yield chunk as Buffer;
      yield Buffer.from("\r\n");
    }
    yield end;
  }
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length,
    shown: value,
    open: () => Promise.resolve(Readable.from(encode(), { objectMode: false })),
  };
}

function encodePart(name: string, value: Value): Part {
  const disposition = `Content-Disposition: form-data; name="${quoted(name)}"`;
  const { file, name: fileName, type } = fileOf(value, name);
  if (file === undefined) return { head: disposition, bytes: Buffer.from(partText(value, name)) };
  return {
    head: `${disposition}; filename="${quoted(fileName)}"\r\nContent-Type: ${checkHeaderValue("Content-Type", type)}`,
    file,
  };
}

function fileOf(value: Value, field: string): { file: FileValue | undefined; name: string; type: string } {
  if (value instanceof FileValue) return { file: value, name: value.name, type: value.mimeType };
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const { file, name = null, type = null } = value as { readonly [key: string]: Value };
    if (file instanceof FileValue) {
      return {
        file,
        name: name === null ? file.name : scalarText(name, `file name of the part ${field}`),
        type: type === null ? file.mimeType : scalarText(type, `type of the part ${field}`),
      };
    }
  }
  return { file: undefined, name: "", type: "" };
}

/** Maps go as JSON text, which is what form fields that hold structure are by convention. */
function partText(value: Value, name: string): string {
  if (typeof value !== "object" || value === null) return scalarText(value, `part ${name}`);
  refuseFiles(value, `multipart.${name}`);
  return JSON.stringify(value);
}

function quoted(name: string): string {
  return name.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22");
}
