/**
 * Infers the rules of a trigger from requests that it got. No I/O.
 *
 * The rules accept every request that they were inferred from, also under `additional: reject`.
 */
import type { ValueObject } from "../value.ts";
import type { RequestRules, Rule, RuleSet } from "../workflow/rule.ts";
import type { RuledRequest } from "../workflow/rules.ts";
import { addSample, mergeShapes, NO_SHAPE, propertiesOf, type Shape } from "../workflow/shape.ts";
import { isChoice, isDecimal, isFreeText, isNameable, isNumberOfText } from "./field-name.ts";
import { choicesOf, MIN_EVIDENCE } from "./choices.ts";
import { headerRules, mediaTypeOf } from "./infer-headers.ts";
import { rulesToYaml } from "./rules-yaml.ts";

/** More rules than this help nobody: the deepest levels are left out until there are fewer. */
const MAX_RULES = 1_000;
const MAX_LEVELS = 16;
export interface InferOptions {
  /** Levels of fields below the body; what lies deeper is an `object` without properties. @defaultValue 16 */
  readonly levels?: number;
}

/** What requests look like, part by part. */
export interface RequestShape {
  /** Number of requests. */
  readonly count: number;
  readonly query: Shape;
  /** By lower-case name. */
  readonly headers: Shape;
  readonly body: Shape;
  /** How many came with a body, and how many of these bodies had text fields (forms). */
  readonly bodies: number;
  readonly forms: number;
}

const NO_REQUESTS: RequestShape = {
  count: 0,
  query: NO_SHAPE,
  headers: NO_SHAPE,
  body: NO_SHAPE,
  bodies: 0,
  forms: 0,
};

/** Merges one more request. */
function addRequest(shape: RequestShape, request: RuledRequest): RequestShape {
  const hasBody = request.body !== null;
  return {
    count: shape.count + 1,
    query: addSample(shape.query, request.query),
    headers: addSample(shape.headers, withMediaType(request.headers)),
    // Rules take a request without a body for one without fields.
    body: addSample(shape.body, hasBody ? request.body : {}),
    bodies: shape.bodies + (hasBody ? 1 : 0),
    forms: shape.forms + (hasBody && request.bodyIsText === true ? 1 : 0),
  };
}

function withMediaType(headers: ValueObject): ValueObject {
  const type = headers["content-type"];
  return typeof type === "string" ? { ...headers, "content-type": mediaTypeOf(type) } : headers;
}

export function requestShapeOf(requests: Iterable<RuledRequest>): RequestShape {
  let shape = NO_REQUESTS;
  for (const request of requests) shape = addRequest(shape, request);
  return shape;
}

function inferRules(requests: RequestShape, options: InferOptions = {}): RequestRules {
  const enough = requests.count >= MIN_EVIDENCE;
  const body = bodyFields(requests);
  const isForm = requests.forms > 0 && requests.forms === requests.bodies;
  const levels = Math.min(options.levels ?? MAX_LEVELS, affordableLevels(body));
  return {
    query: fieldRules(topFields(requests.query), requests.count, { isText: true, enough, levels: 1 }),
    headers: headerRules(requests.headers, enough),
    ...(body && { body: fieldRules(body, requests.count, { isText: isForm, enough, levels }) }),
    additional: "allow",
  };
}

interface Context {
  /** Query and form fields: text that rules convert, lists where a name comes again. */
  readonly isText: boolean;
  readonly enough: boolean;
  /** Levels of fields still to be looked into, this one included. */
  readonly levels: number;
}

type Fields = ReadonlyMap<string, Shape>;

/** @returns undefined when there is nothing that rules could say */
function bodyFields({ body, bodies, count }: RequestShape): Fields | undefined {
  if (bodies === 0 || body.kinds.object !== count) return undefined;
  const fields = topFields(body);
  return fields.size === 0 ? undefined : fields;
}

/** The fields of the query or the body itself, which is no dictionary until it has very many. */
function topFields({ object }: Shape): Fields {
  if (object?.kind !== "record" || ![...object.properties.keys()].every(isNameable)) return new Map();
  return object.properties;
}

/** @param count - How many objects might have had the fields. */
function fieldRules(fields: Fields, count: number, context: Context): RuleSet {
  const rules = [...fields].map(([name, shape]): [string, Rule] => [
    name,
    { ...ruleOf(name, shape, context), required: shape.count === count },
  ]);
  return Object.fromEntries(rules);
}

function ruleOf(name: string, shape: Shape, context: Context): Rule {
  const rule = typeOf(name, shape, context);
  return { required: false, nullable: rule.type !== "any" && shape.kinds.null !== undefined, ...rule };
}

type Type = Pick<Rule, "type" | "enum" | "properties" | "items">;

const ANY: Type = { type: "any" };

function typeOf(name: string, shape: Shape, context: Context): Type {
  if (shape.infinite) return ANY;
  if (context.isText && shape.list) return listOf(name, mergeShapes(shape.list.items, withoutLists(shape)), context);
  const { null: _, ...kinds } = shape.kinds;
  const [kind, ...more] = Object.keys(kinds) as (keyof typeof kinds)[];
  if (kind === undefined) return ANY;
  if (more.length > 0)
    return more.concat(kind).every((one) => one === "integer" || one === "number") ? { type: "number" } : ANY;
  switch (kind) {
    case "boolean":
    case "number":
    case "file":
      return { type: kind };
    case "integer":
      return { type: isDecimal(name) ? "number" : "integer" };
    case "string":
      return textType(name, shape, context);
    case "array":
      return listOf(name, shape.list?.items ?? NO_SHAPE, context);
    case "object":
      return objectType(shape, context);
    default:
      return kind satisfies never;
  }
}

function textType(name: string, { text, kinds }: Shape, { isText, enough }: Context): Type {
  if (text === undefined || isFreeText(name)) return { type: "string" };
  if (isText && isNumberOfText(name)) {
    for (const form of ["boolean", "integer", "number"] as const) {
      if (text.forms.has(form)) return { type: form === "integer" && isDecimal(name) ? "number" : form };
    }
  }
  const [format] = text.formats;
  if (format !== undefined) return { type: format };
  const choices = enough && kinds.file === undefined && isChoice(name) ? choicesOf(text.distinct) : undefined;
  return choices && choices.length > 1 ? { type: "string", enum: choices } : { type: "string" };
}

function listOf(name: string, items: Shape, context: Context): Type {
  const rule = ruleOf(name, items, { ...context, isText: context.isText && items.list === undefined });
  return rule.type === "any" ? { type: "array" } : { type: "array", items: rule };
}

function withoutLists(shape: Shape): Shape {
  const { list, ...rest } = shape;
  if (list === undefined || shape.count === list.count) return NO_SHAPE;
  const { array: _, ...kinds } = shape.kinds;
  return { ...rest, kinds, count: shape.count - list.count };
}

function objectType({ object }: Shape, context: Context): Type {
  const fields = object && propertiesOf(object);
  // Naming some of an object's fields would refuse the others where `additional: reject` is in force.
  if (!fields || fields.size === 0 || context.levels <= 1 || ![...fields.keys()].every(isNameable)) {
    return { type: "object" };
  }
  return { type: "object", properties: fieldRules(fields, object.count, { ...context, levels: context.levels - 1 }) };
}

/** How many levels can be described by at most {@link MAX_RULES} rules. */
function affordableLevels(fields: Fields | undefined): number {
  if (fields === undefined) return MAX_LEVELS;
  let level: readonly Fields[] = [fields];
  let rules = fields.size;
  for (let levels = 1; levels < MAX_LEVELS; levels++) {
    level = level.flatMap((one) => [...one.values()].flatMap(fieldsBelow));
    rules += level.reduce((sum, one) => sum + one.size, 0);
    if (rules > MAX_RULES) return levels;
  }
  return MAX_LEVELS;
}

function fieldsBelow(shape: Shape): Fields[] {
  const own = shape.object && propertiesOf(shape.object);
  return [...(own ? [own] : []), ...(shape.list ? fieldsBelow(shape.list.items) : [])];
}

export interface Inference {
  readonly rules: RequestRules;
  /** As it would stand under `trigger.request`; empty when there are no rules. */
  readonly yaml: string;
}

/**
 * Infers rules, as data and as text.
 *
 * @remarks
 * `required` is what all had; formats are those that every text has; `enum` needs ten requests in which few short words
 * came again and again under a name that speaks of a choice. Lengths and ranges are never inferred. A body that is no
 * object in some request gets no rules, because rules are about fields.
 */
export function inferFrom(requests: Iterable<RuledRequest>, options: InferOptions = {}): Inference {
  const rules = inferRules(requestShapeOf(requests), options);
  return { rules, yaml: rulesToYaml(rules) };
}
