/** Keeps secrets out of saved test data, and puts them back before it is sent. No I/O. */
import { isCredentialHeader } from "../engine/http/headers.ts";
import { WfError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { TestBody, TestData, TestRequest } from "./test-data.ts";

/** Values of secrets by name. */
export type SecretValues = { readonly [name: string]: string | undefined };

/** Shorter values are left: they would turn ordinary text into placeholders. */
const MIN_LENGTH = 6;

/** How a secret may be spelled in a request, by the function that a placeholder names; the first that fits is taken. */
const SPELLINGS: ReadonlyMap<string, (value: string) => string> = new Map([
  ["", (value: string) => value],
  ["json", (value: string) => JSON.stringify(value).slice(1, -1)],
  // PHP's json_encode escapes slashes too.
  ["json.slashes", (value: string) => JSON.stringify(value).slice(1, -1).replaceAll("/", "\\/")],
  ["urlEncode", encodeURIComponent],
  ["formEncode", (value: string) => new URLSearchParams([["", value]]).toString().slice(1)],
  ["base64.encode", (value: string) => Buffer.from(value).toString("base64")],
  ["base64url.encode", (value: string) => Buffer.from(value).toString("base64url")],
]);

const PLACEHOLDER = /\$\{\{ ?(?:secrets\.([A-Za-z_]\w*)|([A-Za-z0-9.]+)\(secrets\.([A-Za-z_]\w*)\)) ?\}\}/g;

/**
 * Replaces the values of secrets by placeholders: `${{ secrets.NAME }}`, or `${{ urlEncode(secrets.NAME) }}` and the like
 * where they stand encoded.
 *
 * @remarks
 * `redacted` of the result names each changed part with its secrets; the other parts stay byte-exact. Only those names
 * are filled in again, so that a placeholder which a sender put into a request can fetch no secret.
 *
 * @param secrets - Those that the project knows; values shorter than 6 characters are left.
 * @param options - `credentials` replaces `authorization`, `cookie` and signature headers too, whatever they hold.
 */
export function redactTestData(
  data: TestData,
  secrets: SecretValues,
  options: { readonly credentials?: boolean } = {},
): TestData {
  const found = new Map<string, Set<string>>();
  const replace = replacer(secrets);
  const clean = (part: string, text: string): string => {
    const names = new Set<string>();
    const cleaned = replace(text, names);
    if (names.size > 0) found.set(part, new Set([...(found.get(part) ?? []), ...names]));
    return cleaned;
  };
  const { url, headers, body } = data.request;
  const request: TestRequest = {
    ...data.request,
    url: clean("url", url),
    headers: headers.map(([name, value]) => {
      const part = `headers.${name.toLowerCase()}`;
      const cleaned = clean(part, value);
      const asked = options.credentials && isCredential(name.toLowerCase());
      if (cleaned !== value || (!asked && !hidesSecret(value, replace))) return [name, cleaned];
      const secret = name
        .toUpperCase()
        .replaceAll(/\W|-/g, "_")
        .replace(/^(?=\d)/, "_");
      found.set(part, new Set([secret]));
      return [name, `${schemeOf(value)}\${{ secrets.${secret} }}`];
    }),
    body: mapBody(body, (text) => clean("body", text)),
  };
  if (found.size === 0) return data;
  const redacted = Object.fromEntries([...found].map(([part, names]) => [part, [...names].toSorted()]));
  return { ...data, request, redacted: { ...data.redacted, ...redacted } };
}

/** Lower-case names of headers that carry credentials as they came, not placeholders. */
export function credentialHeaders({ request, redacted }: TestData): string[] {
  const plain = request.headers.filter(([, value]) => value.search(PLACEHOLDER) < 0);
  const names = new Set(plain.map(([name]) => name.toLowerCase()).filter(isCredential));
  return [...names].filter((name) => !Object.hasOwn(redacted ?? {}, `headers.${name}`));
}

/** A secret that test data needs and that is not set. */
interface Missing {
  readonly name: string;
  readonly part: string;
}

/**
 * Puts secrets in the place of their placeholders, in the encoding that each one names.
 *
 * @remarks
 * Captured test data: the names that `redacted` lists. Entered by hand: every name, in the URL, the headers and a body
 * inside the YAML; in a body's file those that `redacted` lists.
 *
 * @param options - `missing: keep` leaves the placeholders of secrets that are not set; `skip` names parts to leave.
 * @throws {@link WfError} `SECRET_MISSING`, which names the secret and the part
 */
export function fillSecrets(
  data: TestData,
  secrets: SecretValues,
  options: { readonly missing?: "refuse" | "keep"; readonly skip?: ReadonlySet<string> } = {},
): TestData {
  const missing: Missing[] = [];
  const fill = (part: string, text: string, any: boolean): string => {
    const names = data.redacted?.[part] ?? [];
    if ((!any && names.length === 0) || options.skip?.has(part)) return text;
    return text.replaceAll(PLACEHOLDER, (whole: string, plain?: string, spelling = "", encoded?: string) => {
      const name = plain ?? encoded ?? "";
      const spell = SPELLINGS.get(spelling);
      if (spell === undefined || (!any && !names.includes(name))) return whole;
      const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
      if (value === undefined) missing.push({ name, part });
      return value === undefined ? whole : bytesAsText(spell(value));
    });
  };
  const { url, headers, body } = data.request;
  const byHand = data.captured === undefined;
  const request: TestRequest = {
    ...data.request,
    url: fill("url", url, byHand),
    headers: headers.map(([name, value]) => [name, fill(`headers.${name.toLowerCase()}`, value, byHand)]),
    body: mapBody(body, (text) => fill("body", text, byHand && body.kind === "value")),
  };
  const [first] = missing;
  if (first && options.missing !== "keep") throw missingSecret(data.name, first);
  const { redacted: _, ...rest } = data;
  return { ...rest, request };
}

function missingSecret(name: string, missing: Missing): WfError {
  const signature = /^headers\..*(?:signature|hmac)/.test(missing.part);
  return new WfError(
    "SECRET_MISSING",
    `Test data "${name}" needs the secret ${missing.name} (${missing.part}), which is not set.`,
    signature
      ? { hint: `Sign it again with --sign <preset>, or set ${missing.name} in the environment or in .env.` }
      : {},
  );
}

/** @returns Replaces in one pass, so that nothing is found inside a placeholder, and notes the names */
function replacer(secrets: SecretValues): (text: string, names: Set<string>) => string {
  const needles = new Map<string, { readonly name: string; readonly placeholder: string }>();
  for (const [name, value] of Object.entries(secrets)) {
    if (value === undefined || value.length < MIN_LENGTH || !/^[A-Za-z_]\w*$/.test(name)) continue;
    for (const [spelling, spell] of SPELLINGS) {
      const needle = bytesAsText(spell(value));
      const reference = spelling === "" ? `secrets.${name}` : `${spelling}(secrets.${name})`;
      if (!needles.has(needle)) needles.set(needle, { name, placeholder: `\${{ ${reference} }}` });
    }
  }
  if (needles.size === 0) return (text) => text;
  // Longest first, so that a value which contains another is replaced whole.
  const sorted = [...needles.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(sorted.map((needle) => needle.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  return (text, names) =>
    text.replaceAll(pattern, (needle) => {
      const known = needles.get(needle);
      if (known) names.add(known.name);
      return known?.placeholder ?? needle;
    });
}

/** Requests are searched as bytes, one character each: bodies need not be text, and headers arrive so. */
function bytesAsText(value: string): string {
  return Buffer.from(value).toString("latin1");
}

function mapBody(body: TestBody, map: (text: string) => string): TestBody {
  if (body.kind === "none") return body;
  if (body.kind === "value") return { kind: "value", value: mapTexts(body.value, map) };
  const text = body.bytes.toString("latin1");
  const mapped = map(text);
  return mapped === text ? body : { kind: "bytes", bytes: Buffer.from(mapped, "latin1") };
}

function mapTexts(value: Json, map: (text: string) => string): Json {
  if (typeof value === "string") {
    const text = bytesAsText(value);
    const mapped = map(text);
    return mapped === text ? value : Buffer.from(mapped, "latin1").toString();
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => mapTexts(item, map));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, map)]));
}

function isCredential(name: string): boolean {
  return isCredentialHeader(name) || name === "set-cookie" || /signature|hmac/.test(name);
}

/** Basic credentials are name and secret, encoded together. */
function hidesSecret(value: string, replace: (text: string, names: Set<string>) => string): boolean {
  const encoded = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(value)?.[1];
  const decoded = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("latin1");
  return replace(decoded, new Set()) !== decoded;
}

/** The scheme tells how to fill the placeholder in. */
function schemeOf(value: string): string {
  return /^(?:bearer|basic|token) +/i.exec(value)?.[0] ?? "";
}
