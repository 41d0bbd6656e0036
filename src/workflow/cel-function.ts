/** What a function of expressions is, and how it takes its arguments. No I/O. */
import type { Budget, CelValue } from "./cel-value.ts";
import { describe, failure, isList, Optional } from "./cel-value.ts";

/** Where a function is called: its name, and its arguments as they stand in the file. */
export interface CallSite {
  readonly name: string;
  readonly texts: readonly string[];
}

export interface CelFunction {
  /** Least and most arguments; a method's receiver counts as one. */
  readonly arity: readonly [number, number];
  apply(args: readonly CelValue[], site: CallSite, budget: Budget): CelValue;
}

export type CelFunctions = { readonly [name: string]: CelFunction };

/** @throws {@link WfError} `EXPRESSION_FAILED` that names the argument and what it is instead. */
export function wrongArgument(args: readonly CelValue[], index: number, site: CallSite, wanted: string): Error {
  const value = args[index] ?? null;
  return failure(
    `${site.name}(…) needs ${wanted}, but \`${site.texts[index] ?? ""}\` is ${describe(value)}`,
    value instanceof Optional ? "Give an optional value its default with .orValue(…)." : undefined,
  );
}

export function textArgument(args: readonly CelValue[], index: number, site: CallSite): string {
  const value = args[index];
  if (typeof value === "string") return value;
  throw wrongArgument(args, index, site, "text");
}

export function listArgument(args: readonly CelValue[], index: number, site: CallSite): readonly CelValue[] {
  const value = args[index] ?? null;
  if (isList(value)) return value;
  throw wrongArgument(args, index, site, "a list");
}

/** An integer, which may come as a number of JSON. */
export function wholeArgument(args: readonly CelValue[], index: number, site: CallSite): number {
  const value = args[index];
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number)) return number;
  throw wrongArgument(args, index, site, "a whole number");
}
