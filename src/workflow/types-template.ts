/** Types of what templates yield, where they are plain enough to tell. No I/O. */
import type { Json } from "../json.ts";
import type { Step } from "./definition.ts";
import { parseDocument } from "./parse/document.ts";
import { type MapNode, type Node, valueAt } from "./parse/node.ts";
import { jsonOf, Reader } from "./parse/reader.ts";
import { BOOLEAN, NULL, NUMBER, record, STRING, type Type, typeBelow, union, UNKNOWN } from "./types-text.ts";

/** Types of variables by name. */
export type TypeScope = { readonly [name: string]: Type };

const WHOLE = /^\s*\$\{\{([\s\S]*)\}\}\s*$/;
const PATH = /^[a-z_]\w*(?:\.\??[A-Za-z_]\w*|\[\??"[^"\\]*"\]|\[\d+\])*$/i;
const OR_VALUE = /^(.*)\.orValue\(\s*(true|false|null|-?\d+(?:\.\d+)?|"[^"\\]*"|'[^'\\]*'|\[\]|\{\})\s*\)$/s;

/** @param value - As it stands in the file, `${{ … }}` included. */
export function typeOfTemplate(value: Json, scope: TypeScope): Type {
  if (typeof value === "string") return typeOfText(value, scope);
  if (typeof value === "number") return NUMBER;
  if (typeof value === "boolean") return BOOLEAN;
  if (value === null) return NULL;
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => typeOfTemplate(item, scope));
    return { kind: "list", items: union(items) };
  }
  return record(
    Object.entries(value).map(([name, item]) => [name, { type: typeOfTemplate(item, scope), optional: false }]),
  );
}

function typeOfText(text: string, scope: TypeScope): Type {
  const source = WHOLE.exec(text)?.[1];
  if (source === undefined || source.includes("${{")) return STRING;
  return typeOfExpression(source.trim(), scope);
}

/** `unknown` for all but paths and paths with a value for their absence. */
function typeOfExpression(source: string, scope: TypeScope): Type {
  const fallback = OR_VALUE.exec(source);
  if (fallback) {
    const [, path = "", value = ""] = fallback;
    const type = typeOfExpression(path, scope);
    // An empty list or object takes the type of what it stands in for.
    return value === "[]" || value === "{}" ? type : union([type, typeOfLiteral(value)]);
  }
  if (!PATH.test(source)) return UNKNOWN;
  const [root = "", ...names] = source
    .replaceAll(
      /\[\??"([^"]*)"\]|\[(\d+)\]|\.\??/g,
      (_, quoted?: string, index?: string) => `\0${quoted ?? index ?? ""}`,
    )
    .split("\0");
  return names.reduce((type: Type, name) => typeBelow(type, name), Object.hasOwn(scope, root) ? scope[root]! : UNKNOWN);
}

function typeOfLiteral(text: string): Type {
  if (text === "null") return NULL;
  if (text === "true" || text === "false") return BOOLEAN;
  return /^["']/.test(text) ? STRING : NUMBER;
}

/** The steps of a file as they are written. */
export class StepTexts {
  readonly #byLine = new Map<number, MapNode[]>();

  constructor(file: string, yaml: string) {
    const text = yaml.startsWith("\uFEFF") ? yaml.slice(1) : yaml;
    const { root } = parseDocument(text);
    if (root) this.#index(root, new Reader(file, text), new Set());
  }

  /** What a step's key holds; undefined also where it cannot be told which step it is. */
  at(step: Step, ...keys: readonly string[]): Json | undefined {
    const found = (this.#byLine.get(step.line) ?? []).filter((map) => {
      const id = valueAt(map, "id");
      return map.entries.has(step.kind) && (!step.named || (id?.kind === "scalar" && id.value === step.id));
    });
    if (found.length !== 1) return undefined;
    let node: Node | undefined = found[0];
    for (const key of keys) node = node?.kind === "map" ? valueAt(node, key) : undefined;
    return node && jsonOf(node);
  }

  #index(node: Node, reader: Reader, seen: Set<Node>): void {
    if (node.kind === "scalar" || seen.has(node)) return;
    seen.add(node);
    if (node.kind === "list") {
      for (const item of node.items) this.#index(item, reader, seen);
      return;
    }
    const line = reader.line(node.start);
    this.#byLine.set(line, [...(this.#byLine.get(line) ?? []), node]);
    for (const { value } of node.entries.values()) this.#index(value, reader, seen);
  }
}
