/**
 * From a syntax tree to closures. No I/O.
 *
 * The library's own evaluator is not used: it takes a request's `constructor` key for a type, reads inherited keys in
 * comparisons, runs patterns on a backtracking engine and puts no bound on nested loops. Its parser is sound.
 */
import type { ASTNode, BinaryOperator } from "@marcbachmann/cel-js";
import { compileCall } from "./cel-call.ts";
import { isAbsorbable } from "./cel-frame.ts";
import type { Frame, PartCompiler, Run, Test } from "./cel-frame.ts";
import { compileLoop } from "./cel-loop.ts";
import { areEqual, calculate, compare, isIn, negate } from "./cel-operators.ts";
import { isLoop, isNamespace, TYPE_NAMES } from "./cel-references.ts";
import { literalPosition, literalText, tooDeep } from "./cel-syntax.ts";
import { describe, failure, NONE, Optional, setOwn, TypeName } from "./cel-value.ts";
import type { CelValue } from "./cel-value.ts";
import { ExpressionSyntaxError } from "./expression.ts";
import { missingKey, missingVariable, readKey, readVariable } from "./path-expression.ts";
import type { Key } from "./path-expression.ts";

/** Deeper trees are refused, so that neither compiling nor running them exhausts the stack. */
const MAX_DEPTH = 500;

/** What is known while compiling: the source, and which names are loop variables, by slot. */
export class Compiler implements PartCompiler {
  readonly #source: string;
  readonly #locals: ReadonlyMap<string, number>;
  readonly #slots: number;
  readonly #depth: number;

  constructor(source: string, locals: ReadonlyMap<string, number> = new Map(), slots = 0, depth = 0) {
    this.#source = source;
    this.#locals = locals;
    this.#slots = slots;
    this.#depth = depth;
  }

  compile(node: ASTNode): Run {
    return this.#deeper(node).#compileNode(node);
  }

  #deeper(node: ASTNode): Compiler {
    if (this.#depth >= MAX_DEPTH) throw tooDeep(node.start);
    return new Compiler(this.#source, this.#locals, this.#slots, this.#depth + 1);
  }

  withLocal(name: string): { readonly inner: Compiler; readonly slot: number } {
    // A slot of its own even where it hides another name: the outer one is still read after the loop.
    const slot = this.#slots;
    const locals = new Map(this.#locals).set(name, slot);
    return { inner: new Compiler(this.#source, locals, slot + 1, this.#depth), slot };
  }

  /** True for the name of a loop variable. */
  has(name: string): boolean {
    return this.#locals.has(name);
  }

  text(node: ASTNode): string {
    const text = this.#source.slice(node.start, node.end);
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  }

  #compileNode(node: ASTNode): Run {
    switch (node.op) {
      case "value":
        return compileLiteral(node.args, node);
      case "id":
        return this.#compileName(node.args);
      case ".":
      case "[]":
        return this.#compileAccess(node, node.args[0], node.args[1]);
      case ".?":
      case "[?]":
        return this.#compileOptionalAccess(node, node.args[0], node.args[1]);
      case "call":
        return compileCall(this, node, node.args[0], undefined, node.args[1]);
      case "rcall":
        return this.#compileMethod(node, node.args[0], node.args[1], node.args[2]);
      case "list":
        return this.#compileList(node.args);
      case "map":
        return this.#compileMap(node.args);
      case "?:":
        return this.#compileChoice(node.args);
      case "&&":
        return this.#compileLogic(node.args, false);
      case "||":
        return this.#compileLogic(node.args, true);
      case "!_":
        return this.#compileNot(node.args);
      case "-_": {
        const operand = this.compile(node.args);
        const text = this.text(node.args);
        return (frame) => negate(operand(frame), text);
      }
      case "!=":
      case "==":
      case "in":
      case "+":
      case "-":
      case "*":
      case "/":
      case "%":
      case "<":
      case "<=":
      case ">":
      case ">=":
        break;
    }
    return this.#compileBinary(node.op, node.args);
  }

  #compileName(name: string): Run {
    const slot = this.#locals.get(name);
    if (slot !== undefined) return (frame) => frame.locals[slot] ?? null;
    return (frame) => {
      const value = readVariable(frame.scope, name);
      if (value !== undefined) return value;
      if (TYPE_NAMES.has(name)) return new TypeName(name);
      throw missingVariable(frame.scope, name);
    };
  }

  #compileAccess(node: ASTNode, target: ASTNode, key: string | ASTNode): Run {
    const object = this.compile(target);
    const readIndex = this.#compileKey(key);
    const at = { before: this.text(target), whole: this.text(node) };
    return (frame) => {
      const value = object(frame);
      const index = readIndex(frame);
      if (value instanceof Optional) return optionalKey(value, index);
      const found = readKey(value, index);
      if (found === undefined) throw missingKey(value, index, at);
      return found;
    };
  }

  #compileOptionalAccess(_node: ASTNode, target: ASTNode, key: string | ASTNode): Run {
    const object = this.compile(target);
    const readIndex = this.#compileKey(key);
    return (frame) => optionalKey(object(frame), readIndex(frame));
  }

  #compileKey(key: string | ASTNode): (frame: Frame) => Key {
    if (typeof key === "string") return () => key;
    const literal = literalText(key) ?? literalPosition(key);
    if (literal !== undefined) return () => literal;
    const run = this.compile(key);
    const text = this.text(key);
    return (frame) => {
      const value = run(frame);
      if (typeof value === "string") return value;
      const position = typeof value === "bigint" ? Number(value) : value;
      if (typeof position === "number" && Number.isSafeInteger(position)) return position;
      throw failure(`\`[${text}]\` needs a text or a whole number, not ${describe(value)}`);
    };
  }

  /** `has(a.b.c)`: true when the path can be followed to its end, null included; false wherever it breaks off. */
  compileHas(node: ASTNode, argument: ASTNode | undefined): Run {
    const isPath =
      argument && (argument.op === "." || argument.op === ".?" || argument.op === "[]" || argument.op === "[?]");
    if (!isPath) {
      throw new ExpressionSyntaxError("has(…) takes a path such as trigger.body.email", {
        offset: node.start,
        length: node.end - node.start,
        hint: argument?.op === "id" ? `Compare with null instead: ${this.text(argument)} != null.` : undefined,
      });
    }
    const find = this.#compileFind(argument);
    return (frame) => find(frame) !== undefined;
  }

  #compileFind(node: ASTNode): (frame: Frame) => CelValue | undefined {
    if (node.op === "." || node.op === ".?" || node.op === "[]" || node.op === "[?]") {
      const find = this.#deeper(node).#compileFind(node.args[0]);
      const readIndex = this.#compileKey(node.args[1]);
      return (frame) => {
        const target = find(frame);
        return target === undefined ? undefined : optionalKey(target, readIndex(frame)).value;
      };
    }
    if (node.op !== "id" || this.has(node.args)) return this.compile(node);
    const name = node.args;
    return (frame) => readVariable(frame.scope, name);
  }

  #compileMethod(node: ASTNode, name: string, receiver: ASTNode, args: readonly ASTNode[]): Run {
    if (isNamespace(receiver, this)) {
      const [variable, value, body] = args;
      if (receiver.args !== "cel") return compileCall(this, node, `${receiver.args}.${name}`, undefined, args);
      if (name === "bind" && variable?.op === "id" && value && body)
        return this.#compileBind(variable.args, value, body);
    }
    if (isLoop(name, args)) return compileLoop(this, name, receiver, args);
    if (name === "orValue" || name === "or") return this.#compileDefault(node, name, receiver, args);
    return compileCall(this, node, name, receiver, args);
  }

  #compileBind(variable: string, value: ASTNode, body: ASTNode): Run {
    const bound = this.compile(value);
    const { inner, slot } = this.withLocal(variable);
    const run = inner.compile(body);
    return (frame) => {
      frame.locals[slot] = bound(frame);
      return run(frame);
    };
  }

  #compileDefault(node: ASTNode, name: string, receiver: ASTNode, args: readonly ASTNode[]): Run {
    const [argument] = args;
    if (!argument || args.length !== 1) {
      throw new ExpressionSyntaxError(`${name}(…) takes one value`, {
        offset: node.start,
        length: node.end - node.start,
      });
    }
    const optional = this.compile(receiver);
    const otherwise = this.compile(argument);
    const text = this.text(receiver);
    return (frame) => {
      const value = optional(frame);
      if (!(value instanceof Optional)) {
        throw failure(
          `\`${text}\` is ${describe(value)}, not an optional value, so ${name}(…) does not apply`,
          "An optional value comes from .?name or [?…].",
        );
      }
      if (value.value === undefined) return otherwise(frame);
      return name === "orValue" ? value.value : value;
    };
  }

  #compileList(items: readonly ASTNode[]): Run {
    const runs = items.map((item) => this.compile(item));
    return (frame) => {
      frame.budget.spend(runs.length);
      return runs.map((run) => run(frame));
    };
  }

  #compileMap(entries: readonly (readonly [ASTNode, ASTNode])[]): Run {
    const runs = entries.map(([key, value]) => [this.compile(key), this.compile(value), this.text(key)] as const);
    return (frame) => {
      const map: { [key: string]: CelValue } = {};
      frame.budget.spend(runs.length);
      for (const [runKey, runValue, text] of runs) {
        const key = runKey(frame);
        if (typeof key !== "string") {
          throw failure(
            `the key \`${text}\` of an object must be a text, not ${describe(key)}`,
            `Use string(${text}).`,
          );
        }
        if (Object.hasOwn(map, key)) throw failure(`the key \`${text}\` stands twice in an object`);
        setOwn(map, key, runValue(frame));
      }
      return map;
    };
  }

  #compileChoice([test, yes, no]: readonly [ASTNode, ASTNode, ASTNode]): Run {
    const condition = this.compileCondition(test, "`? :`");
    const whenTrue = this.compile(yes);
    const whenFalse = this.compile(no);
    return (frame) => (condition(frame) ? whenTrue(frame) : whenFalse(frame));
  }

  /** What must yield true or false. */
  compileCondition(node: ASTNode, user: string): Test {
    const run = this.compile(node);
    const text = this.text(node);
    return (frame) => {
      const value = run(frame);
      if (typeof value === "boolean") return value;
      throw failure(
        `${user} needs true or false, but \`${text}\` is ${describe(value)}`,
        "Compare it, as in … != null or … == true.",
      );
    };
  }

  // As CEL defines it: an operand that decides the result hides the other one's error, whichever comes first.
  #compileLogic([left, right]: readonly [ASTNode, ASTNode], decisive: boolean): Run {
    const operator = decisive ? "`||`" : "`&&`";
    const first = this.compileCondition(left, operator);
    const second = this.compileCondition(right, operator);
    return (frame) => {
      let result: boolean;
      try {
        result = first(frame);
      } catch (error) {
        if (isAbsorbable(error, frame) && second(frame) === decisive) return decisive;
        throw error;
      }
      return result === decisive ? decisive : second(frame);
    };
  }

  #compileNot(operand: ASTNode): Run {
    const condition = this.compileCondition(operand, "`!`");
    return (frame) => !condition(frame);
  }

  #compileBinary(operator: BinaryOperator, [leftNode, rightNode]: readonly [ASTNode, ASTNode]): Run {
    const left = this.compile(leftNode);
    const right = this.compile(rightNode);
    const at = { left: this.text(leftNode), right: this.text(rightNode) };
    switch (operator) {
      case "==":
        return (frame) => areEqual(left(frame), right(frame), frame.budget);
      case "!=":
        return (frame) => !areEqual(left(frame), right(frame), frame.budget);
      case "in":
        return (frame) => isIn(left(frame), right(frame), at, frame.budget);
      case "<":
      case "<=":
      case ">":
      case ">=":
        return (frame) => compare(operator, left(frame), right(frame), at);
      case "+":
      case "-":
      case "*":
      case "/":
      case "%":
        break;
    }
    return (frame) => calculate(operator, left(frame), right(frame), at, frame.budget);
  }
}

function compileLiteral(value: CelValue, node: ASTNode): Run {
  // The only literal of an unknown class is the unsigned integer, as in `1u`.
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    throw new ExpressionSyntaxError("unsigned integers are not supported", {
      offset: node.start,
      length: node.end - node.start,
      hint: "Leave out the `u`.",
    });
  }
  return () => value;
}

/** Follows a key into a value or an optional one; none wherever there is nothing. */
function optionalKey(target: CelValue, key: Key): Optional {
  const value = target instanceof Optional ? target.value : target;
  const found = value === undefined ? undefined : readKey(value, key);
  return found === undefined ? NONE : new Optional(found);
}
