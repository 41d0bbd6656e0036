/** Calls of functions and methods: which there are, and how they get their arguments. No I/O. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { closest, distance } from "fastest-levenshtein";
import { CONVERSIONS } from "./cel-conversions.ts";
import type { PartCompiler, Run } from "./cel-frame.ts";
import { failure } from "./cel-value.ts";
import type { CelFunction, CelFunctions } from "./cel-function.ts";
import { textArgument } from "./cel-function.ts";
import { literalText } from "./cel-syntax.ts";
import { TEXT_METHODS } from "./cel-text.ts";
import { TIME_METHODS } from "./cel-time.ts";
import type { CelValue } from "./cel-value.ts";
import { ExpressionSyntaxError } from "./expression.ts";
import { compilePattern } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";

/** Patterns that an expression computes are kept compiled, so many at a time. */
const PATTERNS_KEPT = 100;

const METHODS: CelFunctions = { ...TEXT_METHODS, ...TIME_METHODS };
const METHOD_NAMES = [
  ...Object.keys(METHODS),
  "matches",
  "all",
  "exists",
  "exists_one",
  "map",
  "filter",
  "orValue",
  "or",
];
const FUNCTION_NAMES = [...Object.keys(CONVERSIONS), "has", "matches"];
const CLOCKS: ReadonlySet<string> = new Set(["now", "today", "time", "random", "uuid", "rand"]);

/** @param receiver - What stands before the dot of a method; undefined for a function. */
export function compileCall(
  compiler: PartCompiler,
  node: ASTNode,
  name: string,
  receiver: ASTNode | undefined,
  args: readonly ASTNode[],
): Run {
  if (name === "has" && !receiver && args.length === 1) return compiler.compileHas(node, args[0]);
  const all = receiver ? [receiver, ...args] : args;
  if (name === "matches" && all.length === 2) return compileMatches(compiler, all[0] as ASTNode, all[1] as ASTNode);
  const table = receiver ? METHODS : CONVERSIONS;
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  const place = { offset: node.start, length: node.end - node.start };
  if (!found) throw new ExpressionSyntaxError(...unknown(name, receiver !== undefined, nameOffset(node, name)));
  const hidden = receiver ? 1 : 0;
  const [least, most] = found.arity;
  if (all.length < least || all.length > most) {
    const wanted = least === most ? `${least - hidden}` : `${least - hidden} to ${most - hidden}`;
    throw new ExpressionSyntaxError(`${name}(…) takes ${wanted} arguments, not ${args.length}`, place);
  }
  return compileApply(compiler, name, found, all);
}

function compileApply(compiler: PartCompiler, name: string, called: CelFunction, nodes: readonly ASTNode[]): Run {
  const runs = nodes.map((argument) => compiler.compile(argument));
  const site = { name, texts: nodes.map((argument) => compiler.text(argument)) };
  const [first, second] = runs;
  // Nearly all calls have one or two arguments; those need no list built by a closure.
  if (first && runs.length === 1) return (frame) => called.apply([first(frame)], site, frame.budget);
  if (first && second && runs.length === 2) {
    return (frame) => called.apply([first(frame), second(frame)], site, frame.budget);
  }
  return (frame) =>
    called.apply(
      runs.map((run) => run(frame)),
      site,
      frame.budget,
    );
}

/** Always on the linear-time engine: the text may come from a request, and so may the pattern. */
function compileMatches(compiler: PartCompiler, textNode: ASTNode, patternNode: ASTNode): Run {
  const text = compiler.compile(textNode);
  const site = { name: "matches", texts: [compiler.text(textNode), compiler.text(patternNode)] };
  const literal = literalText(patternNode);
  const pattern =
    literal === undefined ? compileDynamicPattern(compiler, patternNode, site) : literalPattern(literal, patternNode);
  return (frame) => {
    const subject = textArgument([text(frame)], 0, site);
    frame.budget.spend(1 + (subject.length >> 2));
    return pattern(frame).test(subject);
  };
}

function literalPattern(source: string, node: ASTNode): () => Pattern {
  let pattern: Pattern;
  try {
    pattern = compilePattern(source);
  } catch (error) {
    throw new ExpressionSyntaxError(`the pattern is not valid: ${messageOf(error)}`, {
      offset: node.start,
      length: node.end - node.start,
      hint: "Patterns are RE2: look-around and back-references do not exist. r'…' keeps backslashes as they are.",
    });
  }
  return () => pattern;
}

function compileDynamicPattern(
  compiler: PartCompiler,
  node: ASTNode,
  site: { readonly name: string; readonly texts: readonly string[] },
): (frame: Parameters<Run>[0]) => Pattern {
  const run = compiler.compile(node);
  const known = new Map<string, Pattern>();
  return (frame) => {
    const value: CelValue = run(frame);
    const source = textArgument(["", value], 1, site);
    const kept = known.get(source);
    if (kept) return kept;
    frame.budget.spend(100 + source.length);
    let pattern: Pattern;
    try {
      pattern = compilePattern(source);
    } catch (error) {
      throw failure(`\`${site.texts[1]}\` is not a valid pattern: ${messageOf(error)}`, "Patterns are RE2.");
    }
    const [oldest] = known.keys();
    if (known.size >= PATTERNS_KEPT && oldest !== undefined) known.delete(oldest);
    known.set(source, pattern);
    return pattern;
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function nameOffset(node: ASTNode, name: string): { offset: number; length: number } {
  if (node.op !== "rcall") return { offset: node.start, length: name.length };
  const after = node.input.indexOf(node.args[0], node.args[1].end);
  return { offset: after < 0 ? node.start : after, length: node.args[0].length };
}

function unknown(
  name: string,
  isMethod: boolean,
  place: { offset: number; length: number },
): ConstructorParameters<typeof ExpressionSyntaxError> {
  return [`there is no ${isMethod ? "method" : "function"} ${name}(…)`, { ...place, hint: hintFor(name, isMethod) }];
}

function hintFor(name: string, isMethod: boolean): string | undefined {
  if (CLOCKS.has(name)) {
    return "Expressions yield the same each time, so they have no clock and no chance; execution.startedAt is the time of the start.";
  }
  if (isMethod && Object.hasOwn(CONVERSIONS, name)) return `It is a function: ${name}(…).`;
  if (!isMethod && METHOD_NAMES.includes(name)) return `It is a method: value.${name}(…).`;
  const nearest = closest(name, isMethod ? METHOD_NAMES : FUNCTION_NAMES);
  return distance(name, nearest) <= 2 ? `Did you mean ${nearest}?` : undefined;
}
