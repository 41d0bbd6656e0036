import { structuredPatch } from "diff";
import { paint, safeLine } from "./terminal.ts";

/** A unified diff of a text, with three lines around each change; coloured on a terminal. */
export function showDiff(file: string, before: string, after: string): string {
  const { hunks } = structuredPatch(file, file, before, after, undefined, undefined, { context: 3 });
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines: changed }) => [
    paint("cyan", `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`),
    ...changed.map((line) => {
      const text = safeLine(line.replace(/\r$/, ""));
      return text.startsWith("+") ? paint("green", text) : text.startsWith("-") ? paint("red", text) : text;
    }),
  ]);
  return [paint("bold", `--- ${file}`), paint("bold", `+++ ${file}`), ...lines].map((line) => `${line}\n`).join("");
}
