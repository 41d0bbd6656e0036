/** The rules of a workflow file alone, also where other parts of it have mistakes. No I/O. */
import { parseDocument } from "./parse/document.ts";
import { type Node, valueAt } from "./parse/node.ts";
import { Reader } from "./parse/reader.ts";
import { readRules } from "./parse/trigger.ts";
import type { Problem } from "./problem.ts";
import type { RequestRules } from "./rule.ts";

const NO_RULES: RequestRules = { query: {}, headers: {}, additional: "allow" };

/**
 * @returns No rules for a file without any; `problems` are those of the YAML and of the rules themselves, and what
 * cannot be read is left out of `rules`.
 */
export function parseRules(file: string, yaml: string): { rules: RequestRules; problems: readonly Problem[] } {
  const text = yaml.startsWith("\uFEFF") ? yaml.slice(1) : yaml;
  const reader = new Reader(file, text);
  const { root, errors } = parseDocument(text);
  for (const error of errors) reader.error(error, error.check, error.message, error.hint);
  const trigger = root && below(root, "trigger");
  const request = trigger && below(trigger, "request");
  const rules = request?.kind === "map" ? readRules(reader, request) : NO_RULES;
  return { rules, problems: reader.problems() };
}

function below(node: Node, key: string): Node | undefined {
  return node.kind === "map" ? valueAt(node, key) : undefined;
}
