/** `all`, `exists`, `exists_one`, `map` and `filter` over lists and the keys of objects. No I/O. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { isAbsorbable } from "./cel-frame.ts";
import type { Frame, PartCompiler, Run, Test } from "./cel-frame.ts";
import { describe, failure, isList, isMap, Optional } from "./cel-value.ts";
import type { CelValue } from "./cel-value.ts";
import { ExpressionSyntaxError } from "./expression.ts";

/** Calls `turn` for each item with the loop's variable set, until it yields false. */
type Loop = (frame: Frame, turn: (item: CelValue) => boolean) => void;

export function compileLoop(compiler: PartCompiler, name: string, receiver: ASTNode, args: readonly ASTNode[]): Run {
  const variable = args[0] as ASTNode;
  const body = args[args.length - 1] as ASTNode;
  if (variable.op !== "id") {
    throw new ExpressionSyntaxError(`the first argument of ${name}(…) must be a new name`, {
      offset: variable.start,
      length: variable.end - variable.start,
      hint: `For example: ${compiler.text(receiver)}.${name}(item, …).`,
    });
  }
  const { inner, slot } = compiler.withLocal(variable.args);
  const loop = compileItems(compiler, name, receiver, slot);
  if (name === "map") {
    const filter = args.length === 3 ? inner.compileCondition(args[1] as ASTNode, "map(…)") : undefined;
    return compileMap(loop, inner.compile(body), filter);
  }
  const test = inner.compileCondition(body, `${name}(…)`);
  switch (name) {
    case "filter":
      return compileFilter(loop, test);
    case "all":
      return compileQuantifier(loop, test, false);
    case "exists":
      return compileQuantifier(loop, test, true);
    default:
      return compileExistsOne(loop, test);
  }
}

function compileItems(compiler: PartCompiler, name: string, receiver: ASTNode, slot: number): Loop {
  const run = compiler.compile(receiver);
  const text = compiler.text(receiver);
  return (frame, turn) => {
    for (const item of itemsOf(run(frame), name, text)) {
      frame.budget.spend(1);
      frame.locals[slot] = item;
      if (!turn(item)) return;
    }
  };
}

function itemsOf(value: CelValue, name: string, text: string): readonly CelValue[] {
  if (isList(value)) return value;
  if (isMap(value)) return Object.keys(value);
  throw failure(
    `${name}(…) needs a list, but \`${text}\` is ${describe(value)}`,
    value instanceof Optional ? "Give it a default with .orValue([])." : undefined,
  );
}

function compileMap(loop: Loop, body: Run, filter: Test | undefined): Run {
  return (frame) => {
    const results: CelValue[] = [];
    loop(frame, () => {
      if (!filter || filter(frame)) results.push(body(frame));
      return true;
    });
    return results;
  };
}

function compileFilter(loop: Loop, test: Test): Run {
  return (frame) => {
    const results: CelValue[] = [];
    loop(frame, (item) => {
      if (test(frame)) results.push(item);
      return true;
    });
    return results;
  };
}

// As CEL defines it: an item that decides the result hides the errors of others.
function compileQuantifier(loop: Loop, test: Test, decisive: boolean): Run {
  return (frame) => {
    let decided = false;
    let failed: unknown;
    loop(frame, () => {
      try {
        decided = test(frame) === decisive;
      } catch (error) {
        if (!isAbsorbable(error, frame)) throw error;
        failed ??= error;
      }
      return !decided;
    });
    if (decided) return decisive;
    if (failed !== undefined) throw failed;
    return !decisive;
  };
}

function compileExistsOne(loop: Loop, test: Test): Run {
  return (frame) => {
    let count = 0;
    loop(frame, () => {
      if (test(frame)) count++;
      return true;
    });
    return count === 1;
  };
}
