/** A YAML document as plain nodes with offsets: aliases followed, merge keys applied. No I/O. */

/** A stretch of the file's text in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded";

export interface ScalarNode extends Range {
  readonly kind: "scalar";
  readonly value: null | boolean | number | string;
  readonly style: ScalarStyle;
}

export interface ListNode extends Range {
  readonly kind: "list";
  readonly items: readonly Node[];
}

export interface MapEntry {
  readonly key: string;
  readonly keyRange: Range;
  readonly value: Node;
}

export interface MapNode extends Range {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export type Node = ScalarNode | ListNode | MapNode;

/** The value of a key; undefined when the map has no such key. */
export function valueAt(map: MapNode, key: string): Node | undefined {
  return map.entries.get(key)?.value;
}

/** What a node is, for messages: `a list`, `text`, `nothing`. */
export function describeNode(node: Node): string {
  if (node.kind === "list") return "a list";
  if (node.kind === "map") return "a map";
  if (node.value === null) return "nothing";
  if (typeof node.value === "string") return node.value.length <= 30 ? `the text \`${node.value}\`` : "a text";
  return `\`${String(node.value)}\``;
}

/**
 * Finds where a stretch of a scalar's value stands in the file.
 *
 * @remarks
 * YAML folds lines, strips indentation and knows escapes, so the two differ in white space only, apart from escapes:
 * counting the other characters finds the place in every style.
 */
export function rangeInScalar(text: string, node: ScalarNode, offset: number, length: number): Range {
  const value = String(node.value);
  const from = countInk(value, offset);
  const inkLength = Math.max(1, countInk(value.slice(offset, offset + length), length));
  const spots = inkSpots(text, node, from + inkLength);
  const start = spots[from] ?? spots.at(-1) ?? node.start;
  const last = spots[from + inkLength - 1] ?? start;
  return { start, end: Math.max(start, last) + 1 };
}

function countInk(text: string, end: number): number {
  let count = 0;
  for (let i = 0; i < end && i < text.length; i++) if (!isBlank(text.charCodeAt(i))) count++;
  return count;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13;
}

/** Offsets in the file of the first `count` characters of the value that are no white space. */
function inkSpots(text: string, node: ScalarNode, count: number): number[] {
  const spots: number[] = [];
  const quoted = node.style === "single" || node.style === "double";
  let at = quoted ? node.start + 1 : node.start;
  if (node.style === "literal" || node.style === "folded") {
    // The header (`|-`, `>2 # comment`) ends with its line.
    const lineEnd = text.indexOf("\n", at);
    at = lineEnd < 0 ? node.end : lineEnd + 1;
  }
  while (at < node.end && spots.length < count) {
    const char = text[at];
    if (node.style === "single" && char === "'") {
      if (text[at + 1] !== "'") break;
      spots.push(at);
      at += 2;
    } else if (node.style === "double" && char === '"') {
      break;
    } else if (node.style === "double" && char === "\\") {
      const size = escapeSize(text[at + 1]);
      // A surrogate pair written as one escape counts as two units of the value.
      if (!"ntr \t\n\rNLP_".includes(text[at + 1] ?? "")) spots.push(at);
      if (size === 10 && Number.parseInt(text.slice(at + 2, at + 10), 16) > 0xff_ff) spots.push(at);
      at += size;
    } else {
      if (!isBlank(text.charCodeAt(at))) spots.push(at);
      at += 1;
    }
  }
  return spots;
}

function escapeSize(letter: string | undefined): number {
  if (letter === "x") return 4;
  if (letter === "u") return 6;
  return letter === "U" ? 10 : 2;
}
