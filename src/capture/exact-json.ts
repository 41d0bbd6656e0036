/** JSON whose numbers keep the digits they were written with. No I/O. */
interface RawJson {
  readonly rawJSON: string;
}

/** What TypeScript's library does not know yet: ECMAScript 2026, "JSON.parse source text access". */
const Exact = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

/** A value that {@link writeJson} writes; numbers that JavaScript would change are raw. */
export type ExactJson = null | boolean | number | string | RawJson | ExactJson[] | { [key: string]: ExactJson };

/** @throws SyntaxError */
export function readJson(text: string): ExactJson {
  return Exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? Exact.rawJSON(source) : value,
  ) as ExactJson;
}

/** @param like - A text whose indentation and surrounding white space the new one takes over. */
export function writeJson(value: ExactJson, like: string): string {
  const indent = /^\s*[[{]\r?\n([ \t]{1,10})/.exec(like)?.[1] ?? "";
  return (
    (/^\s*/.exec(like)?.[0] ?? "") + JSON.stringify(value, null, indent) + (/\s*$/.exec(like.trimStart())?.[0] ?? "")
  );
}

export function isJsonMap(value: ExactJson): value is { [key: string]: ExactJson } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Exact.isRawJSON(value);
}
