/** The general form: one code in one header, over a content that a template spells out. */
import { randomUUID } from "node:crypto";
import { checkTime, fieldOf, isSame, type MacAlgorithm, type MacEncoding, macOf, NO_MATCH, NO_SECRET } from "./mac.ts";
import { refuse, secondsOf } from "./mac.ts";
import type { SignatureScheme, SignedRequest } from "./scheme.ts";

type TimeFormat = "seconds" | "milliseconds" | "iso";

export interface HmacOptions {
  /** The header that carries the signature. */
  readonly header: string;
  /** @defaultValue sha256 */
  readonly algorithm?: MacAlgorithm;
  /** @defaultValue hex */
  readonly encoding?: MacEncoding;
  /** Stands before the code in the header, for example `sha256=`. @defaultValue none */
  readonly prefix?: string;
  /** Where the time of sending stands; `format` is since 1970, or ISO 8601. @defaultValue none: signatures never age */
  readonly timestamp?: { readonly header: string; readonly format: TimeFormat };
  /** The header that carries the delivery's id. @defaultValue none */
  readonly id?: string;
  /** What is signed, from {@link parseContent}. @defaultValue `{timestamp}.{body}` with a timestamp, else `{body}` */
  readonly content?: SignedContent;
}

const CONTENT_NAMES = ["timestamp", "id", "body", "url"] as const;
export type ContentName = (typeof CONTENT_NAMES)[number];

/** Literal texts and names in turn. */
export type SignedContent = readonly (string | { readonly name: ContentName })[];

/**
 * Reads a template such as `v0:{timestamp}:{body}`.
 *
 * @returns The content, or the word in braces that is no name of a part.
 */
export function parseContent(template: string): SignedContent | { readonly unknown: string } {
  const content: (string | { name: ContentName })[] = [];
  let at = 0;
  for (const match of template.matchAll(/\{([^{}]*)\}/g)) {
    const name = CONTENT_NAMES.find((one) => one === match[1]);
    if (name === undefined) return { unknown: match[1] ?? "" };
    if (match.index > at) content.push(template.slice(at, match.index));
    content.push({ name });
    at = match.index + match[0].length;
  }
  if (at < template.length) content.push(template.slice(at));
  return content;
}

export function contentHas(content: SignedContent, name: ContentName): boolean {
  return content.some((part) => typeof part === "object" && part.name === name);
}

/** Makes the scheme that the options describe. */
export function hmacScheme(options: HmacOptions): SignatureScheme {
  const { header, algorithm = "sha256", encoding = "hex", prefix = "", timestamp, id } = options;
  const content = options.content ?? (timestamp === undefined ? BODY : TIME_AND_BODY);

  function signatureOf(request: SignedRequest, secret: string, time: string, deliveryId: string): string {
    const parts = { timestamp: time, id: deliveryId, body: request.body, url: request.url };
    return macOf(
      algorithm,
      secret,
      content.map((part) => (typeof part === "string" ? part : parts[part.name])),
      encoding,
    );
  }

  return {
    headers: [header.toLowerCase()],
    sign(request, secret, nowMs, { id: given } = {}) {
      const time = timestamp === undefined ? "" : writeTime(timestamp.format, nowMs);
      const deliveryId = id === undefined ? "" : (given ?? randomUUID());
      return {
        ...(id !== undefined && { [id]: deliveryId }),
        ...(timestamp !== undefined && { [timestamp.header]: time }),
        [header]: `${prefix}${signatureOf(request, secret, time, deliveryId)}`,
      };
    },
    verify(request, secrets, nowMs, { toleranceMs } = {}) {
      if (secrets.length === 0) return NO_SECRET;
      const received = fieldOf(request, header);
      if (received === undefined) return refuse(`the header ${header} is missing`);
      if (!received.startsWith(prefix)) return refuse(`the header ${header} does not begin with ${prefix}`);
      const time = timestamp && fieldOf(request, timestamp.header);
      if (timestamp !== undefined && time === undefined) return refuse(`the header ${timestamp.header} is missing`);
      const deliveryId = id === undefined ? undefined : fieldOf(request, id);
      if (id !== undefined && deliveryId === undefined && contentHas(content, "id")) {
        return refuse(`the header ${id} is missing`);
      }
      const code = canonical(received.slice(prefix.length), encoding);
      const matches = secrets.filter((secret) =>
        isSame(canonical(signatureOf(request, secret, time ?? "", deliveryId ?? ""), encoding), code),
      );
      if (matches.length === 0) return NO_MATCH;
      if (timestamp !== undefined) {
        const signedMs = readTime(timestamp.format, time ?? "");
        if (signedMs === undefined)
          return refuse(`the header ${timestamp.header} holds no time in ${timestamp.format}`);
        const late = checkTime(signedMs, nowMs, toleranceMs);
        if (late !== undefined) return late;
      }
      const identity = deliveryId ?? (timestamp === undefined ? undefined : code);
      return identity === undefined ? { ok: true } : { ok: true, deliveryId: identity };
    },
  };
}

const BODY: SignedContent = [{ name: "body" }];
const TIME_AND_BODY: SignedContent = [{ name: "timestamp" }, ".", { name: "body" }];

/** Senders differ in the case of hexadecimal digits and in the padding of base64, and mean the same. */
function canonical(code: string, encoding: MacEncoding): string {
  return encoding === "hex" ? code.toLowerCase() : code.replace(/={1,2}$/, "");
}

function writeTime(format: TimeFormat, nowMs: number): string {
  if (format === "iso") return new Date(nowMs).toISOString();
  return String(format === "seconds" ? Math.floor(nowMs / 1000) : nowMs);
}

function readTime(format: TimeFormat, text: string): number | undefined {
  if (format === "seconds") return secondsOf(text);
  if (format === "milliseconds") return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
