/** A captured request as a curl command that sends the same bytes. No I/O. */
import type { CapturedRequest } from "../engine/captures.ts";

/** curl makes these itself, for the connection at hand. */
const OWN_FIELDS = new Set(["host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect"]);
/** A longer body does not fit on a command line. */
const MAX_CURL_BODY: number = 64 * 1024;

/**
 * Writes the command for a POSIX shell.
 *
 * @param origin - Of the server, for example `http://127.0.0.1:4000`.
 * @returns undefined when the body has more than {@link MAX_CURL_BODY} bytes.
 */
export function toCurl(request: CapturedRequest, origin: string): string | undefined {
  const { method, url, headers, body } = request;
  if (body.length > MAX_CURL_BODY) return undefined;
  // Without these curl reads brackets as ranges and takes `..` out of paths.
  const options = `${/[[\]{}]/.test(url) ? "--globoff " : ""}${/\/\./.test(url) ? "--path-as-is " : ""}`;
  const parts = [`curl ${options}${quote(origin + url)}`];
  // curl takes GET and, with a body, POST by itself; naming HEAD by -X would wait for a body.
  if (method === "HEAD") parts.push("--head");
  else if (method !== (body.length > 0 ? "POST" : "GET")) parts.push(`-X ${quote(method)}`);
  const sent = headers.filter(([name]) => !OWN_FIELDS.has(name.toLowerCase()));
  // `name;` is how curl sends an empty value; `name:` leaves its own header out.
  for (const [name, value] of sent) parts.push(`-H ${quote(value === "" ? `${name};` : `${name}: ${value}`)}`);
  const has = (wanted: string) => sent.some(([name]) => name.toLowerCase() === wanted);
  for (const name of ["accept", "user-agent"]) if (!has(name)) parts.push(`-H '${name}:'`);
  if (body.length === 0) return parts.join(" \\\n  ");
  if (!has("content-type")) parts.push("-H 'content-type:'");
  if (isText(body)) return [...parts, `--data-raw ${quote(body.toString("utf8"))}`].join(" \\\n  ");
  return `echo ${body.toString("base64")} | base64 -d | ${[...parts, "--data-binary @-"].join(" \\\n  ")}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Text that a terminal takes as it is, when it is pasted. */
function isText(body: Buffer): boolean {
  const text = body.toString("utf8");
  return Buffer.from(text).equals(body) && !/[^\P{C}\n]/u.test(text);
}
