/** Finds expressions that name what cannot exist. No I/O. */
import { credentialHeaders } from "./credential-headers.ts";
import type { RequestTrigger } from "./definition.ts";
import type { Reference } from "./expression.ts";
import type { Draft } from "./parse/draft.ts";
import type { ExpressionUse } from "./parse/expressions.ts";
import type { Range } from "./parse/node.ts";
import { didYouMean, nearest } from "./parse/reader.ts";
import type { Rule, RuleSet } from "./rule.ts";
import { NO_SHAPE, type Shape } from "./shape.ts";
import { SeenPlace, type SeenSample } from "./seen.ts";

const TRIGGER_KEYS = ["method", "url", "query", "headers", "body", "file", "userId"];
const EXECUTION_KEYS = ["id", "workflowId", "startedAt", "userId"];
const PAGE_KEYS = ["statusCode", "headers", "body"];
const WORKFLOW_OUTPUT_KEYS = ["executionId", "statusCode", "body"];

/** Why a root variable that exists elsewhere is not there. */
const ELSEWHERE: { readonly [root: string]: string } = {
  error: "`error` exists in `retry.when` and in the steps of the workflow's `on_error`.",
  page: "`page` exists in `paginate`.",
  pages: "`pages` exists in `paginate`.",
  item: "`item` exists inside the steps of a `foreach` without `as`.",
  env: "The environment is `secrets.NAME`.",
  request: "The request is `trigger`.",
};

/**
 * Reports every reference that the file's own words show to be wrong.
 *
 * @param seen - Test data of the workflow: warns of names that neither rules nor any of it have.
 */
export function checkReferences(
  draft: Draft,
  request: RequestTrigger | undefined,
  seen: readonly SeenSample[] | undefined,
): void {
  const places = seenPlaces(seen ?? []);
  for (const use of draft.expressions.uses) {
    for (const reference of use.expression.references) new ReferenceCheck(draft, use, reference, places).run(request);
  }
}

type SeenPlaces = { readonly [part in "query" | "headers" | "body"]: SeenPlace } & {
  answer(step: string): SeenPlace;
};

function seenPlaces(seen: readonly SeenSample[]): SeenPlaces {
  const place = (shape: (sample: SeenSample) => Shape): SeenPlace =>
    new SeenPlace(seen.map((sample) => ({ name: sample.name, shape: shape(sample) })));
  return {
    query: place(({ query }) => query),
    headers: place(({ headers }) => headers),
    body: place(({ body }) => body),
    answer: (step) => place(({ answers }) => answers.get(step) ?? NO_SHAPE),
  };
}

class ReferenceCheck {
  readonly #draft: Draft;
  readonly #use: ExpressionUse;
  readonly #path: readonly string[];
  readonly #offsets: readonly number[];
  readonly #optional: boolean;
  readonly #seen: SeenPlaces;

  constructor(draft: Draft, use: ExpressionUse, reference: Reference, seen: SeenPlaces) {
    this.#draft = draft;
    this.#use = use;
    this.#path = reference.path;
    this.#offsets = reference.offsets;
    this.#optional = reference.optional;
    this.#seen = seen;
  }

  run(request: RequestTrigger | undefined): void {
    const [root, key] = this.#path;
    if (root === undefined) return;
    if (!this.#use.scope.roots.has(root)) return this.#unknownRoot(root);
    if (key === undefined) return;
    if (root === "steps") return this.#step(key);
    if (root === "execution") return this.#known(1, "`execution`", EXECUTION_KEYS);
    if (root === "page") return this.#known(1, "`page`", PAGE_KEYS);
    if (root === "trigger") this.#trigger(key, request);
  }

  #range(segment: number): Range {
    const name = this.#path[segment] ?? "";
    const { source } = this.#use.expression;
    let offset = this.#offsets[segment] ?? 0;
    // In `["name"]` the segment may begin at the bracket or the quote; the caret belongs under the name.
    const at = source.indexOf(name, offset);
    if (at >= 0 && at - offset <= 3) offset = at;
    return this.#use.at(offset, name.length);
  }

  #error(segment: number, check: string, message: string, hint?: string): void {
    this.#draft.reader.error(this.#range(segment), check, message, hint);
  }

  #known(segment: number, what: string, keys: readonly string[]): void {
    const key = this.#path[segment];
    if (key === undefined || keys.includes(key)) return;
    this.#error(
      segment,
      "unknown-name",
      `${what} has no \`${key}\``,
      didYouMean(key, keys) ?? `It has ${keys.join(", ")}.`,
    );
  }

  #unknownRoot(root: string): void {
    // The header that it is a part of is reported.
    if (/\btrigger\.headers\.[a-z]\w*(?:-\w+)*-$/i.test(this.#use.expression.source.slice(0, this.#offsets[0]))) return;
    const { roots } = this.#use.scope;
    const steps = this.#draft.steps.has(root) && roots.has("steps") ? `Did you mean \`steps.${root}\`?` : undefined;
    const elsewhere = Object.hasOwn(ELSEWHERE, root) ? ELSEWHERE[root] : undefined;
    const hint = steps ?? elsewhere ?? didYouMean(root, roots) ?? `Here are ${[...roots].join(", ")}.`;
    const exists = elsewhere !== undefined || ["steps", "secrets", "execution", "trigger"].includes(root);
    const message = exists ? `\`${root}\` does not exist here` : `there is no variable \`${root}\``;
    this.#error(0, "unknown-variable", message, hint);
  }

  #step(id: string): void {
    const { scope, moment } = this.#use;
    const { steps, reader } = this.#draft;
    if (scope.frame?.sees(id, moment)) return this.#output(id);
    const known = steps.get(id);
    if (known === undefined) {
      const visible = scope.frame?.visible(moment) ?? [];
      const none =
        visible.length > 0 ? `Here are ${visible.slice(0, 10).join(", ")}.` : "No step with an id runs before.";
      return this.#error(1, "unknown-step", `there is no step \`${id}\``, didYouMean(id, visible) ?? none);
    }
    const line = reader.line(known.range.start);
    const later = known.range.start >= this.#range(1).start;
    const reason = later ? "has not run here" : "is not visible here";
    const hint = later
      ? `It is the step of line ${line}; a step sees those before it, and not itself.`
      : `It is the step of line ${line}; what runs inside \`foreach\`, or in another branch or case, is visible there only.`;
    this.#error(1, "unknown-step", `the step \`${id}\` ${reason}`, hint);
  }

  #output(id: string): void {
    const step = this.#draft.steps.get(id)?.step;
    if (step === undefined) return;
    const error = step.onError === "continue" ? ["error"] : [];
    if (step.kind === "workflow") return this.#known(2, `\`steps.${id}\``, [...WORKFLOW_OUTPUT_KEYS, ...error]);
    if (step.kind !== "http") return;
    this.#known(2, `\`steps.${id}\``, [...PAGE_KEYS, ...error]);
    if (this.#path[2] === "headers") this.#header(3);
    if (this.#path[2] === "body" && !step.http.paginate) this.#unseen(3, this.#seen.answer(id), `\`steps.${id}.body\``);
  }

  /** Warns of the first name that no sample has; where a name may be absent, samples prove nothing. */
  #unseen(segment: number, place: SeenPlace, what: string): void {
    const name = this.#path[segment];
    if (name === undefined || this.#optional) return;
    const { names } = place;
    const below = place.below(name);
    if (below.shape.count > 0) {
      const path = `\`${this.#path.slice(0, segment + 1).join(".")}\``;
      return this.#unseen(segment + 1, below, path);
    }
    if (names === undefined || names.length === 0) return;
    const near = nearest(name, names);
    const hint =
      near === undefined
        ? `Seen in ${place.where}: ${names.slice(0, 10).join(", ")}${names.length > 10 ? ", …" : ""}.`
        : `Did you mean \`${near}\`? Seen in ${place.below(near).where}.`;
    this.#draft.reader.warn(
      this.#range(segment),
      "unknown-field",
      `no rule and no sample of ${what} has \`${name}\``,
      hint,
    );
  }

  /** `trigger.headers.x-version` is a subtraction to CEL. */
  #dashed(segment: number): boolean {
    const name = this.#path[segment];
    const { source } = this.#use.expression;
    const start = source.indexOf(name ?? "", this.#offsets[segment]);
    const whole = /^[a-z]\w*(?:-[a-z]\w*)+/i.exec(source.slice(start))?.[0];
    if (name === undefined || whole === undefined || source[start - 1] !== "." || start < 0) return false;
    const hint = `Write \`trigger.headers["${whole.toLowerCase()}"]\`.`;
    const message = "a name with a dash reads as a subtraction here";
    this.#draft.reader.error(this.#use.at(start, whole.length), "header-dash", message, hint);
    return true;
  }

  #header(segment: number): void {
    const name = this.#path[segment];
    if (name === undefined || name === name.toLowerCase()) return;
    this.#error(segment, "header-case", "header names are lower case here", `Write \`${name.toLowerCase()}\`.`);
  }

  #trigger(key: string, request: RequestTrigger | undefined): void {
    this.#known(1, "`trigger`", TRIGGER_KEYS);
    if (key === "headers") {
      if (this.#dashed(2)) return;
      this.#header(2);
    }
    if (!request) return;
    const { rules } = request;
    if (key === "headers" && this.#isCredential(request)) return;
    const reject = rules.additional === "reject";
    const { query, headers, body } = this.#seen;
    if (key === "query") this.#field(2, "`trigger.query`", rules.query, reject, { seen: query });
    else if (key === "headers" && this.#path[2] === this.#path[2]?.toLowerCase()) {
      this.#field(2, "`trigger.headers`", rules.headers, false, { seen: headers });
    } else if (key === "body" && rules.bodySchema === undefined) {
      if (rules.body)
        this.#field(2, "`trigger.body`", rules.body, reject, { rejectBelow: reject, seen: body, isBody: true });
      else this.#unseen(2, body, "`trigger.body`");
    }
  }

  /** The credential has done its work when steps begin, and is kept from them. */
  #isCredential({ auth }: RequestTrigger): boolean {
    const name = this.#path[2];
    if (name === undefined || !credentialHeaders(auth).includes(name)) return false;
    const hint = auth.kind === "user-token" ? "`trigger.userId` is the user." : undefined;
    this.#error(2, "credential-header", `\`auth\` takes \`${name}\` out of \`trigger.headers\``, hint);
    return true;
  }

  /** One level of ruled fields. */
  #field(segment: number, what: string, rules: RuleSet, reject: boolean, about: FieldAbout): void {
    const name = this.#path[segment];
    if (name === undefined) return;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const seen = about.seen.below(name);
    if (rule) return this.#below(segment, rule, { ...about, seen });
    // Fields without a rule are allowed, so that only what is all but equal to a ruled one is doubtful.
    const near = reject
      ? nearest(name, Object.keys(rules))
      : nearest(name, Object.keys(rules), name.length < 5 ? 1 : 2);
    const hint = near === undefined ? undefined : `Did you mean \`${near}\`?`;
    if (reject) {
      const message = `${what} never has \`${name}\`: no rule names it, and \`additional: reject\` refuses it`;
      this.#error(segment, "unknown-field", message, hint ?? "Add a rule for it.");
    } else if (seen.shape.count > 0) {
      this.#unseen(segment, about.seen, what);
    } else if (hint !== undefined) {
      this.#draft.reader.warn(this.#range(segment), "unknown-field", `no rule of ${what} names \`${name}\``, hint);
    } else if (about.isBody) {
      // Query and headers of saved requests are seldom whole: what clients add is left out.
      this.#unseen(segment, about.seen, what);
    }
  }

  #below(segment: number, rule: Rule, about: FieldAbout): void {
    const next = this.#path[segment + 1];
    if (next === undefined) return;
    if (rule.items && /^\d+$/.test(next)) {
      return this.#below(segment + 1, rule.items, { ...about, seen: about.seen.below(next) });
    }
    if (rule.type !== "object" && rule.type !== "any") {
      if (rule.type === "array")
        return this.#unseen(segment + 1, about.seen, `\`${this.#path.slice(0, segment + 1).join(".")}\``);
      if (rule.type === "file") return;
      const message = `\`${this.#path[segment]}\` is of type \`${rule.type}\` and has no \`${next}\``;
      return this.#error(segment + 1, "unknown-field", message);
    }
    const what = `\`${this.#path.slice(0, segment + 1).join(".")}\``;
    if (!rule.properties) return this.#unseen(segment + 1, about.seen, what);
    const reject = about.rejectBelow ?? false;
    const here = rule.additional === undefined ? reject : rule.additional === "reject";
    this.#field(segment + 1, what, rule.properties, here && rule.type === "object", about);
  }
}

interface FieldAbout {
  /** What samples have at the place of the fields, or of the rule. */
  readonly seen: SeenPlace;
  readonly rejectBelow?: boolean;
  readonly isBody?: boolean;
}
