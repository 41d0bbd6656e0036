/** Checks the literal headers of a file. No I/O. */
import { CONNECTION_FIELDS, isHeaderName } from "../header-syntax.ts";
import { describeNode, type Node } from "./node.ts";
import type { Reader } from "./reader.ts";

/** A map of names to texts, or an expression that yields one. */
export function checkHeaders(reader: Reader, node: Node): void {
  if (node.kind !== "map") {
    if (node.kind === "scalar" && typeof node.value === "string" && node.value.includes("${{")) return;
    reader.wrong(node, "wrong-type", "`headers` as a map, or an expression that yields one");
    return;
  }
  const names = new Set<string>();
  for (const { key, keyRange, value } of node.entries.values()) {
    const name = key.toLowerCase();
    if (!isHeaderName(key)) reader.error(keyRange, "bad-header", `\`${key}\` cannot be a header's name`);
    else if (CONNECTION_FIELDS.has(name)) {
      reader.error(keyRange, "bad-header", `\`${key}\` follows from the message and cannot be set`, "Remove it.");
    }
    if (names.has(name)) reader.error(keyRange, "duplicate-key", `the header \`${name}\` stands twice`);
    names.add(name);
    checkValue(reader, value);
  }
}

function checkValue(reader: Reader, node: Node): void {
  if (node.kind !== "scalar" || node.value === null) {
    reader.error(
      node.kind === "scalar" ? node : { start: node.start, end: node.start + 1 },
      "bad-header",
      `expected a header's value as a text, got ${describeNode(node)}`,
    );
    return;
  }
  // Expressions may hold anything; only the literal text around them is known here.
  const literal = String(node.value).replaceAll(/\$\{\{[\s\S]*?\}\}/g, "");
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\n-\u001f\u007f]/.test(literal)) {
    const hint = "Use `>-` or `|-` for a text on several lines, without a line break at its end.";
    reader.error(node, "bad-header", "a header's value cannot hold line breaks or control characters", hint);
  } else if (/[\u0100-\uffff]/.test(literal)) {
    reader.error(node, "bad-header", "a header's value cannot hold characters beyond Latin-1", "Encode it.");
  }
}
