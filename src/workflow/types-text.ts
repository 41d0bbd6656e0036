/** TypeScript types as values, and their text. Nothing from a file gets into the text but as a quoted string or a checked name. No I/O. */
import type { Json } from "../json.ts";

export type Type =
  /** TypeScript as it stands, from our own words only. */
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "list"; readonly items: Type }
  | { readonly kind: "union"; readonly of: readonly Type[] }
  /** `others` is the type under any other name. */
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, Field>; readonly others?: Type };

export interface Field {
  readonly type: Type;
  readonly optional: boolean;
}

export const UNKNOWN: Type = { kind: "text", text: "unknown" };
export const NULL: Type = { kind: "text", text: "null" };
export const STRING: Type = { kind: "text", text: "string" };
export const NUMBER: Type = { kind: "text", text: "number" };
export const BOOLEAN: Type = { kind: "text", text: "boolean" };
export const FILE: Type = { kind: "text", text: "WfFile" };

export function objectOf(fields: { readonly [name: string]: Type }): Type {
  return record(Object.entries(fields).map(([name, type]) => [name, { type, optional: false }]));
}

export function record(fields: Iterable<readonly [string, Field]>, others?: Type): Type {
  return { kind: "object", fields: new Map(fields), ...(others && { others }) };
}

export function literalOf(value: Json): Type {
  if (value === null) return NULL;
  return typeof value === "object" ? UNKNOWN : { kind: "literal", value };
}

/** Each member once; anything with `unknown` is `unknown`. */
export function union(members: readonly Type[]): Type {
  const flat = members.flatMap((member) => (member.kind === "union" ? member.of : [member]));
  const byText = new Map(flat.map((member) => [typeText(member), member]));
  const [first, ...more] = byText.values();
  if (first === undefined || byText.has("unknown")) return UNKNOWN;
  return more.length === 0 ? first : { kind: "union", of: [first, ...more] };
}

/** The type under a name, as expressions read it: what may be null or absent has failed before. */
export function typeBelow(type: Type, name: string): Type {
  if (type.kind === "object") return type.fields.get(name)?.type ?? type.others ?? UNKNOWN;
  if (type.kind === "list") return /^\d+$/.test(name) ? type.items : UNKNOWN;
  if (type.kind === "union") {
    const below = type.of.filter((member) => member !== NULL && hasName(member, name));
    return below.length === 0 ? UNKNOWN : union(below.map((member) => typeBelow(member, name)));
  }
  if (type.kind === "text" && type.text.startsWith("FunctionOutput<")) {
    return { kind: "text", text: `FieldOf<${type.text}, ${quote(name)}>` };
  }
  return UNKNOWN;
}

function hasName(type: Type, name: string): boolean {
  return type.kind !== "object" || type.fields.has(name) || type.others !== undefined;
}

export function typeText(type: Type, indent = ""): string {
  switch (type.kind) {
    case "text":
      return type.text;
    case "literal":
      return typeof type.value === "string" ? quote(type.value) : String(type.value);
    case "list":
      return `readonly ${type.items.kind === "union" ? `(${typeText(type.items, indent)})` : wrapList(type.items, indent)}[]`;
    case "union":
      return type.of
        .map((member) => (member.kind === "list" ? `(${typeText(member, indent)})` : typeText(member, indent)))
        .join(" | ");
    case "object":
      return objectText(type, indent);
    default:
      return type satisfies never;
  }
}

function wrapList(items: Type, indent: string): string {
  const text = typeText(items, indent);
  return items.kind === "list" ? `(${text})` : text;
}

function objectText(type: Extract<Type, { kind: "object" }>, indent: string): string {
  const inner = `${indent}  `;
  const lines = [...type.fields].map(
    ([name, { type: field, optional }]) =>
      `${inner}readonly ${keyText(name)}${optional ? "?" : ""}: ${typeText(field, inner)}${optional && typeText(field) !== "unknown" ? " | undefined" : ""};`,
  );
  if (type.others) lines.push(`${inner}readonly [name: string]: ${typeText(type.others, inner)};`);
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
}

function keyText(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name);
}

/** A string literal; what editors take for line ends or for the direction of text is escaped. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll(
    // oxlint-disable-next-line no-control-regex
    /[\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text that cannot end a comment. */
export function commentText(text: string): string {
  return text
    .replaceAll("*/", "*\u200A/")
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S}\u200A ]+/gu, " ")
    .slice(0, 200);
}

/** `lead-created` as `LeadCreated`; names that come out the same get a number, in their order. */
export function pascalNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const id of ids) {
    const joined = id
      .split(/[^A-Za-z0-9]+/)
      .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
      .join("");
    const base = /^[A-Z]/.test(joined) ? joined : `W${joined}`;
    let name = base;
    for (let count = 2; taken.has(name); count++) name = `${base}_${count}`;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}
