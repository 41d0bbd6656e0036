/** YAML text to {@link Node}s, with limits that hold against hostile files. No I/O. */
import { isAlias, isMap, isScalar, parseAllDocuments } from "yaml";
import type { Alias, Document, ErrorCode, Scalar, YAMLMap, YAMLSeq } from "yaml";
import type { ListNode, MapEntry, MapNode, Node, Range, ScalarNode, ScalarStyle } from "./node.ts";

/** Longer files are refused unread: in UTF-16 units, 1 MB. */
export const MAX_FILE_LENGTH = 1_000_000;
/** Levels of maps and lists. */
const MAX_DEPTH = 100;
/** Nodes that aliases may add; a file's own nodes are bounded by its length. */
const MAX_ALIASED_NODES = 20_000;

/** Something wrong in the YAML itself. */
interface DocumentError extends Range {
  readonly check: string;
  readonly message: string;
  readonly hint?: string;
}

export interface ParsedDocument {
  /** Undefined when there are errors, or nothing in the file. */
  readonly root?: Node;
  readonly errors: readonly DocumentError[];
}

/** Reads one YAML 1.2 document. Never throws for content. */
export function parseDocument(text: string): ParsedDocument {
  if (text.length > MAX_FILE_LENGTH) {
    const message = `the file has ${(text.length / 1_000_000).toFixed(1)} MB; at most 1 MB is read`;
    return { errors: [{ check: "file-too-large", message, hint: "Move data out of the file.", start: 0, end: 1 }] };
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    return {
      errors: [{ check: "yaml-syntax", message: "a NUL character: not a text file", start: nul, end: nul + 1 }],
    };
  }
  let documents: readonly Document[];
  try {
    // Equal keys are found here below: the package's own search takes time quadratic in the number of keys.
    documents = parseAllDocuments(text, {
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    }) as readonly Document[];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { errors: [{ check: "yaml-syntax", message, start: 0, end: 1 }] };
  }
  const document = documents[0];
  if (document === undefined || document.contents === null) return { errors: [] };
  const errors = syntaxErrors(text, documents);
  if (errors.length > 0) return { errors };
  const second = documents[1];
  if (second !== undefined) {
    const start = Math.max(0, text.lastIndexOf("---", second.contents?.range?.[0] ?? second.range?.[0] ?? 0));
    return {
      errors: [
        {
          check: "yaml-documents",
          message: "a second document begins here; a file holds one",
          hint: "Put it into a file of its own.",
          start,
          end: start + 3,
        },
      ],
    };
  }
  return new Converter().convert(document);
}

function syntaxErrors(text: string, documents: readonly Document[]): DocumentError[] {
  const found = documents
    .flatMap((one) => [...one.errors, ...one.warnings])
    .toSorted((a, b) => a.pos[0] - b.pos[0] || a.pos[1] - b.pos[1]);
  const tooDeep = found.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  // After the first error the rest of the file is often read wrongly: what is merely unexpected then follows from it.
  const own = tooDeep ? [tooDeep] : found.filter(({ code }, index) => index === 0 || code !== "UNEXPECTED_TOKEN");
  return own.map(({ code, message, pos }) => syntaxError(text, code, message, pos));
}

function syntaxError(text: string, code: ErrorCode, message: string, pos: [number, number]): DocumentError {
  const [start, end] = pos;
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = text.indexOf("\n", start);
  const line = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd);
  const at = { check: "yaml-syntax", start, end: Math.max(end, start + 1) };
  if (code === "TAB_AS_INDENT" || (code === "BAD_INDENT" && line.includes("\t"))) {
    return { ...at, message: "a tab indents this line; YAML allows spaces only", hint: "Replace the tab by spaces." };
  }
  if (code === "RESOURCE_EXHAUSTION") return { ...at, check: "yaml-depth", message: "too deeply nested" };
  if (text.slice(start - 2, start + 1) === "${{" || text.slice(start - 1, start + 2) === "${{") {
    const reason = "YAML takes the `{` of this expression for a map";
    return { ...at, message: reason, hint: "Inside { } and [ ], put a value that holds an expression into quotes." };
  }
  if (code === "TAG_RESOLVE_FAILED" && message.startsWith("Unresolved tag")) {
    const hint = "Put a value that begins with `!` into quotes.";
    return { ...at, message: `${message}: \`!\` begins a YAML tag`, hint };
  }
  const first = message.split("\n")[0] ?? message;
  if (line.includes("${{") || /\b(?:if|when|until|items|token)\s*:/.test(line)) {
    return { ...at, message: first, hint: "Put a value that holds an expression into quotes." };
  }
  return { ...at, message: first };
}

class Converter {
  readonly #errors: DocumentError[] = [];
  readonly #anchors = new Map<string, { node: Node; size: number }>();
  #size = 0;
  #aliased = 0;
  #bombed = false;

  convert(document: Document): ParsedDocument {
    const root = this.#node(document.contents, 0);
    return this.#errors.length > 0 ? { errors: this.#errors } : { root, errors: [] };
  }

  #error(range: Range, check: string, message: string, hint?: string): void {
    const at = { start: range.start, end: range.end };
    this.#errors.push(hint === undefined ? { ...at, check, message } : { ...at, check, message, hint });
  }

  #node(node: unknown, depth: number): Node {
    if (isAlias(node)) return this.#alias(node);
    const before = this.#size++;
    const anchor = (node as { anchor?: string } | null)?.anchor;
    const converted = this.#plain(node, depth);
    // Set only now: an alias inside its own anchor finds nothing and is refused.
    if (anchor !== undefined) this.#anchors.set(anchor, { node: converted, size: this.#size - before });
    return converted;
  }

  #plain(node: unknown, depth: number): Node {
    if (isScalar(node)) return this.#scalar(node);
    const range = rangeOf(node as { range?: Positions });
    if (depth >= MAX_DEPTH) {
      this.#error({ start: range.start, end: range.start + 1 }, "yaml-depth", `more than ${MAX_DEPTH} levels deep`);
      return nothing(range);
    }
    if (isMap(node)) return this.#map(node, range, depth);
    const items = ((node as YAMLSeq | null)?.items ?? []).map((item) => this.#node(item, depth + 1));
    return { kind: "list", items, ...range } satisfies ListNode;
  }

  #alias(alias: Alias): Node {
    const range = rangeOf(alias);
    const target = this.#anchors.get(alias.source);
    if (target === undefined) {
      this.#error(range, "yaml-alias", `\`*${alias.source}\` names no anchor before it`);
      return nothing(range);
    }
    this.#aliased += target.size;
    this.#size += target.size;
    if (this.#aliased > MAX_ALIASED_NODES) {
      if (!this.#bombed) this.#error(range, "yaml-alias", `aliases unfold to more than ${MAX_ALIASED_NODES} values`);
      this.#bombed = true;
      return nothing(range);
    }
    return target.node;
  }

  #scalar(scalar: Scalar): ScalarNode {
    const range = rangeOf(scalar);
    const { value } = scalar;
    if (typeof value === "number" && !isExact(value, scalar.source ?? "")) {
      const message = `\`${(scalar.source ?? "").slice(0, 40)}\` is no number that JSON can hold exactly`;
      this.#error(range, "number-range", message, "Put it into quotes to keep it as text.");
    }
    const plain =
      value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string";
    if (!plain) this.#error(range, "yaml-tag", "a value that is not JSON", "Remove the tag.");
    return { kind: "scalar", value: plain ? value : null, style: STYLES[scalar.type ?? "PLAIN"] ?? "plain", ...range };
  }

  #map(map: YAMLMap, range: Range, depth: number): MapNode {
    const entries = new Map<string, MapEntry>();
    const merged: MapNode[] = [];
    for (const pair of map.items) {
      const key = pair.key;
      if (isScalar(key) && key.value === "<<" && key.type === "PLAIN") {
        merged.push(...this.#merged(this.#node(pair.value, depth + 1), rangeOf(key)));
        continue;
      }
      const keyNode = isAlias(key) ? this.#alias(key) : isScalar(key) ? this.#scalar(key) : undefined;
      const keyRange = rangeOf(key as { range?: Positions });
      if (keyNode?.kind !== "scalar" || keyNode.value === null) {
        const end = Math.max(keyRange.end, keyRange.start + 1);
        this.#error({ start: keyRange.start, end }, "key-not-text", "a key must be a text");
        continue;
      }
      const name = isScalar(key) && typeof key.value !== "string" ? (key.source ?? "") : String(keyNode.value);
      const value = pair.value === null ? nothing({ start: keyRange.end, end: keyRange.end }) : undefined;
      const entry = { key: name, keyRange, value: value ?? this.#node(pair.value, depth + 1) };
      if (name === "__proto__") this.#error(keyRange, "key-refused", "`__proto__` cannot be a key");
      else if (entries.has(name)) this.#error(keyRange, "duplicate-key", `\`${name}\` stands twice in this map`);
      else entries.set(name, entry);
    }
    // Earlier maps of a merge win over later ones, the map's own keys over both.
    for (const one of merged) {
      for (const [name, entry] of one.entries) if (!entries.has(name)) entries.set(name, entry);
    }
    return { kind: "map", entries, ...range };
  }

  #merged(value: Node, range: Range): MapNode[] {
    const maps = value.kind === "list" ? value.items : [value];
    return maps.filter((one): one is MapNode => {
      if (one.kind !== "map") this.#error(range, "yaml-merge", "`<<` takes a map, an alias of one, or a list of them");
      return one.kind === "map";
    });
  }
}

type Positions = readonly [number, number, number] | null | undefined;

const STYLES: Readonly<Record<string, ScalarStyle>> = {
  PLAIN: "plain",
  QUOTE_SINGLE: "single",
  QUOTE_DOUBLE: "double",
  BLOCK_LITERAL: "literal",
  BLOCK_FOLDED: "folded",
};

function rangeOf(node: { range?: Positions } | null): Range {
  return { start: node?.range?.[0] ?? 0, end: node?.range?.[1] ?? 0 };
}

function nothing(range: Range): ScalarNode {
  return { kind: "scalar", value: null, style: "plain", start: range.start, end: range.end };
}

function isExact(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false;
  return Number.isSafeInteger(value) || !/^[-+]?(?:\d+|0x[\da-f]+|0o[0-7]+)$/i.test(source);
}
