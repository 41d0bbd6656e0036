/** What came of a request → bytes. */
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { create as contentDisposition } from "content-disposition";
import { WfError } from "../errors.ts";
import type { Reply } from "../engine/engine.ts";
import type { FileStore } from "../engine/files.ts";
import type { Log } from "../log.ts";
import { FileValue } from "../value.ts";
import type { Value } from "../value.ts";
import { SMALL_ANSWER_BYTES, WRITE_STALL_MS } from "./limits.ts";
import {
  isActiveContent,
  isAllowedHeader,
  JSON_TYPE,
  safeFileName,
  safeMediaType,
  TEXT_TYPE,
} from "./static-headers.ts";

/** Which execution an answer is about. */
export interface Accepted {
  readonly executionId: string;
  readonly workflowId: string;
  readonly project: string;
  /** An earlier request with the same idempotency key started it. */
  readonly replayed: boolean;
}

/** Sends 202: recorded, and nothing more to say. */
export function sendAccepted(response: ServerResponse, accepted: Accepted): void {
  const { executionId, workflowId, project, replayed } = accepted;
  // Both ids are of a closed alphabet, so nothing in them needs escaping.
  const body = `{"executionId":"${executionId}","workflowId":"${workflowId}","status":"EXECUTING"}`;
  const headers = [
    "Content-Type",
    JSON_TYPE,
    "Content-Length",
    String(body.length),
    "Location",
    `/projects/${project}/task-history/workflow-executions/${executionId}`,
  ];
  if (replayed) headers.push("Idempotency-Replayed", "true");
  response.writeHead(202, headers);
  response.end(body);
}

/** Sends 542: recorded, but no response step was reached in time. */
export function sendEnqueued(response: ServerResponse, accepted: Accepted, dateSubmitted: string): void {
  const { executionId, workflowId, project, replayed } = accepted;
  const body = JSON.stringify({
    message: "Workflow has been enqueued but has not completed.",
    dateSubmitted,
    projectId: project,
    workflowId,
    executionId,
  });
  response.writeHead(542, "Workflow Enqueued", [
    "Content-Type",
    JSON_TYPE,
    "Content-Length",
    String(Buffer.byteLength(body)),
    ...(replayed ? ["Idempotency-Replayed", "true"] : []),
  ]);
  response.end(body);
}

/**
 * Sends what a workflow answered.
 *
 * @throws {@link WfError} `STORE_FAILED` when the bytes of a file are gone and nothing has been sent; `EXECUTION_FAILED`,
 * `EXECUTION_CANCELLED` when there is no answer
 */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  accepted: Accepted,
  files: FileStore,
  log: Log,
): Promise<void> {
  switch (reply.kind) {
    case "none":
      return sendAccepted(response, accepted);
    case "failed":
      throw new WfError("EXECUTION_FAILED", "The workflow failed before its response.");
    case "cancelled":
      throw new WfError("EXECUTION_CANCELLED", "The execution was cancelled before its response.");
    case "response":
      break;
    default:
      reply satisfies never;
      return;
  }
  const headers = ownHeaders(reply.headers, log);
  if (accepted.replayed) headers.set("idempotency-replayed", "true");
  headers.set("x-content-type-options", "nosniff");
  // The answer is the workflow's own, so the id that finds its execution goes beside it.
  headers.set("x-execution-id", accepted.executionId);
  if (reply.status === 204 || reply.status === 304 || reply.body.kind === "empty") {
    return sendEmpty(response, reply.status, headers);
  }
  switch (reply.body.kind) {
    case "json":
      setDefault(headers, "content-type", JSON_TYPE);
      return sendText(response, reply.status, headers, JSON.stringify(toPlainJson(reply.body.value)));
    case "text":
      setDefault(headers, "content-type", TEXT_TYPE);
      return sendText(response, reply.status, headers, reply.body.text);
    case "file":
      return sendFile(response, reply.status, headers, reply.body.file, files);
    default:
      reply.body satisfies never;
  }
}

/** Files in JSON show what they are, not where their bytes lie. */
export function toPlainJson(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof FileValue) return { name: value.name, mimeType: value.mimeType, size: value.size };
  if (Array.isArray(value)) return (value as readonly Value[]).map(toPlainJson);
  const plain: Record<string, Value> = {};
  for (const [key, entry] of Object.entries(value)) {
    // Plain assignment to this key would set the prototype.
    if (key === "__proto__") Object.defineProperty(plain, key, { value: toPlainJson(entry), enumerable: true });
    else plain[key] = toPlainJson(entry);
  }
  return plain;
}

function ownHeaders(headers: Readonly<Record<string, string>>, log: Log): Map<string, string> {
  const allowed = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    // The response step has checked them; records of older versions and other engines come past here too.
    if (isAllowedHeader(name, value)) allowed.set(name.toLowerCase(), value);
    else log.warn({ header: name }, "A response header that no workflow may set was left out");
  }
  return allowed;
}

function setDefault(headers: Map<string, string>, name: string, value: string): void {
  if (!headers.has(name)) headers.set(name, value);
}

function sendEmpty(response: ServerResponse, status: number, headers: Map<string, string>): void {
  headers.delete("content-type");
  if (status !== 204 && status !== 304) headers.set("content-length", "0");
  response.writeHead(status, [...headers].flat());
  response.end();
}

function sendText(response: ServerResponse, status: number, headers: Map<string, string>, text: string): void {
  const size = Buffer.byteLength(text);
  if (isActiveContent(headers.get("content-type") ?? "")) setDefault(headers, "content-security-policy", "sandbox");
  headers.set("content-length", String(size));
  if (size > SMALL_ANSWER_BYTES) cutOffWhenStalled(response);
  response.writeHead(status, [...headers].flat());
  response.end(text);
}

async function sendFile(
  response: ServerResponse,
  status: number,
  headers: Map<string, string>,
  file: FileValue,
  files: FileStore,
): Promise<void> {
  const isHead = response.req.method === "HEAD";
  const bytes = isHead ? undefined : await files.open(file);
  if (!isHead && bytes === undefined) {
    throw new WfError("STORE_FAILED", `The bytes of file ${JSON.stringify(file.name)} are no longer in the store.`);
  }
  if (response.destroyed) {
    bytes?.destroy();
    return;
  }
  setDefault(headers, "content-type", safeMediaType(file.mimeType));
  setDefault(headers, "content-disposition", contentDisposition(safeFileName(file.name)));
  // Whoever made the file chose its content; a browser that shows it must not run it as a page of this host.
  setDefault(headers, "content-security-policy", "sandbox");
  headers.set("content-length", String(file.size));
  response.writeHead(status, [...headers].flat());
  if (bytes === undefined) {
    response.end();
    return;
  }
  cutOffWhenStalled(response);
  // Fewer or more bytes than announced must not end as a whole answer; the throw breaks the connection off.
  await pipeline(bytes, (chunks: AsyncIterable<Buffer>) => exactly(chunks, file.size), response);
}

async function* exactly(chunks: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let sent = 0;
  for await (const chunk of chunks) {
    sent += chunk.length;
    if (sent > size) break;
    yield chunk;
  }
  if (sent !== size) throw new WfError("STORE_FAILED", `A file of ${size} bytes has other bytes in the store.`);
}

/** Node's timeout counts progress of pending writes, so a slow reader stays and one that takes nothing goes. */
function cutOffWhenStalled(response: ServerResponse): void {
  response.setTimeout(WRITE_STALL_MS, () => response.destroy());
}
