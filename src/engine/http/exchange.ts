import { WfError } from "../../errors.ts";
import { discard } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { RequestBody } from "./body.ts";
import type { Dispatchers } from "./dispatcher.ts";
import { isCredentialHeader, responseHeaders } from "./headers.ts";
import type { RequestHeaders } from "./headers.ts";

/** What goes along to the request's own origin only. */
export interface Credentials {
  /** Lower-case names of headers that carry them besides those known by name. */
  readonly headers: ReadonlySet<string>;
  /** A query parameter that is appended to the URL. */
  readonly query?: { readonly name: string; readonly value: string };
}

/** One request, ready to be sent. */
export interface OutgoingRequest {
  readonly method: string;
  /** Without the credentials' query parameter. */
  readonly url: URL;
  /** True when the host is data: private addresses are refused then. */
  readonly guarded: boolean;
  readonly headers: RequestHeaders;
  readonly body: RequestBody | undefined;
  readonly credentials: Credentials;
  readonly maxRedirects: number;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request and follows redirects (RFC 9110 section 15.4, with the method changes of browsers). A redirect's host
 * is data: from the first that leaves the request's own host, private addresses are refused; from the first that leaves
 * its origin, credentials stay behind.
 *
 * @returns The last answer, its body unread.
 * @throws {@link WfError} `ADDRESS_REFUSED`, `HTTP_FAILED` for redirects that lead nowhere; another error is the
 * connection's, or the signal's reason
 */
export async function exchange(
  request: OutgoingRequest,
  dispatchers: Dispatchers,
  signal: AbortSignal,
): Promise<Answer> {
  let { method, url, guarded, headers, body } = request;
  let credentials: Credentials | undefined = request.credentials;
  for (let followed = 0; ; followed += 1) {
    const answer = await send({ method, url, guarded, headers, body }, credentials, dispatchers, signal);
    const location = answer.headers["location"];
    if (request.maxRedirects === 0 || !REDIRECTS.has(answer.statusCode) || typeof location !== "string") return answer;
    await discard(answer.body);
    if (followed >= request.maxRedirects) {
      throw new WfError("HTTP_FAILED", `${method} ${url.host} failed: more than ${request.maxRedirects} redirects.`);
    }
    const target = redirectTarget(location, url);
    guarded ||= !sameHost(target, url);
    if (target.origin !== url.origin) {
      const own = credentials?.headers;
      headers = new Map(
        [...headers].filter(([name]) => !isCredentialHeader(name) && !own?.has(name) && name !== "host"),
      );
      credentials = undefined;
    }
    if (answer.statusCode === 303 ? method !== "HEAD" : answer.statusCode < 303 && method === "POST") {
      method = "GET";
      body = undefined;
      headers = new Map([...headers].filter(([name]) => !name.startsWith("content-")));
    }
    url = target;
  }
}

async function send(
  request: Pick<OutgoingRequest, "method" | "url" | "guarded" | "headers" | "body">,
  credentials: Credentials | undefined,
  dispatchers: Dispatchers,
  signal: AbortSignal,
): Promise<Answer> {
  const { method, url, body } = request;
  const dispatcher = request.guarded ? dispatchers.guarded : dispatchers.open;
  const headers: [string, string | string[]][] = [...request.headers];
  if (body) {
    if (!request.headers.has("content-type")) headers.push(["content-type", body.contentType]);
    headers.push(["content-length", String(body.length)]);
  }
  const response = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + withQuery(url, credentials?.query).search,
    method,
    headers: Object.fromEntries(headers),
    body: body ? await body.open() : null,
    signal,
  });
  // Destroying a body that nobody reads to its end emits an error; whoever reads it sees errors by reading.
  response.body.on("error", () => {});
  return {
    statusCode: response.statusCode,
    headers: responseHeaders(response.headers),
    body: response.body,
    url,
    method,
  };
}

/** A copy of the URL with the parameter appended, and without the fragment. */
export function withQuery(url: URL, parameter: { readonly name: string; readonly value: string } | undefined): URL {
  const copy = new URL(url);
  copy.hash = "";
  if (parameter) copy.searchParams.append(parameter.name, parameter.value);
  return copy;
}

/** Equal host and port; http and https on their default ports count as equal. */
export function sameHost(a: URL, b: URL): boolean {
  return a.hostname === b.hostname && a.port === b.port;
}

function redirectTarget(location: string, base: URL): URL {
  // Servers send raw UTF-8, which arrives as ISO 8859-1.
  const text = Buffer.from(location, "latin1").toString();
  const target = URL.parse(text.includes("\ufffd") ? location : text, base);
  if (!target) throw new WfError("HTTP_FAILED", `${base.host} redirects to something that is no URL.`);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new WfError("HTTP_FAILED", `${base.host} redirects to ${target.protocol} which is neither http nor https.`);
  }
  target.username = "";
  target.password = "";
  target.hash = "";
  return target;
}
