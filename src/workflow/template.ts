/** YAML values whose strings hold `${{ expression }}`; `$${{` stands for a literal `${{`. No I/O. */
import type { Json } from "../json.ts";
import { FileValue } from "../value.ts";
import type { Value } from "../value.ts";
import { Budget, checkTextLength, failure, jsonText, setOwn, toValue } from "./cel-value.ts";
import { compileExpression } from "./compile.ts";
import { ExpressionSyntaxError } from "./expression.ts";
import type { Expression, Scope, Template } from "./expression.ts";
import { scanTemplate } from "./template-scan.ts";

/** Parts of a value, compiled one by one; strings in it are literal text. Its objects become objects of templates. */
export type TemplateTree = Template | Json | readonly TemplateTree[] | { readonly [key: string]: TemplateTree };

/** A template made from one string. */
export interface TextTemplate extends Template {
  /** Where the source of each of `expressions` starts, in UTF-16 units from the start of the string. */
  readonly offsets: readonly number[];
}

// Being a class is what tells a template from JSON that has the same keys.
class CompiledTemplate implements TextTemplate {
  readonly constant: boolean;
  readonly expressions: readonly Expression[];
  readonly offsets: readonly number[];
  readonly evaluate: (scope: Scope) => Value;

  constructor(
    expressions: readonly Expression[],
    evaluate: (scope: Scope) => Value,
    offsets: readonly number[] = expressions.map(() => 0),
  ) {
    this.constant = expressions.length === 0;
    this.expressions = expressions;
    this.offsets = offsets;
    this.evaluate = evaluate;
  }
}

/** A template that always yields `value`, whose strings are literal text. */
export function constantTemplate(value: Json): Template {
  return new CompiledTemplate([], () => value);
}

/**
 * Compiles a value and every string in it; keys are literal text.
 *
 * @throws {@link ExpressionSyntaxError} with offsets into the string that has the error
 */
export function compileTemplate(value: Json): Template {
  return templateOf(compileStrings(value));
}

function compileStrings(value: Json): TemplateTree {
  if (typeof value === "string") return compileText(value);
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(compileStrings);
  const tree: { [key: string]: TemplateTree } = {};
  for (const [key, item] of Object.entries(value)) setOwn(tree, key, compileStrings(item));
  return tree;
}

/**
 * Compiles one string. A string that is exactly one `${{ … }}` yields the expression's value as it is; otherwise each
 * value becomes text: null the empty text, lists and objects JSON.
 *
 * @throws {@link ExpressionSyntaxError} with offsets into `text`
 */
export function compileText(text: string): TextTemplate {
  const expressions: Expression[] = [];
  const offsets: number[] = [];
  const parts = scanTemplate(text).map((part) => {
    if (part.kind === "text") return part.text;
    const expression = compileAt(part.source, part.offset);
    expressions.push(expression);
    offsets.push(part.offset);
    return expression;
  });
  const [only = ""] = parts;
  if (parts.length <= 1) {
    const evaluate = typeof only === "string" ? () => only : (scope: Scope) => only.evaluate(scope);
    return new CompiledTemplate(expressions, evaluate, offsets);
  }
  return new CompiledTemplate(expressions, (scope) => evaluateText(parts, scope), offsets);
}

function compileAt(source: string, offset: number): Expression {
  try {
    return compileExpression(source);
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error;
    const { message, length, hint } = error;
    throw new ExpressionSyntaxError(message, { offset: offset + error.offset, length, hint });
  }
}

function evaluateText(parts: readonly (string | Expression)[], scope: Scope): string {
  let text = "";
  for (const part of parts) {
    const piece = typeof part === "string" ? part : textOf(part.evaluate(scope), part);
    checkTextLength(text.length + piece.length);
    text += piece;
  }
  return text;
}

function textOf(value: Value, expression: Expression): string {
  if (typeof value === "string") return value;
  if (value === null) return "";
  if (typeof value !== "object") return String(value);
  if (value instanceof FileValue) {
    throw failure(
      `\`${expression.source}\` is a file, which cannot stand inside a text`,
      "Let the expression stand alone as the whole value, or use the file's `name`.",
    );
  }
  // Walked first: the walk is bounded in depth and work, writing JSON is not.
  return jsonText(toValue(value, new Budget()));
}

/** Builds one template from parts that are templates, JSON, and lists and objects of such. */
export function templateOf(tree: TemplateTree): Template {
  if (tree instanceof CompiledTemplate) return tree;
  if (typeof tree !== "object" || tree === null) return constantTemplate(tree);
  return isList(tree) ? listTemplate(tree) : objectTemplate(tree as { readonly [key: string]: TemplateTree });
}

function listTemplate(items: readonly TemplateTree[]): Template {
  const templates = items.map(templateOf);
  const evaluate = (scope: Scope): Value => templates.map((template) => template.evaluate(scope));
  return composed(templates, evaluate);
}

function objectTemplate(tree: { readonly [key: string]: TemplateTree }): Template {
  const entries = Object.entries(tree).map(([key, item]) => [key, templateOf(item)] as const);
  const evaluate = (scope: Scope): Value => {
    const result: { [key: string]: Value } = {};
    for (const [key, template] of entries) setOwn(result, key, template.evaluate(scope));
    return result;
  };
  return composed(
    entries.map(([, template]) => template),
    evaluate,
  );
}

function composed(parts: readonly Template[], evaluate: (scope: Scope) => Value): Template {
  const expressions = parts.flatMap((part) => part.expressions);
  if (expressions.length > 0) return new CompiledTemplate(expressions, evaluate);
  const value = evaluate({});
  return new CompiledTemplate([], () => value);
}

function isList(value: TemplateTree): value is readonly TemplateTree[] {
  return Array.isArray(value);
}
