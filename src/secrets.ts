import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** Shorter values are not scrubbed: they would turn ordinary text into noise. */
const MIN_SCRUBBED_LENGTH = 6;

/** The values that workflows read as `secrets.NAME`, and the one that keeps them out of records. */
export class Secrets {
  /** Every variable by name; what a workflow does not ask for by name is not a secret, only an environment variable. */
  readonly values: { readonly [name: string]: string };
  #scrubbed: readonly { readonly needle: string; readonly mark: string }[] = [];

  constructor(values: { readonly [name: string]: string }) {
    this.values = Object.assign(Object.create(null) as Record<string, string>, values);
  }

  /** Reads `.env` in `root`, then the environment, which wins. */
  static load(root: string, environment: NodeJS.ProcessEnv = process.env): Secrets {
    return new Secrets(definedOnly({ ...readEnvFile(join(root, ".env")), ...environment }));
  }

  /** Names the secrets that workflows use; only their values are scrubbed. */
  use(names: Iterable<string>): void {
    const scrubbed: { needle: string; mark: string }[] = [];
    for (const name of new Set(names)) {
      const value = this.values[name];
      if (value === undefined || value.length < MIN_SCRUBBED_LENGTH) continue;
      for (const needle of spellings(value)) scrubbed.push({ needle, mark: `[secret ${name}]` });
    }
    // Longest first, so that a value which contains another is replaced whole.
    this.#scrubbed = scrubbed.sort((a, b) => b.needle.length - a.needle.length);
  }

  get areUsed(): boolean {
    return this.#scrubbed.length > 0;
  }

  /** Replaces every known secret in a text, in plain, JSON-escaped, URL-encoded and base64 form, by `[secret NAME]`. */
  scrub(text: string): string {
    let clean = text;
    for (const { needle, mark } of this.#scrubbed) {
      if (clean.includes(needle)) clean = clean.replaceAll(needle, mark);
    }
    return clean;
  }
}

function spellings(value: string): Set<string> {
  return new Set([
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    Buffer.from(value).toString("base64"),
    Buffer.from(value).toString("base64url"),
  ]);
}

function readEnvFile(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

function definedOnly(environment: NodeJS.Dict<string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
