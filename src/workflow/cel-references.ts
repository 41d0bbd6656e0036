/** Which names an expression reads, found in its syntax tree. No I/O. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { literalText } from "./cel-syntax.ts";
import { ExpressionSyntaxError } from "./expression.ts";
import type { Reference } from "./expression.ts";

/** Names that stand for a group of functions where a call follows, unless a macro's variable hides them. */
const NAMESPACES: ReadonlySet<string> = new Set(["base64", "math", "optional", "cel"]);

/** What `type(x)` is compared with. */
export const TYPE_NAMES: ReadonlySet<string> = new Set([
  "bool",
  "bytes",
  "double",
  "duration",
  "file",
  "int",
  "list",
  "map",
  "null_type",
  "string",
  "timestamp",
  "type",
]);

const LOOPS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "existsOne", "map", "filter"]);

/** True for `list.map(x, …)` and its like, whose first argument names a variable. */
export function isLoop(name: string, args: readonly ASTNode[]): boolean {
  return LOOPS.has(name) && (args.length === 2 || (name === "map" && args.length === 3));
}

/**
 * @throws {@link ExpressionSyntaxError} when secrets are read otherwise than by a literal name: a name that a request
 * chooses would hand out the whole environment, and what no file names cannot be kept out of records.
 */
export function collectReferences(tree: ASTNode, source: string): readonly Reference[] {
  const references: Reference[] = [];
  visit(tree, new Set(), false);
  return references;

  function visit(node: ASTNode, hidden: ReadonlySet<string>, optional: boolean): void {
    switch (node.op) {
      case "id":
      case ".":
      case ".?":
      case "[]":
      case "[?]":
        return visitAccess(node, hidden, optional);
      case "value":
        return;
      case "call":
        return node.args[1].forEach((argument) => visit(argument, hidden, node.args[0] === "has"));
      case "rcall":
        return visitMethod(node.args[0], node.args[1], node.args[2], hidden);
      case "list":
        return node.args.forEach((item) => visit(item, hidden, false));
      case "map":
        return node.args.forEach((entry) => entry.forEach((part) => visit(part, hidden, false)));
      case "!_":
      case "-_":
        return visit(node.args, hidden, false);
      case "?:":
      case "||":
      case "&&":
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
        return node.args.forEach((part) => visit(part, hidden, false));
    }
  }

  function visitMethod(name: string, receiver: ASTNode, args: readonly ASTNode[], hidden: ReadonlySet<string>): void {
    const [first, ...rest] = args;
    if (isNamespace(receiver, hidden)) {
      if (receiver.args === "cel" && name === "bind" && first?.op === "id") {
        if (rest[0]) visit(rest[0], hidden, false);
        return rest.slice(1).forEach((part) => visit(part, new Set([...hidden, first.args]), false));
      }
      return args.forEach((argument) => visit(argument, hidden, false));
    }
    visit(receiver, hidden, false);
    if (isLoop(name, args) && first?.op === "id") {
      const inner = new Set([...hidden, first.args]);
      return rest.forEach((part) => visit(part, inner, false));
    }
    return args.forEach((argument) => visit(argument, hidden, false));
  }

  function visitAccess(node: ASTNode, hidden: ReadonlySet<string>, optional: boolean): void {
    const links: { key: string | undefined; offset: number }[] = [];
    let mayLack = optional;
    let current = node;
    while (current.op === "." || current.op === ".?" || current.op === "[]" || current.op === "[?]") {
      const [target, key] = current.args;
      if (current.op === ".?" || current.op === "[?]") mayLack = true;
      if (typeof key === "string") links.unshift({ key, offset: current.pos });
      else {
        const text = literalText(key);
        // The name itself, after the quote, is what a caret should point at.
        links.unshift({ key: text, offset: key.start + 1 });
        if (text === undefined) visit(key, hidden, false);
      }
      current = target;
    }
    if (current.op !== "id") return visit(current, hidden, false);
    const root = current.args;
    if (hidden.has(root) || (links.length === 0 && TYPE_NAMES.has(root))) return;
    const path = [root];
    const offsets = [current.start];
    for (const { key, offset } of links) {
      if (key === undefined) break;
      path.push(key);
      offsets.push(offset);
    }
    if (root === "secrets" && path.length === 1) {
      throw new ExpressionSyntaxError("secrets are read one by one, each by its own name", {
        offset: current.start,
        length: node.end - current.start,
        hint: `Write secrets.NAME instead of ${source.slice(node.start, node.end).slice(0, 60)}.`,
      });
    }
    references.push({ path, offsets, optional: mayLack });
  }
}

export function isNamespace(
  node: ASTNode,
  hidden: { has(name: string): boolean },
): node is ASTNode & { op: "id"; args: string } {
  return node.op === "id" && NAMESPACES.has(node.args) && !hidden.has(node.args);
}
