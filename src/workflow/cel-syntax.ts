/** From the text of an expression to its syntax tree. No I/O. */
import { Environment, ParseError } from "@marcbachmann/cel-js";
import type { ASTNode } from "@marcbachmann/cel-js";
import { ExpressionSyntaxError } from "./expression.ts";

/** In UTF-16 units. */
const MAX_SOURCE = 65_536;

const TOKEN_TEXT: Readonly<Record<string, string>> = {
  EOF: "the end",
  NUMBER: "a number",
  STRING: "a text",
  BYTES: "bytes",
  BOOLEAN: "true or false",
  NULL: "null",
  IDENTIFIER: "a name",
  PLUS: "`+`",
  MINUS: "`-`",
  MULTIPLY: "`*`",
  DIVIDE: "`/`",
  MODULO: "`%`",
  EQ: "`==`",
  NE: "`!=`",
  LT: "`<`",
  LE: "`<=`",
  GT: "`>`",
  GE: "`>=`",
  AND: "`&&`",
  OR: "`||`",
  NOT: "`!`",
  IN: "`in`",
  LPAREN: "`(`",
  RPAREN: "`)`",
  LBRACKET: "`[`",
  RBRACKET: "`]`",
  LBRACE: "`{`",
  RBRACE: "`}`",
  DOT: "`.`",
  COMMA: "`,`",
  COLON: "`:`",
  QUESTION: "`?`",
};

let environment: Environment | undefined;

/**
 * Only the parser of the library is used; see `cel-compile.ts` for why.
 *
 * @throws {@link ExpressionSyntaxError}
 */
export function parseCel(source: string): ASTNode {
  if (source.length > MAX_SOURCE) {
    throw new ExpressionSyntaxError(`the expression is longer than ${MAX_SOURCE} characters`, {
      offset: MAX_SOURCE,
      hint: "Compute it in a function step.",
    });
  }
  if (source.trim() === "") {
    throw new ExpressionSyntaxError("the expression is empty", { offset: 0, length: source.length });
  }
  environment ??= new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: 10_000, maxDepth: 200 },
  });
  try {
    return environment.parse(source).ast;
  } catch (error) {
    if (error instanceof ParseError) throw syntaxError(error, source);
    // The parser descends by recursion where its own limit does not count, as in a row of `!`.
    if (error instanceof RangeError) throw tooDeep(0);
    throw error;
  }
}

export function tooDeep(offset: number): ExpressionSyntaxError {
  return new ExpressionSyntaxError("the expression is nested too deeply", {
    offset,
    hint: "Split it over several steps, or compute it in a function step.",
  });
}

function syntaxError(error: ParseError, source: string): ExpressionSyntaxError {
  const start = Math.min(error.range?.start ?? 0, source.length);
  const length = Math.max(1, Math.min(error.range?.end ?? start + 1, source.length) - start);
  const message = error.summary.replaceAll(/\b[A-Z]{2,}\b/g, (token) => TOKEN_TEXT[token] ?? token);
  return new ExpressionSyntaxError(lowerFirst(message), { offset: start, length, hint: hintFor(source, start) });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function hintFor(source: string, start: number): string | undefined {
  const rest = source.slice(start, start + 3);
  const around = source.slice(Math.max(0, start - 2), start + 3);
  if (around.includes("===") || around.includes("!==")) return "Equality is `==`, inequality `!=`.";
  if (rest.startsWith("=")) return "Equality is `==`.";
  if (rest.startsWith("&") || rest.startsWith("|")) return "Use `&&` and `||`.";
  if (rest.startsWith("?.")) return "Optional access is `.?name`.";
  if (rest.startsWith("$")) return "Inside an expression, names stand alone, without `${{ … }}`.";
  if (rest.startsWith("#")) return "Comments start with `//`.";
  return undefined;
}

/** A literal text, as in `["x-id"]`; undefined for all else. */
export function literalText(node: ASTNode): string | undefined {
  return node.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

/** A literal list position, as in `[0]`; undefined for all else. */
export function literalPosition(node: ASTNode): number | undefined {
  return node.op === "value" && typeof node.args === "bigint" && node.args <= 0xff_ff_ff_ffn
    ? Number(node.args)
    : undefined;
}
