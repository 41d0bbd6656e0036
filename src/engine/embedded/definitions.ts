/** Definitions by hash: those that run now, and those that recorded executions began with. */
import { WfError } from "../../errors.ts";
import type { Definition, DefinitionSource } from "../../workflow/definition.ts";

const MAX_CACHED = 200;

export class Definitions {
  readonly #parse: (source: DefinitionSource) => Definition;
  readonly #readSource: (hash: string) => string | undefined;
  readonly #cached = new Map<string, Definition>();

  constructor(parse: (source: DefinitionSource) => Definition, readSource: (hash: string) => string | undefined) {
    this.#parse = parse;
    this.#readSource = readSource;
  }

  /**
   * @returns undefined when no execution ever ran it
   * @throws {@link WfError} `WORKFLOW_INVALID` when this wf cannot read it any more
   */
  get(hash: string): Definition | undefined {
    const cached = this.#cached.get(hash);
    if (cached !== undefined) {
      this.#cached.delete(hash);
      this.#cached.set(hash, cached);
      return cached;
    }
    const source = this.#readSource(hash);
    if (source === undefined) return undefined;
    let definition: Definition;
    try {
      definition = this.#parse(JSON.parse(source) as DefinitionSource);
    } catch (error) {
      throw new WfError("WORKFLOW_INVALID", "The definition that the execution began with can no longer be read.", {
        cause: error,
        ...(error instanceof WfError && error.at !== undefined ? { at: error.at } : {}),
      });
    }
    this.#keep(hash, definition);
    return definition;
  }

  /** @throws {@link WfError} `WORKFLOW_INVALID` when it is missing or cannot be read */
  recorded(hash: string): Definition {
    const definition = this.get(hash);
    if (definition === undefined) {
      throw new WfError("WORKFLOW_INVALID", "The definition that the execution began with is missing.");
    }
    return definition;
  }

  #keep(hash: string, definition: Definition): void {
    this.#cached.set(hash, definition);
    if (this.#cached.size <= MAX_CACHED) return;
    for (const oldest of this.#cached.keys()) {
      this.#cached.delete(oldest);
      return;
    }
  }
}
