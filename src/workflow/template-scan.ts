/** Finds the expressions in a text. No I/O. */
import { ExpressionSyntaxError } from "./expression.ts";

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  /** `source` without the blanks around it; `offset` is where it starts in the text. */
  | { readonly kind: "expression"; readonly source: string; readonly offset: number };

const OPEN = "${{";

/**
 * Splits a text into literal stretches and expressions. `}}` in an expression's own texts, comments and object literals
 * does not end it.
 *
 * @returns No part for an empty text, and exactly one expression where the text is nothing else.
 * @throws {@link ExpressionSyntaxError} for `${{` without its `}}`
 */
export function scanTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let literal = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf(OPEN, at);
    if (open < 0) break;
    if (open > at && text[open - 1] === "$") {
      literal += text.slice(at, open - 1) + OPEN;
      at = open + OPEN.length;
      continue;
    }
    literal += text.slice(at, open);
    if (literal !== "") parts.push({ kind: "text", text: literal });
    literal = "";
    const start = open + OPEN.length;
    const end = findEnd(text, start, open);
    const inside = text.slice(start, end);
    const source = inside.trim();
    parts.push({ kind: "expression", source, offset: start + (inside.length - inside.trimStart().length) });
    at = end + 2;
  }
  literal += text.slice(at);
  if (literal !== "") parts.push({ kind: "text", text: literal });
  return parts;
}

function findEnd(text: string, start: number, open: number): number {
  let braces = 0;
  let at = start;
  let commented = false;
  while (at < text.length) {
    const character = text[at];
    if (character === '"' || character === "'") {
      at = skipString(text, at);
    } else if (character === "/" && text[at + 1] === "/") {
      commented = true;
      const newline = text.indexOf("\n", at);
      at = newline < 0 ? text.length : newline;
    } else if (character === "}" && braces === 0 && text[at + 1] === "}") {
      return at;
    } else {
      if (character === "{") braces++;
      else if (character === "}" && braces > 0) braces--;
      at++;
    }
  }
  throw new ExpressionSyntaxError("`${{` has no `}}`", {
    offset: open,
    length: OPEN.length,
    hint: commented ? "`//` starts a comment that reaches to the end of the line." : closingHint(text, start),
  });
}

function closingHint(text: string, start: number): string {
  return text.includes("}}", start)
    ? "A `}}` inside quotes belongs to the text; check that every quote and brace is closed."
    : "Close it with `}}`, or write `$${{` for a literal `${{`.";
}

/** @returns Where the string literal that starts at `at` has ended; the text's end when it is not closed. */
function skipString(text: string, at: number): number {
  const quote = text[at] ?? "";
  const delimiter = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  let next = at + delimiter.length;
  while (next < text.length) {
    // In raw texts too (`r"…"`), where a backslash keeps a quote from ending the text without escaping it.
    if (text[next] === "\\") next += 2;
    else if (text.startsWith(delimiter, next)) return next + delimiter.length;
    else next++;
  }
  return text.length;
}
