/** An execution kept in memory that can crash at every call and be walked again, with a clock that waits for nobody. */
import type {
  ExecutionContext,
  ExecutionEnd,
  ExecutionInfo,
  StepAttempt,
  StepOutcome,
} from "../../src/engine/context.ts";
import type { Reply, TriggerInput } from "../../src/engine/engine.ts";
import type { Effects } from "../../src/engine/effects.ts";
import { interpret } from "../../src/engine/interpret.ts";
import type { Definition } from "../../src/workflow/definition.ts";

const STARTED_AT = "2026-01-01T00:00:00.000Z";

export class Memory {
  readonly execution: ExecutionInfo;
  readonly input: TriggerInput;
  readonly controller: AbortController = new AbortController();
  /** Outcomes by `path@attempt`, in the order in which they were recorded. */
  readonly outcomes: Map<string, StepOutcome> = new Map();
  readonly attempts: StepAttempt[] = [];
  /** When each wait is over, by path. */
  readonly wakeUps: Map<string, number> = new Map();
  readonly delaySteps: string[] = [];
  readonly times: Map<string, number> = new Map();
  reply: Reply | undefined;
  replyPath: string | undefined;
  /** In ms since 1970; leaps to the next wake-up when nothing else can go on. */
  clock: number = Date.parse(STARTED_AT);
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  #leaping = false;

  constructor(input: Partial<TriggerInput> = {}) {
    this.execution = { id: "e-1", workflowId: "w", definitionHash: "0".repeat(64), startedAt: STARTED_AT };
    this.input = { method: "POST", url: "/triggers/w", query: {}, headers: {}, body: null, ...input };
  }

  get elapsedMs(): number {
    return this.clock - Date.parse(STARTED_AT);
  }

  record(attempt: StepAttempt, outcome: StepOutcome): void {
    const key = `${attempt.path}@${attempt.attempt}`;
    if (this.outcomes.has(key)) throw new Error(`${key} was recorded twice`);
    this.outcomes.set(key, outcome);
    this.attempts.push(attempt);
  }

  /** Resolves at a time of the virtual clock. */
  until(at: number): Promise<void> {
    if (at <= this.clock) return Promise.resolve();
    return new Promise((wake) => {
      this.#sleepers.push({ at, wake });
      this.#leap();
    });
  }

  /** Those asleep in a dead process do not wake. */
  forgetSleepers(): void {
    this.#sleepers = [];
  }

  #leap(): void {
    if (this.#leaping) return;
    this.#leaping = true;
    setImmediate(() => {
      this.#leaping = false;
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) return;
      this.#sleepers = this.#sleepers.filter((one) => one !== next);
      this.clock = Math.max(this.clock, next.at);
      next.wake();
      if (this.#sleepers.length > 0) this.#leap();
    });
  }
}

/** One process that walks the execution; it dies at its `lives`-th moment and does nothing any more. */
class Process implements ExecutionContext {
  readonly execution: ExecutionInfo;
  readonly input: TriggerInput;
  readonly signal: AbortSignal;
  readonly died: Promise<"crashed">;
  readonly #memory: Memory;
  #lives: number;
  #die: (end: "crashed") => void;

  constructor(memory: Memory, lives: number) {
    this.#memory = memory;
    this.#lives = lives;
    this.execution = memory.execution;
    this.input = memory.input;
    this.signal = memory.controller.signal;
    const { promise, resolve } = Promise.withResolvers<"crashed">();
    this.died = promise;
    this.#die = resolve;
  }

  async step(attempt: StepAttempt, run: () => Promise<StepOutcome> | StepOutcome): Promise<StepOutcome> {
    await this.#moment();
    const recorded = this.#memory.outcomes.get(`${attempt.path}@${attempt.attempt}`);
    if (recorded !== undefined) return recorded;
    const outcome = await run();
    await this.#moment();
    this.#memory.record(attempt, outcome);
    await this.#moment();
    return outcome;
  }

  async delay(path: string, ms: number, step?: { readonly stepId: string }): Promise<void> {
    await this.#moment();
    const memory = this.#memory;
    if (!memory.wakeUps.has(path)) {
      memory.wakeUps.set(path, memory.clock + ms);
      if (step !== undefined) memory.delaySteps.push(path);
    }
    await memory.until(memory.wakeUps.get(path) ?? 0);
    await this.#moment();
  }

  now(path: string): number {
    const { times, clock } = this.#memory;
    if (!times.has(path)) times.set(path, clock);
    return times.get(path) ?? clock;
  }

  async respond(path: string, reply: Reply): Promise<boolean> {
    await this.#moment();
    this.#memory.replyPath ??= path;
    this.#memory.reply ??= reply;
    await this.#moment();
    return this.#memory.replyPath === path;
  }

  #moment(): Promise<void> | void {
    if (this.#lives-- > 0) return;
    this.#die("crashed");
    return new Promise(() => {});
  }
}

/** Walks until the end, or until the process has lived through `lives` moments. */
export async function walk(
  definition: Definition,
  memory: Memory,
  effects: Effects,
  lives: number = Number.POSITIVE_INFINITY,
): Promise<ExecutionEnd | "crashed"> {
  const life = new Process(memory, lives);
  const end = await Promise.race([interpret(definition, life, effects), life.died]);
  if (end === "crashed") memory.forgetSleepers();
  return end;
}
