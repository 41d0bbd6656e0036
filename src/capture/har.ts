/** Captures as an HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/). No I/O. */
import type { Capture } from "../engine/captures.ts";

interface HarOptions {
  /** Of the server, for example `http://127.0.0.1:4000`. */
  readonly origin: string;
  readonly version: string;
}

/** @param bodies - Each capture's bytes, in the same order; undefined for those that are gone. */
export function toHar(
  captures: readonly Capture[],
  bodies: readonly (Buffer | undefined)[],
  { origin, version }: HarOptions,
): string {
  const entries = captures.map((capture, at) => entryOf(capture, bodies[at], origin));
  return `${JSON.stringify({ log: { version: "1.2", creator: { name: "wf", version }, entries } }, null, 2)}\n`;
}

function entryOf(capture: Capture, body: Buffer | undefined, origin: string): object {
  const { answer, receivedAt } = capture;
  const took = answer?.durationMs ?? 0;
  return {
    startedDateTime: receivedAt,
    time: took,
    request: requestOf(capture, body, origin),
    response: responseOf(capture),
    cache: {},
    timings: { send: 0, wait: took, receive: 0 },
    _capture: {
      id: capture.id,
      verdict: capture.verdict,
      signature: capture.signature,
      execution: capture.executionId,
    },
  };
}

function requestOf({ method, url, headers, bodySize }: Capture, body: Buffer | undefined, origin: string): object {
  const query = url.indexOf("?");
  const parameters = query === -1 ? [] : [...new URLSearchParams(url.slice(query + 1))];
  return {
    method,
    url: origin + url,
    httpVersion: "HTTP/1.1",
    cookies: [],
    headers: pairs(headers),
    queryString: pairs(parameters),
    headersSize: -1,
    bodySize,
    ...(body === undefined || body.length === 0 ? {} : { postData: postDataOf(body, typeOf(headers)) }),
  };
}

/** HAR has no place for bytes in requests; `_encoding` is what browsers and proxies use. */
function postDataOf(body: Buffer, mimeType: string): object {
  const text = body.toString("utf8");
  return Buffer.from(text).equals(body)
    ? { mimeType, text }
    : { mimeType, text: body.toString("base64"), _encoding: "base64" };
}

function responseOf({ answer }: Capture): object {
  const headers = answer?.headers ?? [];
  return {
    status: answer?.status ?? 0,
    statusText: "",
    httpVersion: "HTTP/1.1",
    cookies: [],
    headers: pairs(headers),
    content: {
      size: answer?.bodySize ?? 0,
      mimeType: typeOf(headers),
      ...(answer?.text === undefined ? {} : { text: answer.text }),
    },
    redirectURL: "",
    headersSize: -1,
    bodySize: answer?.bodySize ?? -1,
  };
}

function pairs(list: readonly (readonly [string, string])[]): object[] {
  return list.map(([name, value]) => ({ name, value }));
}

function typeOf(headers: readonly (readonly [string, string])[]): string {
  return headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
}
