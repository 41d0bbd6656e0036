/** What tests of engines share: hand-written walks, small definitions, gates. */
import { it } from "vitest";
import type { ExecutionContext, ExecutionEnd, StepAttempt, StepOutcome } from "../../src/engine/context.ts";
import type { Engine, Execution, ExecutionStart, Reply, TriggerInput } from "../../src/engine/engine.ts";
import type { Value } from "../../src/value.ts";
import type { Definition, DefinitionSource } from "../../src/workflow/definition.ts";

export type Walk = (definition: Definition, context: ExecutionContext) => Promise<ExecutionEnd>;

/** An engine on a store of its own. */
export interface EngineFixture {
  readonly engine: Engine;
  /** Closes the engine and opens another one on the same store. */
  reopen(): Promise<void>;
  /** Closes the engine and removes the store. */
  dispose(): Promise<void>;
}

export interface EngineSetup {
  readonly walk: Walk;
  readonly scrub: (text: string) => string;
}

export const SECRET = "hunter2-secret";
export const SUCCEEDED: ExecutionEnd = { status: "SUCCEEDED" };
export const HASH_LENGTH = 64;

export function definitionOf(id: string, hash: string = id): Definition {
  return {
    id,
    hash: hash.padEnd(HASH_LENGTH, "0"),
    source: { workflowId: id, file: `workflows/${id}.yaml`, yaml: `name: ${id} # ${hash}`, modules: {} },
    request: {
      methods: ["POST"],
      auth: { kind: "none" },
      rules: { query: {}, headers: {}, body: undefined, additional: "allow" } as never,
    },
    steps: [],
    onError: [],
    responds: false,
  };
}

/** Reads a definition of {@link definitionOf} back. */
export function parseDefinition(source: DefinitionSource): Definition {
  return definitionOf(source.workflowId, source.yaml.split(" # ")[1]);
}

export function inputOf(body: Value = null, more: Partial<TriggerInput> = {}): TriggerInput {
  return { method: "POST", url: "/triggers/w", query: {}, headers: { host: "localhost" }, body, ...more };
}

export function attemptOf(path: string, more: Partial<StepAttempt> = {}): StepAttempt {
  return { path, stepId: path.split(".").at(-1) ?? path, kind: "http", attempt: 1, effect: true, ...more };
}

export function ok(output: Value, more: { input?: Value; logs?: string[] } = {}): StepOutcome {
  return { kind: "succeeded", output, ...more };
}

export function jsonReply(value: Value): Reply {
  return { kind: "response", status: 201, headers: { "x-a": "b" }, body: { kind: "json", value } };
}

/** Something that a walk waits for until the test says so. */
export class Gate {
  readonly #opened: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #reached: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  /** Resolves once a walk stands at it. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  open(): void {
    this.#opened.resolve();
  }

  async pass(): Promise<void> {
    this.#reached.resolve();
    await this.#opened.promise;
  }
}

/** Waits for a condition; fails with the test's own time limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What the parts of the suite work on: an engine that is open, and the walk that it takes next. */
export interface Harness {
  readonly isDurable: boolean;
  readonly fixture: EngineFixture;
  walk: Walk;
  readonly walks: number;
  engine(): Engine;
  begin(more?: Partial<ExecutionStart>): Promise<string>;
  ended(id: string): Promise<Execution>;
}

/** Declares a test of what an engine does after it was closed and opened again. */
export function itRestarts(harness: Harness, name: string, run: () => Promise<void>): void {
  if (harness.isDurable) it(name, run);
}
