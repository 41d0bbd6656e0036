import { structuredPatch } from "diff";
import { paint, safeLine } from "./terminal.ts";

/** More lines than this belong into a tool for diffs. */
const MAX_LINES = 80;

/** A unified diff of a text, with three lines around each change; cut when it is long, coloured on a terminal. */
export function showDiff(file: string, before: string, after: string): string {
  const { hunks } = structuredPatch(file, file, before, after, undefined, undefined, { context: 3 });
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines: changed }) => [
    paint("cyan", `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`),
    ...changed.map((line) => {
      const text = safeLine(line.replace(/\r$/, ""));
      return text.startsWith("+") ? paint("green", text) : text.startsWith("-") ? paint("red", text) : text;
    }),
  ]);
  const more = lines.length - MAX_LINES;
  const shown = more > 1 ? [...lines.slice(0, MAX_LINES), paint("dim", `… ${more} more lines`)] : lines;
  return [paint("bold", `--- ${file}`), paint("bold", `+++ ${file}`), ...shown].map((line) => `${line}\n`).join("");
}
