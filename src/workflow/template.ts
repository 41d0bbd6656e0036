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
  return compileParts(text, () => textOf);
}

/**
 * Compiles a URL. What an expression yields behind the host is one piece of path or query, percent-encoded: data cannot
 * lead elsewhere. An expression that begins the URL, or stands in its host, stays as it is.
 *
 * @throws {@link ExpressionSyntaxError} with offsets into `text`
 */
export function compileUrl(text: string): TextTemplate {
  return compileParts(text, (before) => (/[/?#]/.test(before.replace(/^https?:\/\//i, "")) ? urlPieceOf : textOf));
}

type ToText = (value: Value, expression: Expression) => string;

/** @param toText - Chooses how a value becomes text by the literal text before it. */
function compileParts(text: string, toText: (before: string) => ToText): TextTemplate {
  let before = "";
  const expressions: Expression[] = [];
  const offsets: number[] = [];
  const parts = scanTemplate(text).map((part): TextPart => {
    if (part.kind === "text") {
      before += part.text;
      return part.text;
    }
    const expression = compileAt(part.source, part.offset);
    expressions.push(expression);
    offsets.push(part.offset);
    return { expression, toText: toText(before) };
  });
  const [only = ""] = parts;
  if (parts.length <= 1) {
    const evaluate = typeof only === "string" ? () => only : (scope: Scope) => only.expression.evaluate(scope);
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

type TextPart = string | { readonly expression: Expression; readonly toText: ToText };

function evaluateText(parts: readonly TextPart[], scope: Scope): string {
  let text = "";
  for (const part of parts) {
    const piece = typeof part === "string" ? part : part.toText(part.expression.evaluate(scope), part.expression);
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

function urlPieceOf(value: Value, expression: Expression): string {
  const piece = textOf(value, expression);
  if (piece === "." || piece === "..") {
    throw failure(
      `\`${expression.source}\` is \`${piece}\`, which would lead to another path of the URL`,
      "Refuse such values by a rule, for example with `pattern`.",
    );
  }
  return encodeURIComponent(piece.toWellFormed());
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
