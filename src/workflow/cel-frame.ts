/** What the closures of an expression run on, and what compiling its parts offers one another. No I/O. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { WfError } from "../errors.ts";
import type { Budget, CelValue } from "./cel-value.ts";
import type { Scope } from "./expression.ts";

/** One evaluation. */
export interface Frame {
  readonly scope: Scope;
  readonly budget: Budget;
  /** The variables of loops, by slot. */
  readonly locals: CelValue[];
}

export type Run = (frame: Frame) => CelValue;
export type Test = (frame: Frame) => boolean;

/** Compiles a part of an expression where it stands. */
export interface PartCompiler {
  compile(node: ASTNode): Run;
  /** What must yield true or false; `user` names in errors what needs it. */
  compileCondition(node: ASTNode, user: string): Test;
  compileHas(node: ASTNode, argument: ASTNode | undefined): Run;
  /** A compiler for what sees one more variable, and the slot of that variable. */
  withLocal(name: string): { readonly inner: PartCompiler; readonly slot: number };
  /** The source of a part, shortened for errors. */
  text(node: ASTNode): string;
}

/** True for errors of one operand; what stops the whole evaluation is none of them. */
export function isAbsorbable(error: unknown, frame: Frame): boolean {
  return error instanceof WfError && !frame.budget.exhausted;
}
