import { Secrets } from "../secrets.ts";
import type { Definition } from "../workflow/definition.ts";
import type { Expression, Template } from "../workflow/expression.ts";
import type { LoadedSet } from "../workflow/load.ts";

/** Values that were replaced in `.env` meanwhile are still scrubbed: executions that began with them go on. */
const KEPT_GENERATIONS = 4;

/** The secrets of a running project: they change with `.env`, and grow with the definitions that are met. */
export class LiveSecrets {
  readonly #root: string;
  readonly #names = new Set<string>();
  readonly #adopted = new Set<string>();
  #generations: readonly Secrets[];

  constructor(root: string) {
    this.#root = root;
    this.#generations = [Secrets.load(root)];
  }

  get values(): { readonly [name: string]: string } {
    return this.#current.values;
  }

  get #current(): Secrets {
    // There is always one: the constructor and `reload` put it in front.
    return this.#generations[0] as Secrets;
  }

  /** Reads `.env` again. */
  reload(): void {
    const next = Secrets.load(this.#root);
    next.use(this.#names);
    this.#generations = [next, ...this.#generations].slice(0, KEPT_GENERATIONS);
  }

  /** From now on, values of the secrets that these definitions read are kept out of records. */
  adopt(definitions: Iterable<Definition>): void {
    const before = this.#names.size;
    for (const definition of definitions) {
      if (this.#adopted.has(definition.hash)) continue;
      this.#adopted.add(definition.hash);
      for (const name of secretsOf(definition) ?? Object.keys(this.values)) this.#names.add(name);
    }
    if (this.#names.size > before) for (const secrets of this.#generations) secrets.use(this.#names);
  }

  /** False while no value is to be kept out of records, so that nothing need be searched. */
  get areUsed(): boolean {
    return this.#generations.some((secrets) => secrets.areUsed);
  }

  scrub(text: string): string {
    let clean = text;
    for (const secrets of this.#generations) clean = secrets.scrub(clean);
    return clean;
  }

  /** Values of the secrets that the adopted definitions read, by name. */
  get used(): { readonly [name: string]: string } {
    const entries = [...this.#names].map((name): [string, string | undefined] => [name, this.values[name]]);
    return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /** The secrets of a definition's steps that are not set; those of its `auth` are a check of their own. */
  missing(definition: Definition): string[] {
    const ofAuth = authSecretsOf(definition);
    return (secretsOf(definition) ?? []).filter((name) => this.values[name] === undefined && !ofAuth.includes(name));
  }
}

/** Values of the secrets that a project's workflows read, by name. */
export function secretsUsed(root: string, project: LoadedSet): { readonly [name: string]: string } {
  const secrets = new LiveSecrets(root);
  secrets.adopt(project.definitions.values());
  return secrets.used;
}

const known = new WeakMap<Definition, readonly string[] | "computed">();

/** @returns The names that a definition reads as `secrets.NAME`; undefined when an expression computes the name */
export function secretsOf(definition: Definition): readonly string[] | undefined {
  let names = known.get(definition);
  if (names === undefined) {
    names = findSecrets(definition);
    known.set(definition, names);
  }
  return names === "computed" ? undefined : names;
}

function authSecretsOf({ request: { auth } }: Definition): readonly string[] {
  return "secrets" in auth ? auth.secrets : [];
}

function findSecrets(definition: Definition): readonly string[] | "computed" {
  const { steps, onError, idempotency } = definition;
  const names = new Set(authSecretsOf(definition));
  let computed = false;
  const visit = (value: unknown): void => {
    if (isExpression(value)) {
      for (const { path } of value.references) {
        if (path[0] !== "secrets") continue;
        if (path[1] === undefined) computed = true;
        else names.add(path[1]);
      }
    } else if (isTemplate(value)) {
      value.expressions.forEach(visit);
    } else if (typeof value === "object" && value !== null) {
      Object.values(value).forEach(visit);
    }
  };
  visit([steps, onError, idempotency]);
  return computed ? "computed" : [...names];
}

function isExpression(value: unknown): value is Expression {
  return typeof value === "object" && value !== null && "references" in value && "evaluate" in value;
}

function isTemplate(value: unknown): value is Template {
  return typeof value === "object" && value !== null && "expressions" in value && "evaluate" in value;
}
