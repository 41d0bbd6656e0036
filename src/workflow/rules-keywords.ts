/** The ajv that rules and body schemas compile with: linear patterns, own formats, bounded errors. No I/O. */
import { _, Ajv2020, type KeywordCxt, Name, type Options } from "ajv/dist/2020.js";
import { fullFormats } from "ajv-formats/dist/formats.js";
import { RE2JS } from "re2js";
import { FileValue } from "../value.ts";
import { compilePattern } from "./pattern.ts";
import { isDate, isDateTime, isEmail, isUrl, isUuid } from "./rule-format.ts";

/** More broken rules than this are counted as "more", not listed. */
export const MAX_VIOLATIONS = 100;

/** Several of ajv-formats' expressions take quadratic time; none of what they describe is this long. */
const MAX_FORMAT_LENGTH = 4_096;

/** Formats of any length: their checks are linear, or they check nothing. */
const UNBOUNDED_FORMATS: ReadonlySet<string> = new Set(["byte", "password", "binary"]);

/** What ajv calls the number of errors so far in the code that it writes. */
const ERROR_COUNT = new Name("errors");

/** Patterns of rules are RE2's own syntax; those of a JSON Schema are JavaScript's, as far as RE2 can express it. */
type PatternSyntax = "re2" | "javascript";

/**
 * @param options - Over the common ones.
 * @returns An instance that never fetches anything, never changes data and never evaluates a backtracking expression.
 */
export function createAjv(syntax: PatternSyntax, options: Options): Ajv2020 {
  const ajv = new Ajv2020({
    strict: false,
    // Infinity is what JSON.parse makes of 1e999.
    strictNumbers: true,
    ownProperties: true,
    logger: false,
    validateSchema: false,
    code: { regExp: Object.assign((source: string) => linearPattern(source, syntax), { code: "linearPattern" }) },
    ...options,
  });
  for (const [name, format] of Object.entries(fullFormats)) ajv.addFormat(name, boundedFormat(name, format));
  ajv.addFormat("date-time", isDateTime);
  ajv.addFormat("email", isEmail);
  ajv.addFormat("url", isUrl);
  ajv.addFormat("http-url", isUrl);
  ajv.addFormat("iso-date", isDate);
  ajv.addFormat("regex", isPattern);
  if (syntax === "re2") ajv.addFormat("uuid", isUuid);
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    validate: (unique: boolean, items: readonly unknown[]) => !unique || allDifferent(items),
  });
  ajv.removeKeyword("multipleOf");
  ajv.addKeyword({ keyword: "multipleOf", type: "number", schemaType: "number", validate: isMultiple });
  return ajv;
}

/** Adds the keywords that only rules use. */
export function addRuleKeywords(ajv: Ajv2020): void {
  ajv.addKeyword({
    keyword: "fileValue",
    schemaType: "string",
    validate: (wanted: string, data: unknown) =>
      data instanceof FileValue ? wanted !== "is-not" : wanted !== "is" && (wanted === "is-not" || data === null),
  });
  ajv.addKeyword({
    keyword: "equalsOneOf",
    schemaType: "array",
    compile: (expected: readonly unknown[]) => {
      const texts = new Set(expected.map(canonical));
      const [only] = expected;
      if (expected.length === 1 && (only === null || typeof only !== "object")) return (data: unknown) => data === only;
      return (data: unknown) => texts.has(canonical(data));
    },
  });
  ajv.addKeyword({ keyword: "onlyFields", type: "object", schemaType: "array", errors: true, compile: onlyFields });
  ajv.addKeyword({
    keyword: "stopAfterErrors",
    schemaType: "boolean",
    // Stands first in the schema of a list's items, whose checks ajv writes into the body of a loop over the list.
    code({ gen }: KeywordCxt) {
      gen.if(_`${ERROR_COUNT} >= ${MAX_VIOLATIONS}`, () => gen.break());
    },
  });
}

interface FieldCheck {
  (data: Record<string, unknown>): boolean;
  errors?: { keyword: string; params: { field: string } }[];
}

function onlyFields(fields: readonly string[]): FieldCheck {
  const known = new Set(fields);
  const check: FieldCheck = (data) => {
    const unknown: { keyword: string; params: { field: string } }[] = [];
    for (const field in data) {
      if (known.has(field) || !Object.hasOwn(data, field)) continue;
      unknown.push({ keyword: "onlyFields", params: { field } });
      if (unknown.length >= MAX_VIOLATIONS) break;
    }
    check.errors = unknown;
    return unknown.length === 0;
  };
  return check;
}

function linearPattern(source: string, syntax: PatternSyntax): { test(text: string): boolean; toString(): string } {
  const pattern = compilePattern(syntax === "re2" ? source : fromJavaScript(source));
  // ajv shares compiled patterns by this text.
  return { test: (text) => pattern.test(text), toString: () => source };
}

/** What RE2 spells otherwise; RE2JS itself knows the rest. */
function fromJavaScript(source: string): string {
  const properties = source.replaceAll(
    /\\(?:([pP])\{(?:(?:gc|General_Category|sc|Script)=)?(\w+)\}|[^])/g,
    (escape: string, sign: string | undefined, name: string | undefined) =>
      sign === undefined ? escape : `\\${sign}{${CATEGORIES[name ?? ""] ?? name}}`,
  );
  return RE2JS.translateRegExp(properties);
}

const CATEGORIES: Readonly<Record<string, string>> = {
  Letter: "L",
  Uppercase_Letter: "Lu",
  Lowercase_Letter: "Ll",
  Mark: "M",
  Number: "N",
  Decimal_Number: "Nd",
  Punctuation: "P",
  Symbol: "S",
  Separator: "Z",
};

function isPattern(source: string): boolean {
  try {
    linearPattern(source, "javascript");
    return true;
  } catch {
    return false;
  }
}

type AjvFormat = Parameters<Ajv2020["addFormat"]>[1];

function boundedFormat(name: string, format: AjvFormat): AjvFormat {
  if (UNBOUNDED_FORMATS.has(name)) return format;
  const check = format instanceof RegExp || typeof format === "function" ? format : undefined;
  const inner = check ?? (typeof format === "object" && "validate" in format ? format.validate : undefined);
  if (inner instanceof RegExp) return (text: string) => text.length <= MAX_FORMAT_LENGTH && inner.test(text);
  if (typeof inner !== "function" || (typeof format === "object" && "type" in format && format.type === "number")) {
    return format;
  }
  const validate = inner as (text: string) => boolean;
  return (text: string) => text.length <= MAX_FORMAT_LENGTH && validate(text);
}

/** Quotients such as 19.99 / 0.01 miss the whole number by a rounding error. */
function isMultiple(factor: number, value: number): boolean {
  const quotient = value / factor;
  return Number.isFinite(quotient) && Math.abs(Math.round(quotient) - quotient) <= 1e-6;
}

/** In linear time, where comparing each pair would take minutes on a long list. */
function allDifferent(items: readonly unknown[]): boolean {
  const seen = new Set<unknown>();
  for (const item of items) seen.add(canonical(item));
  return seen.size === items.length;
}

/** The same text for equal JSON values, whatever the order of their keys. */
function canonical(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${fields.sort().join(",")}}`;
}
