import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Control characters, and the marks that turn the direction of writing: shown data must not steer the terminal. */
// oxlint-disable-next-line no-control-regex
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Makes text of unknown origin safe to show; line breaks and tabs stay. */
export function safeText(text: string): string {
  return text.replace(STEERING, escapeCharacter);
}

/** As {@link safeText}, on one line. */
export function safeLine(text: string): string {
  return safeText(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Colours text for `stream`: only on a terminal, and never against NO_COLOR. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

/** Cuts to at most `width` characters, the last one `…` where something is lost. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  // A long text is cut before it is split into characters: outputs may have megabytes.
  const characters = Array.from(text.slice(0, width * 2));
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** Columns of the terminal behind stdout; 120 where there is none. */
export function terminalWidth(): number {
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
  return columns !== undefined && columns >= 40 ? columns : 120;
}

/** Lays rows out in columns; the widths follow the cells, so colour the cells by `decorate`, which comes after. */
export function layOut(
  rows: readonly (readonly string[])[],
  decorate: (cell: string, column: number, row: number) => string = (cell) => cell,
): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row, at) =>
      row
        .map((cell, column) => {
          const padding = row.slice(column + 1).every((rest) => rest === "")
            ? ""
            : " ".repeat((widths[column] ?? 0) - cell.length + 2);
          return decorate(cell, column, at) + padding;
        })
        .join("")
        .concat("\n"),
    )
    .join("");
}

/** Writes data. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** Writes what accompanies data: progress, notes, problems. */
export function note(text: string): void {
  process.stderr.write(text);
}

/** Writes one value as a line of JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
