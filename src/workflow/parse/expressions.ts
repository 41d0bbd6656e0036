/** Compiles the expressions and templates of a file and remembers where each stands, for the checks. No I/O. */
import { compileExpression } from "../compile.ts";
import type { Expression, Template } from "../expression.ts";
import { compileText, compileUrl, templateOf, type TextTemplate } from "../template.ts";
import { rangeInScalar, type Node, type Range, type ScalarNode } from "./node.ts";
import type { Reader } from "./reader.ts";
import type { ParseScope } from "./scope.ts";

/** One expression at its place. */
export interface ExpressionUse {
  readonly expression: Expression;
  readonly scope: ParseScope;
  /** Orders it among the steps. */
  readonly moment: number;
  /** Where a stretch of the expression's source stands in the file. */
  at(offset: number, length: number): Range;
}

type TemplateTree = Parameters<typeof templateOf>[0];

export class Expressions {
  readonly uses: ExpressionUse[] = [];
  readonly #reader: Reader;
  #moment = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** The next moment of the file; what is visible is decided by comparing moments. */
  tick(): number {
    return ++this.#moment;
  }

  /** A bare expression; `${{ … }}` around the whole of it is taken off. */
  expression(node: Node, what: string, scope: ParseScope): Expression | undefined {
    if (node.kind !== "scalar" || node.value === null) {
      this.#reader.wrong(node, "wrong-type", `${what} as an expression`);
      return undefined;
    }
    const text = String(node.value);
    const wrapped = /^\s*\$\{\{([\s\S]*)\}\}\s*$/.exec(text);
    const source = (wrapped?.[1] ?? text).trim();
    if (source === "") {
      this.#reader.error(node, "expression-syntax", `${what} is empty`);
      return undefined;
    }
    const offset = text.indexOf(source, wrapped ? text.indexOf("${{") + 3 : 0);
    return this.#compiled(node, offset, () => {
      const expression = compileExpression(source);
      this.#use(expression, node, offset, scope);
      return expression;
    });
  }

  /** Any YAML value whose texts may hold `${{ … }}`. */
  template(node: Node, scope: ParseScope): Template {
    return templateOf(this.#tree(node, scope));
  }

  /** A URL, in which expressions yield encoded pieces: see `compileUrl`. */
  url(node: Node, scope: ParseScope): Template {
    return node.kind === "scalar" ? templateOf(this.#text(node, scope, compileUrl)) : this.template(node, scope);
  }

  #tree(node: Node, scope: ParseScope): TemplateTree {
    if (node.kind === "list") return node.items.map((item) => this.#tree(item, scope));
    if (node.kind === "map") {
      const entries = [...node.entries.values()].map((entry): [string, TemplateTree] => {
        if (entry.key.includes("${{")) {
          this.#reader.error(entry.keyRange, "expression-in-key", "a key cannot hold an expression");
        }
        return [entry.key, this.#tree(entry.value, scope)];
      });
      return Object.fromEntries(entries);
    }
    return this.#text(node, scope, compileText);
  }

  #text(node: ScalarNode, scope: ParseScope, compile: (text: string) => TextTemplate): TemplateTree {
    const { value } = node;
    if (typeof value !== "string" || !value.includes("${{")) return value;
    return (
      this.#compiled(node, 0, () => {
        const template = compile(value);
        for (const [index, expression] of template.expressions.entries()) {
          this.#use(expression, node, template.offsets[index] ?? 0, scope);
        }
        return template;
      }) ?? null
    );
  }

  #use(expression: Expression, node: ScalarNode, base: number, scope: ParseScope): void {
    const { text } = this.#reader;
    const at = (offset: number, length: number): Range => rangeInScalar(text, node, base + offset, length);
    this.uses.push({ expression, scope, moment: this.tick(), at });
  }

  #compiled<T>(node: ScalarNode, base: number, compile: () => T): T | undefined {
    try {
      return compile();
    } catch (error) {
      if (!isSyntaxError(error)) throw error;
      const range = rangeInScalar(this.#reader.text, node, base + error.offset, error.length);
      this.#reader.error(range, "expression-syntax", error.message, error.hint);
      return undefined;
    }
  }
}

interface SyntaxProblem {
  readonly message: string;
  readonly offset: number;
  readonly length: number;
  readonly hint?: string;
}

function isSyntaxError(error: unknown): error is SyntaxProblem {
  return error instanceof Error && typeof (error as { offset?: unknown }).offset === "number";
}
