import { compileExpression } from "../../src/workflow/compile.ts";
import { ExpressionSyntaxError } from "../../src/workflow/expression.ts";

/** What the compiler says of a source that it must refuse. */
export function syntaxErrorOf(source: string): ExpressionSyntaxError {
  try {
    compileExpression(source);
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return error;
    throw error;
  }
  throw new Error(`${source.slice(0, 80)} compiled`);
}
