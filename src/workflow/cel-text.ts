/** Methods on texts and lists. Positions count UTF-16 units; `size` counts characters. No I/O. */
import type { CallSite, CelFunctions } from "./cel-function.ts";
import { listArgument, textArgument, wholeArgument, wrongArgument } from "./cel-function.ts";
import { checkTextLength, failure, isList, isMap, Optional } from "./cel-value.ts";
import type { Budget, CelValue } from "./cel-value.ts";

export const TEXT_METHODS: CelFunctions = {
  contains: twoTexts((text, part) => text.includes(part)),
  startsWith: twoTexts((text, part) => text.startsWith(part)),
  endsWith: twoTexts((text, part) => text.endsWith(part)),
  lowerAscii: oneText((text) => text.replaceAll(/[A-Z]+/g, (run) => run.toLowerCase())),
  upperAscii: oneText((text) => text.replaceAll(/[a-z]+/g, (run) => run.toUpperCase())),
  trim: oneText((text) => text.trim()),
  size: { arity: [1, 1], apply: sizeOf },
  indexOf: { arity: [2, 3], apply: (args, site, budget) => position(args, site, budget, false) },
  lastIndexOf: { arity: [2, 3], apply: (args, site, budget) => position(args, site, budget, true) },
  substring: { arity: [2, 3], apply: substring },
  charAt: { arity: [2, 2], apply: (args, site) => textArgument(args, 0, site).charAt(wholeArgument(args, 1, site)) },
  replace: { arity: [3, 4], apply: replace },
  split: { arity: [2, 3], apply: split },
  join: { arity: [1, 2], apply: join },
  hasValue: { arity: [1, 1], apply: (args, site) => optionalArgument(args, site).value !== undefined },
  value: { arity: [1, 1], apply: optionalValue },
};

/** Also the function `size(x)`. */
export function sizeOf(args: readonly CelValue[], site: CallSite, budget: Budget): bigint {
  const value = args[0] ?? null;
  if (typeof value === "string") {
    budget.spendOnText(value.length);
    return BigInt(countCharacters(value));
  }
  if (isList(value) || value instanceof Uint8Array) return BigInt(value.length);
  if (isMap(value)) return BigInt(Object.keys(value).length);
  throw wrongArgument(args, 0, site, "text, a list or an object");
}

function characters(text: string): string[] {
  return Array.from(text);
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function oneText(apply: (text: string) => string): CelFunctions[string] {
  return {
    arity: [1, 1],
    apply(args, site, budget) {
      const text = textArgument(args, 0, site);
      budget.spendOnText(text.length);
      return apply(text);
    },
  };
}

function twoTexts(apply: (text: string, part: string) => boolean): CelFunctions[string] {
  return {
    arity: [2, 2],
    apply(args, site, budget) {
      // A list has `contains` in other languages; say what it is called here.
      if (site.name === "contains" && isList(args[0] ?? null)) {
        throw failure(`\`${site.texts[0]}\` is a list`, `Write ${site.texts[1]} in ${site.texts[0]}.`);
      }
      const text = textArgument(args, 0, site);
      budget.spendOnText(text.length);
      return apply(text, textArgument(args, 1, site));
    },
  };
}

function position(args: readonly CelValue[], site: CallSite, budget: Budget, last: boolean): bigint {
  const text = textArgument(args, 0, site);
  const part = textArgument(args, 1, site);
  budget.spendOnText(text.length);
  const from = args.length === 3 ? bounded(wholeArgument(args, 2, site), text.length, site) : undefined;
  return BigInt(last ? text.lastIndexOf(part, from) : text.indexOf(part, from));
}

function bounded(index: number, length: number, site: CallSite): number {
  if (index >= 0 && index <= length) return index;
  throw failure(`${site.name}(…): ${index} lies outside \`${site.texts[0]}\`, which has ${length} characters`);
}

function substring(args: readonly CelValue[], site: CallSite): string {
  const text = textArgument(args, 0, site);
  const start = bounded(wholeArgument(args, 1, site), text.length, site);
  const end = args.length === 3 ? bounded(wholeArgument(args, 2, site), text.length, site) : text.length;
  if (end < start) throw failure(`substring(…): the end ${end} lies before the start ${start}`);
  return text.slice(start, end);
}

function replace(args: readonly CelValue[], site: CallSite, budget: Budget): string {
  const text = textArgument(args, 0, site);
  const replacement = textArgument(args, 2, site);
  const parts = pieces(
    text,
    textArgument(args, 1, site),
    args.length === 4 ? wholeArgument(args, 3, site) : -1,
    budget,
  );
  // Checked before joining: a short text can ask for terabytes.
  checkTextLength(text.length + (parts.length - 1) * replacement.length);
  const result = parts.join(replacement);
  budget.spendOnText(result.length);
  return result;
}

/** Splits at the first `limit` places; at all when negative. An empty separator stands before, between and after characters. */
function pieces(text: string, separator: string, limit: number, budget: Budget): string[] {
  budget.spendOnText(text.length);
  const all = separator === "" ? ["", ...characters(text), ""] : text.split(separator);
  budget.spend(all.length);
  if (limit < 0 || all.length <= limit + 1) return all;
  return [...all.slice(0, limit), all.slice(limit).join(separator)];
}

function split(args: readonly CelValue[], site: CallSite, budget: Budget): readonly string[] {
  const text = textArgument(args, 0, site);
  const separator = textArgument(args, 1, site);
  const limit = args.length === 3 ? wholeArgument(args, 2, site) : -1;
  if (limit === 0) return [];
  budget.spendOnText(text.length);
  const all = separator === "" ? characters(text) : text.split(separator);
  budget.spend(all.length);
  if (limit < 0 || all.length <= limit) return all;
  return [...all.slice(0, limit - 1), all.slice(limit - 1).join(separator)];
}

function join(args: readonly CelValue[], site: CallSite, budget: Budget): string {
  const list = listArgument(args, 0, site);
  const separator = args.length === 2 ? textArgument(args, 1, site) : "";
  budget.spend(list.length);
  let length = separator.length * Math.max(0, list.length - 1);
  const texts: string[] = [];
  for (const item of list) {
    if (typeof item !== "string") {
      throw failure(
        `join(…) needs a list of texts, but \`${site.texts[0]}\` holds other values`,
        `Turn them into texts first: ${site.texts[0]}.map(x, string(x)).join(…).`,
      );
    }
    length += item.length;
    texts.push(item);
  }
  checkTextLength(length);
  budget.spendOnText(length);
  return texts.join(separator);
}

function optionalArgument(args: readonly CelValue[], site: CallSite): Optional {
  const value = args[0];
  if (value instanceof Optional) return value;
  throw wrongArgument(args, 0, site, "an optional value, as .?name yields it");
}

function optionalValue(args: readonly CelValue[], site: CallSite): CelValue {
  const { value } = optionalArgument(args, site);
  if (value !== undefined) return value;
  throw failure(`\`${site.texts[0]}\` has no value`, `Give it a default: ${site.texts[0]}.orValue(…).`);
}
