/** What checks find, and how it is shown. No I/O. */
import type { Json } from "../json.ts";

/** A stretch of a file; `line` and `column` count from 1, `length` in UTF-16 units, at least 1 and within the line. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** What `wf check` finds: an error keeps the file from going live, a warning does not. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** Kebab-case name of the check, for example `unknown-key`, `unknown-step`, `regex-not-linear`. */
  readonly check: string;
  /** Relative to the project's root, with `/`. */
  readonly file: string;
  readonly place: Place;
  readonly message: string;
  readonly hint?: string;
}

/** Characters of a source line that are shown around the caret. */
const SHOWN_WIDTH = 100;
const CARET_MARGIN = 40;

/**
 * Renders a problem for people: a header with the place, the source line, carets under the stretch, and the hint.
 *
 * @param source - The file's text; without that line only header and hint are shown.
 */
export function renderProblem(problem: Problem, source: string, options: { color?: boolean } = {}): string {
  const paint = (code: string, text: string): string => (options.color ? `\u001B[${code}m${text}\u001B[0m` : text);
  const { line, column, length } = problem.place;
  const tone = problem.severity === "error" ? "31" : "33";
  const where = `${visible(problem.file)}:${line}:${column}`;
  const lines = [`${paint("1", where)} ${paint(tone, problem.severity)} ${paint("2", problem.check)}`];
  const gutter = " ".repeat(String(line).length);
  const text = lineOf(source, line);
  if (text === undefined) {
    lines.push(`  ${visible(problem.message)}`);
  } else {
    const { shown, offset, width } = cut(text, column - 1, length);
    lines.push(` ${paint("2", `${line} |`)} ${shown}`);
    const caret = `${" ".repeat(offset)}${"^".repeat(width)}`;
    lines.push(` ${gutter} ${paint("2", "|")} ${paint(tone, `${caret} ${visible(problem.message)}`)}`);
  }
  if (problem.hint !== undefined)
    lines.push(` ${gutter} ${paint("2", "=")} ${paint("36", "hint:")} ${visible(problem.hint)}`);
  return lines.join("\n");
}

/** A problem as `wf check --json` prints it. */
export function problemToJson(problem: Problem): { readonly [key: string]: Json } {
  const { severity, check, file, place, message, hint } = problem;
  const json = { severity, check, file, line: place.line, column: place.column, length: place.length, message };
  return hint === undefined ? json : { ...json, hint };
}

function lineOf(source: string, line: number): string | undefined {
  let start = source.startsWith("\uFEFF") ? 1 : 0;
  for (let at = 1; at < line; at++) {
    start = source.indexOf("\n", start) + 1;
    if (start === 0) return undefined;
  }
  const end = source.indexOf("\n", start);
  return source.slice(start, end < 0 ? undefined : end).replace(/\r$/, "");
}

/** The stretch of a line that is shown, with where in it the carets go. */
function cut(line: string, at: number, length: number): { shown: string; offset: number; width: number } {
  const long = line.length > SHOWN_WIDTH;
  const from = long ? Math.max(0, Math.min(at - CARET_MARGIN, line.length - SHOWN_WIDTH)) : 0;
  const to = Math.min(line.length, from + SHOWN_WIDTH);
  const before = `${from > 0 ? "…" : ""}${visible(line.slice(from, at))}`;
  const marked = visible(line.slice(at, Math.min(at + length, to)));
  const after = `${visible(line.slice(Math.min(at + length, to), to))}${to < line.length ? "…" : ""}`;
  return { shown: `${before}${marked}${after}`, offset: columns(before), width: Math.max(1, columns(marked)) };
}

/** Text whose control characters are shown, never obeyed: a file cannot move the cursor or set colours. */
function visible(text: string): string {
  return text.replaceAll("\t", "  ").replaceAll(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/g,
    (char) => `\\u{${char.charCodeAt(0).toString(16)}}`,
  );
}

/** Columns that a terminal gives a text: two for East Asian wide characters and emoji, none for combining marks. */
function columns(text: string): number {
  let count = 0;
  for (const char of text) {
    if (/\p{Mark}|\u200D|\uFE0F/u.test(char)) continue;
    count +=
      /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return count;
}
