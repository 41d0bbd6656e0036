/** How fresh requests differ from a workflow's rules and from what was saved of earlier ones. No I/O. */
import type { RequestRules, Rule, RuleSet, RuleViolation } from "../workflow/rule.ts";
import { compileRules, type RuledRequest } from "../workflow/rules.ts";
import { type Kind, propertiesOf, type Shape } from "../workflow/shape.ts";
import { requestShapeOf, type RequestShape } from "./infer-rules.ts";

export type DriftKind =
  /** A field that no rule names, or that no saved request has. */
  | "added"
  /** A field that a rule requires, or that every saved request has. */
  | "missing"
  /** A value of another type or format. */
  | "type"
  /** A value that the rule does not list. */
  | "value"
  /** A value that breaks a rule of another kind, such as a length. */
  | "rule";

/** One place at which fresh requests differ. */
export interface Drift {
  readonly kind: DriftKind;
  /** Dotted, with the request's part in front and `[]` for the items of lists: `body.lines[].sku`. */
  readonly path: string;
  readonly against: "rules" | "test data";
  /** What was seen, and what was expected. */
  readonly message: string;
  /** How many of the fresh requests show it; absent where only all of them together do. */
  readonly requests?: number;
}

type Part = "query" | "headers" | "body";

/** @param saved - None when there is nothing to compare with. */
export function findDrift(
  fresh: readonly RuledRequest[],
  rules: RequestRules,
  saved: readonly RuledRequest[],
): Drift[] {
  const shape = requestShapeOf(fresh);
  return [
    ...findViolations(fresh, rules),
    ...unruledDrift(shape, rules),
    ...(saved.length > 0 && fresh.length > 0 ? savedDrift(shape, requestShapeOf(saved)) : []),
  ];
}

/** Where requests break rules, by place and rule. */
export function findViolations(fresh: readonly RuledRequest[], rules: RequestRules): Drift[] {
  const validator = compileRules(rules);
  const found = new Map<string, { violation: RuleViolation; path: string; requests: number }>();
  for (const request of fresh) {
    const result = validator.validate(request);
    if (result.ok) continue;
    const broken = new Map(result.violations.map((violation) => [keyOf(violation), violation]));
    for (const [key, violation] of broken) {
      const path = pathOf(violation);
      found.set(key, { violation, path, requests: (found.get(key)?.requests ?? 0) + 1 });
    }
  }
  return [...found.values()].map(({ violation, path, requests }) => ({
    kind: kindOf(violation.rule),
    path,
    against: "rules",
    message: violation.message,
    requests,
  }));
}

function keyOf(violation: RuleViolation): string {
  return `${pathOf(violation)} ${violation.rule}`;
}

function pathOf(violation: RuleViolation): string {
  const path = violation.path.replaceAll(/\[\d+\]/g, "[]");
  return path === "" ? violation.in : path.startsWith("[") ? violation.in + path : `${violation.in}.${path}`;
}

function kindOf(rule: string): DriftKind {
  if (rule.startsWith("required")) return "missing";
  if (rule.startsWith("additional")) return "added";
  if (rule.startsWith("type")) return "type";
  return rule.startsWith("enum") || rule.startsWith("equals") ? "value" : "rule";
}

/** Fields that no rule names, in parts and objects whose other fields have rules. */
function unruledDrift(fresh: RequestShape, rules: RequestRules): Drift[] {
  const found: Drift[] = [];
  const fields = (shape: Shape, known: RuleSet, path: string): void => {
    for (const [name, one] of namesOf(shape)) {
      const rule = Object.hasOwn(known, name) ? known[name] : undefined;
      const at = `${path}.${name}`;
      if (rule) below(one, rule, at);
      else
        found.push({ kind: "added", path: at, against: "rules", message: `no rule names it; it is ${describe(one)}` });
    }
  };
  const below = (shape: Shape, rule: Rule, path: string): void => {
    // `reject` reports these fields as broken rules.
    if (rule.properties && rule.additional !== "reject") fields(shape, rule.properties, path);
    if (rule.items && shape.list) below(shape.list.items, rule.items, `${path}[]`);
  };
  if (rules.additional === "reject") return [];
  if (Object.keys(rules.query).length > 0) fields(fresh.query, rules.query, "query");
  if (rules.body && Object.keys(rules.body).length > 0) fields(fresh.body, rules.body, "body");
  return found;
}

function savedDrift(fresh: RequestShape, saved: RequestShape): Drift[] {
  return (["query", "body"] satisfies Part[]).flatMap((part) => shapeDrift(fresh[part], saved[part], part));
}

function shapeDrift(fresh: Shape, saved: Shape, path: string): Drift[] {
  if (fresh.count === 0 || saved.count === 0) return [];
  const drift = (kind: DriftKind, at: string, message: string): Drift => ({
    kind,
    path: at,
    against: "test data",
    message,
  });
  const found: Drift[] = [];
  const change = typeChange(fresh, saved);
  if (change !== undefined) found.push(drift("type", path, change));
  if (fresh.object && saved.object) {
    const before = new Map(namesOf(saved));
    const now = new Map(namesOf(fresh));
    for (const [name, one] of now) {
      const old = before.get(name);
      if (old) found.push(...shapeDrift(one, old, `${path}.${name}`));
      else if (before.size > 0)
        found.push(drift("added", `${path}.${name}`, `no saved request has it; it is ${describe(one)}`));
    }
    for (const [name, one] of before) {
      const isMissing = now.size > 0 && !now.has(name) && one.count === saved.object.count;
      if (isMissing)
        found.push(
          drift("missing", `${path}.${name}`, `every saved request has it (${describe(one)}), no fresh one does`),
        );
    }
  }
  if (fresh.list && saved.list) found.push(...shapeDrift(fresh.list.items, saved.list.items, `${path}[]`));
  return found;
}

function typeChange(fresh: Shape, saved: Shape): string | undefined {
  const before = new Set(kindsOf(saved));
  const isNew = kindsOf(fresh).some((kind) => !before.has(kind) && !(kind === "integer" && before.has("number")));
  // A field that was null in every saved request has shown no type yet.
  if (isNew && kindsOf(saved).join() !== "null") return `it was ${describe(saved)}, now it is ${describe(fresh)}`;
  const [format] = saved.text?.formats ?? [];
  if (format !== undefined && fresh.text && ![...fresh.text.formats].some((one) => saved.text?.formats.has(one))) {
    return `it was ${format}, now it is ${describe(fresh)}`;
  }
  return undefined;
}

function kindsOf({ kinds }: Shape): Kind[] {
  return Object.keys(kinds) as Kind[];
}

/** `integer`, `email or null`. */
function describe(shape: Shape): string {
  const words = kindsOf(shape).map((kind) =>
    kind === "string" ? ([...(shape.text?.formats ?? [])][0] ?? kind) : kind,
  );
  return [...new Set(words)].toSorted((a, b) => Number(a === "null") - Number(b === "null")).join(" or ");
}

function namesOf({ object }: Shape): readonly [string, Shape][] {
  return object ? [...(propertiesOf(object) ?? [])] : [];
}
