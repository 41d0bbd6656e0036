import type { Value } from "../value.ts";

/** The variables that an expression sees: `trigger`, `steps`, `secrets`, `execution`, `error`, and loop names. */
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

/** A YAML value whose strings may hold `${{ … }}`. */
export interface Template {
  /** True when nothing in it is an expression. */
  readonly constant: boolean;
  /** Every expression in it. */
  readonly expressions: readonly Expression[];
  evaluate(scope: Scope): Value;
}
