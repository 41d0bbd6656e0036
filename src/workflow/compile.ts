/** Compiles CEL expressions. No I/O. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { Compiler } from "./cel-compile.ts";
import { collectReferences, TYPE_NAMES } from "./cel-references.ts";
import { literalPosition, literalText, parseCel } from "./cel-syntax.ts";
import { Budget, failure, toValue } from "./cel-value.ts";
import type { Expression, Scope } from "./expression.ts";
import type { Value } from "../value.ts";
import { compilePath } from "./path-expression.ts";
import type { Key } from "./path-expression.ts";

/**
 * Compiles a bare expression, without `${{ … }}` around it.
 *
 * @remarks
 * The result is a pure function of the scope: there is no clock and no chance. Its work is bounded, see `cel-value.ts`.
 *
 * @throws {@link ExpressionSyntaxError} also for unknown functions, bad patterns, and secrets read other than by name.
 */
export function compileExpression(source: string): Expression {
  const tree = parseCel(source);
  const run = new Compiler(source).compile(tree);
  const references = collectReferences(tree, source);
  const path = compilePlainPath(tree, source);
  if (path) return { source, references, evaluate: path };
  return {
    source,
    references,
    evaluate: (scope) => {
      const budget = new Budget();
      try {
        return toValue(run({ scope, budget, locals: [] }), budget);
      } catch (error) {
        if (error instanceof RangeError) throw failure("the expression needs more memory than it may have");
        throw error;
      }
    },
  };
}

/** `a.b["c"][0]` needs no evaluator; undefined for all else. */
function compilePlainPath(tree: ASTNode, source: string): ((scope: Scope) => Value) | undefined {
  const keys: Key[] = [];
  const spans: { before: string; whole: string }[] = [];
  let node = tree;
  while (node.op === "." || node.op === "[]") {
    const [target, key] = node.args;
    const plain = typeof key === "string" ? key : (literalText(key) ?? literalPosition(key));
    if (plain === undefined) return undefined;
    keys.unshift(plain);
    spans.unshift({ before: source.slice(target.start, target.end), whole: source.slice(node.start, node.end) });
    node = target;
  }
  if (node.op !== "id" || (keys.length === 0 && TYPE_NAMES.has(node.args))) return undefined;
  return compilePath(node.args, keys, spans);
}
