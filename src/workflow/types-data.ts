/** Types of data from rules, from JSON Schema and from the shapes of samples. No I/O. */
import type { Json } from "../json.ts";
import type { Rule, RuleSet } from "./rule.ts";
import { NO_SHAPE, propertiesOf, type Shape, valuesOf } from "./shape.ts";
import {
  BOOLEAN,
  type Field,
  FILE,
  literalOf,
  NULL,
  NUMBER,
  record,
  STRING,
  type Type,
  union,
  UNKNOWN,
} from "./types-text.ts";

/** @param others - Of fields that neither rules nor samples name; none by default, so that a slip is an error. */
export function typeOfFields(rules: RuleSet, shape: Shape, others?: Type): Type {
  const seen = (shape.object && propertiesOf(shape.object)) ?? new Map<string, Shape>();
  const fields = new Map<string, Field>();
  for (const [name, rule] of Object.entries(rules)) {
    const type = typeOfRule(rule, seen.get(name) ?? NO_SHAPE);
    // Fields beside others are headers: text, unless their rule converts it.
    fields.set(name, { type: type === UNKNOWN && others ? STRING : type, optional: !rule.required });
  }
  for (const [name, field] of seen) {
    if (!fields.has(name)) fields.set(name, seenField(field, shape));
  }
  return record(fields, others);
}

function seenField(field: Shape, parent: Shape): Field {
  return { type: typeOfShape(field), optional: field.count < (parent.object?.count ?? 0) };
}

function typeOfRule(rule: Rule, shape: Shape): Type {
  const type = bareTypeOfRule(rule, shape);
  return rule.nullable ? union([type, NULL]) : type;
}

function bareTypeOfRule(rule: Rule, shape: Shape): Type {
  if (rule.equals !== undefined) return literalOf(rule.equals);
  if (rule.enum) return union(rule.enum.map(literalOf));
  switch (rule.type) {
    case "number":
    case "integer":
      return NUMBER;
    case "boolean":
      return BOOLEAN;
    case "file":
      return FILE;
    case "array": {
      const items = shape.list?.items ?? NO_SHAPE;
      return { kind: "list", items: rule.items ? typeOfRule(rule.items, items) : typeOfShape(items) };
    }
    case "object":
      if (!rule.properties && !shape.object) return record([], UNKNOWN);
      return rule.properties ? typeOfFields(rule.properties, shape) : typeOfObject(shape);
    case "any":
      return typeOfShape(shape);
    default:
      return STRING;
  }
}

/** `unknown` for what was never seen. */
export function typeOfShape(shape: Shape): Type {
  if (shape.count === 0) return UNKNOWN;
  const { kinds } = shape;
  const members: Type[] = [];
  if (kinds.string) members.push(STRING);
  if (kinds.integer || kinds.number) members.push(NUMBER);
  if (kinds.boolean) members.push(BOOLEAN);
  if (kinds.file) members.push(FILE);
  if (shape.list) members.push({ kind: "list", items: typeOfShape(shape.list.items) });
  if (shape.object) members.push(typeOfObject(shape));
  if (kinds.null) members.push(NULL);
  // A value that only ever was null has another type when it is there.
  return members.length === 1 && members[0] === NULL ? UNKNOWN : union(members);
}

function typeOfObject(shape: Shape): Type {
  if (!shape.object) return UNKNOWN;
  const properties = propertiesOf(shape.object);
  if (!properties) return record([], typeOfShape(valuesOf(shape.object)));
  return record([...properties].map(([name, field]) => [name, seenField(field, shape)]));
}

/** The common keywords of JSON Schema; `unknown` for all else. */
export function typeOfSchema(schema: Json | undefined, depth = 0): Type {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema) || depth > 16) return UNKNOWN;
  const keywords = schema as { readonly [keyword: string]: Json };
  const { type, properties, required, items, enum: choices, const: only, anyOf, oneOf } = keywords;
  if (only !== undefined) return literalOf(only);
  if (Array.isArray(choices)) return union(choices.map(literalOf));
  const alternatives = anyOf ?? oneOf;
  if (Array.isArray(alternatives)) return union(alternatives.map((one) => typeOfSchema(one, depth + 1)));
  if (Array.isArray(type)) return union(type.map((one) => typeOfSchema({ ...keywords, type: one }, depth + 1)));
  switch (type) {
    case "string":
      return STRING;
    case "number":
    case "integer":
      return NUMBER;
    case "boolean":
      return BOOLEAN;
    case "null":
      return NULL;
    case "array":
      return { kind: "list", items: typeOfSchema(items, depth + 1) };
    case "object": {
      const needed = Array.isArray(required) ? required : [];
      const fields = Object.entries((properties ?? {}) as { readonly [name: string]: Json });
      return record(
        fields.map(([name, one]) => [name, { type: typeOfSchema(one, depth + 1), optional: !needed.includes(name) }]),
        fields.length === 0 ? UNKNOWN : undefined,
      );
    }
    default:
      return UNKNOWN;
  }
}
