/** Changes values of a YAML file and leaves the rest of its text as it is. No I/O. */
import { type Document, isCollection, isMap, isNode, isScalar, type Node, type Pair, parseDocument, visit } from "yaml";
import type { Json } from "../json.ts";

/** A value to set, or with `undefined` to take away, at a path of keys. */
export interface YamlEdit {
  readonly path: readonly [string, ...string[]];
  readonly value: Json | undefined;
}

/**
 * Applies edits to a YAML text that parses.
 *
 * @remarks
 * Only the top-level keys that edits name are written anew, and inside them the nodes keep their comments and styles;
 * every other byte of the text stays. Where the text's form does not allow that (a flow map at the top, aliases across
 * top-level keys), the whole document is written anew, comments kept.
 */
export function editYaml(text: string, edits: readonly YamlEdit[]): string {
  let edited = text;
  for (const edit of edits) edited = applyEdit(edited, edit);
  return edited;
}

/**
 * The lines of a top-level key as they stand in the text, comments inside them too.
 *
 * @returns undefined where there is no such key, or where it cannot be told apart line by line
 */
export function linesOfKey(text: string, key: string): string | undefined {
  const section = findSection(text, key);
  return section === undefined || section === "whole" ? undefined : text.slice(section.start, section.end);
}

function applyEdit(text: string, { path, value }: YamlEdit): string {
  const section = findSection(text, path[0]);
  if (section === "whole") return editDocument(text, path, value);
  if (section === undefined) {
    if (value === undefined) return text;
    const gap = text === "" || text.endsWith("\n") ? "" : lineEnd(text);
    return text + gap + inLineEnds(editDocument("", path, value), text);
  }
  const own = text.slice(section.start, section.end);
  const rest = path.length === 1 && value === undefined ? "" : inLineEnds(editDocument(own, path, value), text);
  return text.slice(0, section.start) + rest + text.slice(section.end);
}

function editDocument(text: string, path: readonly string[], value: Json | undefined): string {
  const document = parseDocument(text);
  if (document.contents === null) document.contents = document.createNode({}) as never;
  if (value === undefined) document.deleteIn(path);
  else document.setIn(path, inPlaceOf(document.getIn(path, true), document.createNode(value)));
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** A node that keeps the comments of the one before it, and its form where both are lists or maps. */
function inPlaceOf(before: unknown, node: Node): Node {
  if (!isNode(before)) return node;
  node.comment = before.comment ?? null;
  node.commentBefore = before.commentBefore ?? null;
  if (isCollection(before) && isCollection(node) && before.flow === true) node.flow = true;
  return node;
}

/** The lines of a top-level key; comments between it and the next key belong to the next. */
function findSection(text: string, key: string): { start: number; end: number } | "whole" | undefined {
  const document = parseDocument(text);
  const { contents } = document;
  if (contents === null) return undefined;
  if (!isMap(contents) || contents.flow || hasAliases(document)) return "whole";
  const starts = contents.items.map(startOf);
  if (starts.some((start) => start === undefined || (start > 0 && text[start - 1] !== "\n"))) return "whole";
  const at = contents.items.findIndex(({ key: one }) => isScalar(one) && one.value === key);
  if (at < 0) return /^(?:\.\.\.|---)/m.test(text.slice(contents.range?.[1])) ? "whole" : undefined;
  const start = starts[at] ?? 0;
  let end = starts[at + 1] ?? contents.range?.[2] ?? text.length;
  const lines = text.slice(start, end).split(/(?<=\n)/);
  while (lines.length > 1 && /^(?:#.*)?\r?\n?$/.test(lines.at(-1) ?? "")) end -= lines.pop()?.length ?? 0;
  return { start, end };
}

function startOf(pair: Pair): number | undefined {
  return (pair.key as { range?: readonly number[] | null } | null)?.range?.[0];
}

function hasAliases(document: Document): boolean {
  let found = false;
  visit(document, {
    Alias: () => {
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

function lineEnd(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function inLineEnds(written: string, text: string): string {
  return lineEnd(text) === "\n" ? written : written.replaceAll("\n", "\r\n");
}
