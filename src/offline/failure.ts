/** Why a case fails, at its place in the file. */
import { diffLines } from "diff";
import type { Json } from "../json.ts";
import type { Problem } from "../workflow/problem.ts";

export interface DiffLine {
  /** `-` expected, `+` came, a space both. */
  readonly sign: "-" | "+" | " ";
  readonly text: string;
}

export interface Failure {
  readonly problem: Problem;
  readonly diff?: readonly DiffLine[];
  /** YAML to paste into the file. */
  readonly snippet?: string;
}

/** Lines around a change that are shown. */
const CONTEXT = 3;

/** The lines in which two values differ, with a little around them; undefined when there is nothing to see. */
export function diffOf(expected: Json, actual: Json | undefined): readonly DiffLine[] | undefined {
  const [before, after] = [textOf(expected), actual === undefined ? "" : textOf(actual)];
  if (before === after || (!before.includes("\n", 1) && !after.includes("\n", 1))) return undefined;
  const lines = diffLines(before, after).flatMap(({ added, removed, value }) => {
    const sign = removed ? "-" : added ? "+" : " ";
    return value
      .replace(/\n$/, "")
      .split("\n")
      .map((text): DiffLine => ({ sign, text }));
  });
  return lines.filter((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== " "),
  );
}

function textOf(value: Json): string {
  return typeof value === "string" ? `${value}\n` : `${JSON.stringify(value, undefined, 2)}\n`;
}
