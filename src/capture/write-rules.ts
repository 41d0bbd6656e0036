/** Writes inferred rules into a workflow file and leaves the rest of it as it is, to the byte. No I/O. */
import { isDeepStrictEqual } from "node:util";
import { isMap, type Pair, parseDocument, type YAMLMap } from "yaml";
import { WfError } from "../errors.ts";
import { parseRules } from "../workflow/parse-rules.ts";
import type { RequestRules, Rule, RuleSet } from "../workflow/rule.ts";
import { fieldEntries, requestEntries, ruleEntry, ruleToFlow, type YamlEntry } from "./rules-yaml.ts";
import { isNothing, pairOf, YamlSplice } from "./yaml-splice.ts";

export interface WriteOptions {
  /**
   * Paths of rules that give way to inferred ones, as `findViolations` names those that requests break. Other rules of
   * the file stay.
   *
   * @defaultValue none
   */
  readonly replace?: ReadonlySet<string>;
}

export interface WrittenRules {
  /** The whole file. */
  readonly text: string;
  /** Fields that had no rule, dotted, with the request's part in front: `body.customer.email`, `body.lines[].sku`. */
  readonly added: readonly string[];
  readonly replaced: readonly RuleDifference[];
  /** Fields whose rule in the file differs from what the requests show, and stays. */
  readonly kept: readonly RuleDifference[];
}

/** Both rules in YAML's flow style. */
export interface RuleDifference {
  readonly path: string;
  readonly inFile: string;
  readonly inferred: string;
}

type Part = "query" | "headers" | "body";

/**
 * @param file - Its name, for messages.
 * @throws {@link WfError} `WORKFLOW_INVALID` for a file whose YAML or whose rules have mistakes, and for one that shares
 * its rules with other parts by aliases
 */
export function writeRules(
  file: string,
  text: string,
  inferred: RequestRules,
  options: WriteOptions = {},
): WrittenRules {
  const { rules, problems } = parseRules(file, text);
  const problem = problems.find(({ severity }) => severity === "error");
  if (problem) {
    const at = { file, line: problem.place.line, column: problem.place.column };
    throw new WfError("WORKFLOW_INVALID", `Rules cannot be written into ${file}: ${problem.message}.`, { at });
  }
  const writer = new RuleWriter(text, options.replace ?? new Set());
  writer.write(file, inferred, rules);
  const written = writer.result();
  verify(file, text, written.text, inferred);
  return written;
}

class RuleWriter {
  readonly #edit: YamlSplice;
  readonly #replace: readonly string[];
  readonly #added: string[] = [];
  readonly #replaced: RuleDifference[] = [];
  readonly #kept: RuleDifference[] = [];

  constructor(text: string, replace: ReadonlySet<string>) {
    this.#edit = new YamlSplice(text);
    this.#replace = [...replace];
  }

  result(): WrittenRules {
    return { text: this.#edit.toString(), added: this.#added, replaced: this.#replaced, kept: this.#kept };
  }

  write(file: string, inferred: RequestRules, rules: RequestRules): void {
    const entries = requestEntries(inferred);
    if (entries.length === 0) return;
    const root = this.#edit.document.contents;
    if (!isMap(root)) throw new WfError("WORKFLOW_INVALID", `${file} holds no workflow.`);
    const trigger = pairOf(root, "trigger");
    if (trigger === undefined) {
      this.#addAll(inferred);
      const whole = { key: "trigger", value: [{ key: "request", value: entries }] };
      return this.#edit.insert(root, [whole], pairOf(root, "description") ?? pairOf(root, "name") ?? "first");
    }
    const rootInFlow = root.flow === true;
    if (isEmptyTrigger(trigger.value) && !this.#edit.source(trigger.value).includes("#")) {
      this.#addAll(inferred);
      return this.#edit.setValue(trigger, [{ key: "request", value: entries }], rootInFlow);
    }
    const triggerMap = mapOf(file, "trigger", trigger);
    const inFlow = rootInFlow || triggerMap.flow === true;
    const request = pairOf(triggerMap, "request");
    if (request === undefined || isNothing(request.value)) {
      this.#addAll(inferred);
      if (request) return this.#edit.setValue(request, entries, inFlow);
      return this.#edit.insert(triggerMap, [{ key: "request", value: entries }]);
    }
    this.#writeRequest(file, mapOf(file, "request", request), inferred, rules, entries, inFlow);
  }

  #writeRequest(
    file: string,
    map: YAMLMap,
    inferred: RequestRules,
    rules: RequestRules,
    entries: YamlEntry[],
    outerFlow: boolean,
  ): void {
    const inFlow = outerFlow || map.flow === true;
    const missing: YamlEntry[] = [];
    for (const part of ["query", "headers", "body"] satisfies Part[]) {
      const fields = inferred[part] ?? {};
      const entry = entries.find(({ key }) => key === part);
      const pair = pairOf(map, part);
      if (pair === undefined || isNothing(pair.value)) {
        if (entry === undefined) continue;
        this.#add(part, fields);
        if (pair) this.#edit.setValue(pair, entry.value, inFlow);
        else missing.push(entry);
      } else if (entry || this.#givesWay(part)) {
        this.#merge(mapOf(file, part, pair), fields, rules[part] ?? {}, part, inFlow);
      }
    }
    // Last: what is added behind the end of an inner map must come before what is added behind the outer one's.
    this.#edit.insert(map, missing);
  }

  #merge(map: YAMLMap, inferred: RuleSet, existing: RuleSet, path: string, outerFlow: boolean): void {
    const inFlow = outerFlow || map.flow === true;
    const missing: [string, Rule][] = [];
    for (const [name, rule] of Object.entries(inferred)) {
      const own = Object.hasOwn(existing, name) ? existing[name] : undefined;
      if (own === undefined) missing.push([name, rule]);
      else this.#mergeField(pairOf(map, name, path === "headers"), name, rule, own, fieldPath(path, name), inFlow);
    }
    for (const [name, rule] of Object.entries(existing)) {
      if (!Object.hasOwn(inferred, name))
        this.#loosen(pairOf(map, name, path === "headers"), rule, fieldPath(path, name), inFlow);
    }
    const rules = Object.fromEntries(missing);
    this.#add(path, rules);
    this.#edit.insert(map, fieldEntries(rules));
  }

  /** @param pair - Undefined for a rule that a merge key brings in. */
  #mergeField(
    pair: Pair | undefined,
    name: string,
    inferred: Rule,
    existing: Rule,
    path: string,
    inFlow: boolean,
  ): void {
    if (isDeepStrictEqual(inferred, existing)) return;
    const inner = pair && innerFields(pair, inferred, existing);
    if (inner) return this.#mergeObject(pair, inner, inferred, existing, path, inFlow);
    const difference = { path, inFile: ruleToFlow(existing), inferred: ruleToFlow(inferred) };
    if (!pair || !this.#givesWay(path)) this.#kept.push(difference);
    else {
      this.#replaced.push(difference);
      this.#edit.setValue(pair, ruleEntry(name, inferred).value, inFlow);
    }
  }

  /** A field that no request had is required no longer. */
  #loosen(pair: Pair | undefined, existing: Rule, path: string, inFlow: boolean): void {
    if (!existing.required || !this.#replace.includes(path)) return;
    const required = isMap(pair?.value) ? pairOf(pair.value, "required") : undefined;
    if (!isMap(pair?.value) || required === undefined) return;
    this.#edit.setValue(required, "false", inFlow || pair.value.flow === true);
    const inferred = ruleToFlow(withoutInner({ ...existing, required: false }));
    this.#replaced.push({ path, inFile: ruleToFlow(withoutInner(existing)), inferred });
  }

  /** True for a rule that gives way itself, or that has no fields of its own and something in which does. */
  #givesWay(path: string): boolean {
    return this.#replace.some((one) => one === path || one.startsWith(`${path}.`) || one.startsWith(`${path}[]`));
  }

  #mergeObject(pair: Pair, inner: InnerFields, inferred: Rule, existing: Rule, path: string, inFlow: boolean): void {
    const [own, ownInFile] = [withoutInner(inferred), withoutInner(existing)];
    if (!isDeepStrictEqual(own, ownInFile)) {
      const difference = { path, inFile: ruleToFlow(ownInFile), inferred: ruleToFlow(own) };
      const isBroken = this.#replace.some((one) => one === path || one === path + inner.suffix);
      const isDone = isBroken && this.#adjust(pair, inferred, existing, inFlow);
      (isDone ? this.#replaced : this.#kept).push(difference);
    }
    this.#merge(inner.map, inner.inferred, inner.existing, path + inner.suffix, inFlow || inner.inFlow);
  }

  /** Makes an object's own `required` and `nullable` what was inferred. @returns True when that was all that differed */
  #adjust(pair: Pair, inferred: Rule, existing: Rule, outerFlow: boolean): boolean {
    const { value } = pair;
    if (!isMap(value)) return false;
    const inFlow = outerFlow || value.flow === true;
    for (const key of ["required", "nullable"] as const) {
      if (inferred[key] === existing[key]) continue;
      const known = pairOf(value, key);
      const text = String(inferred[key]);
      if (known) this.#edit.setValue(known, text, inFlow);
      else this.#edit.insert(value, [{ key, value: text }], pairOf(value, "type") ?? "first");
    }
    const { required, nullable } = inferred;
    const isDone = isDeepStrictEqual(withoutItems(inferred), withoutItems({ ...existing, required, nullable }));
    const items = pairOf(value, "items");
    if (!items || !inferred.items || !existing.items) return isDone;
    return this.#adjust(items, inferred.items, existing.items, inFlow) && isDone;
  }

  #addAll({ query, headers, body = {} }: RequestRules): void {
    for (const [part, fields] of Object.entries({ query, headers, body })) this.#add(part, fields);
  }

  #add(path: string, fields: RuleSet): void {
    for (const name of Object.keys(fields)) this.#added.push(fieldPath(path, name));
  }
}

interface InnerFields {
  readonly map: YAMLMap;
  readonly inferred: RuleSet;
  readonly existing: RuleSet;
  /** `[]` for each list around the object. */
  readonly suffix: string;
  readonly inFlow: boolean;
}

/** The properties of an object, or of a list's objects, where both the file and the requests know some. */
function innerFields(pair: Pair, inferred: Rule, existing: Rule): InnerFields | undefined {
  const { value } = pair;
  if (!isMap(value)) return undefined;
  const inFlow = value.flow === true;
  if (inferred.properties && existing.properties) {
    const map = pairOf(value, "properties")?.value;
    if (!isMap(map) || map.items.length === 0) return undefined;
    return { map, inferred: inferred.properties, existing: existing.properties, suffix: "", inFlow };
  }
  const items = pairOf(value, "items");
  if (!inferred.items || !existing.items || !items) return undefined;
  const inner = innerFields(items, inferred.items, existing.items);
  return inner && { ...inner, suffix: `[]${inner.suffix}`, inFlow: inFlow || inner.inFlow };
}

/** The rule itself, without what it says of properties. */
function withoutInner(rule: Rule): Rule {
  const { properties: _, items, ...own } = rule;
  return { ...own, ...(items && { items: withoutInner(items) }) };
}

function withoutItems(rule: Rule): Rule {
  const { items: _, properties: __, ...own } = rule;
  return own;
}

function fieldPath(path: string, name: string): string {
  return `${path}.${name}`;
}

/** `trigger:`, and what the hint of `wf check` proposes: `{ request: {} }`. */
function isEmptyTrigger(node: unknown): boolean {
  if (isNothing(node)) return true;
  if (!isMap(node) || node.flow !== true || node.items.length !== 1) return false;
  const request = pairOf(node, "request");
  return request !== undefined && isNothing(request.value);
}

function mapOf(file: string, key: string, { value }: Pair): YAMLMap {
  if (isMap(value)) return value;
  throw shared(file, `\`${key}\` is not written out as a map here`);
}

/** Holds the result against what was promised, whatever unusual YAML the file has. */
function verify(file: string, before: string, after: string, inferred: RequestRules): void {
  const { rules, problems } = parseRules(file, after);
  if (problems.some(({ severity }) => severity === "error")) throw shared(file, "its form is unusual");
  if (!isDeepStrictEqual(withoutRules(before), withoutRules(after)))
    throw shared(file, "other parts use its rules, too");
  for (const part of ["query", "headers", "body"] as const) {
    const known = rules[part] ?? {};
    if (!Object.keys(inferred[part] ?? {}).every((name) => Object.hasOwn(known, name)))
      throw shared(file, "its form is unusual");
  }
}

function shared(file: string, reason: string): WfError {
  return new WfError(
    "WORKFLOW_INVALID",
    `Rules cannot be written into ${file} without changing more of it: ${reason}.`,
    {
      hint: "`wf rules infer` without --write prints them, to be put in by hand.",
    },
  );
}

/** Everything but the rules, as data. */
function withoutRules(text: string): unknown {
  const content = parseDocument(text.replace(/^\uFEFF/, ""), {
    logLevel: "silent",
    uniqueKeys: false,
  }).toJS() as unknown;
  if (!isRecord(content)) return content;
  const { trigger, ...rest } = content;
  const { request, ...ofTrigger } = isRecord(trigger) ? trigger : {};
  const { query: _, headers: __, body: ___, ...ofRequest } = isRecord(request) ? request : {};
  return { rest, ofTrigger, ofRequest };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
