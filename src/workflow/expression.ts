import type { Value } from "../value.ts";

/**
 * The variables that an expression sees: `trigger`, `steps`, `secrets`, `execution`, `error`, and loop names. A variable
 * may be inherited from a prototype, so that a nested scope is `Object.create(outer)`; keys below it are own ones only.
 */
export type Scope = { readonly [name: string]: Value | undefined };

/** A name that an expression reads, for example `steps.contact.body.id`. */
export interface Reference {
  /** The root variable and the keys below it that are known without running: `["steps", "contact", "body", "id"]`. */
  readonly path: readonly string[];
  /** Where each path segment starts, in UTF-16 units from the start of the expression's source. */
  readonly offsets: readonly number[];
  /** True under `has(…)`, `.?` or `[?…]`: the name may be absent. */
  readonly optional: boolean;
}

/** A compiled CEL expression. */
export interface Expression {
  readonly source: string;
  readonly references: readonly Reference[];
  /** @throws {@link WfError} `EXPRESSION_FAILED`, or `SECRET_MISSING` for a secret that is not set */
  evaluate(scope: Scope): Value;
}

/** What is wrong with an expression or a template, and where in its text. */
export class ExpressionSyntaxError extends Error {
  override readonly name = "ExpressionSyntaxError";
  /** In UTF-16 units from the start of the text that was compiled. */
  readonly offset: number;
  /** In UTF-16 units; at least 1, also at the text's end. */
  readonly length: number;
  readonly hint: string | undefined;

  constructor(message: string, place: { offset: number; length?: number; hint?: string | undefined }) {
    super(message);
    this.offset = place.offset;
    this.length = Math.max(1, place.length ?? 1);
    this.hint = place.hint;
  }
}

/** A YAML value whose strings may hold `${{ … }}`. */
export interface Template {
  /** True when nothing in it is an expression. */
  readonly constant: boolean;
  /** Every expression in it. */
  readonly expressions: readonly Expression[];
  evaluate(scope: Scope): Value;
}
