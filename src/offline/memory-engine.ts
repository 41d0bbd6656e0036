/** An engine that keeps everything in memory and runs on a clock of its own: what a test needs, and nothing durable. */
import { WfError } from "../errors.ts";
import type { Definition } from "../workflow/definition.ts";
import type { ExecutionContext, ExecutionEnd } from "../engine/context.ts";
import type {
  Engine,
  Execution,
  ExecutionFilter,
  ExecutionStart,
  ExecutionStatus,
  ExecutionWithSteps,
  Page,
  Reply,
  StepError,
} from "../engine/engine.ts";
import type { FileStore } from "../engine/files.ts";
import { impliedReply } from "../engine/outcome.ts";
import type { Scrub } from "../engine/record.ts";
import type { Clock } from "./clock.ts";
import { pageOf } from "./memory-history.ts";
import { recordedError } from "./memory-outcome.ts";
import { MemoryWalk } from "./memory-walk.ts";

export interface MemoryEngineOptions {
  readonly clock: Clock;
  readonly files: FileStore;
  /** Walks a definition; usually `interpret` with its effects. */
  readonly walk: (definition: Definition, context: ExecutionContext) => Promise<ExecutionEnd>;
  readonly scrub?: Scrub;
  /** Gives an execution its id in the place of the one that the start brings. */
  readonly newId?: () => string;
  /** Told of errors that no record shows. */
  readonly onDefect?: (error: unknown) => void;
}

interface Waiter<T> {
  readonly id: string;
  readonly settle: (value: T | undefined) => void;
}

export class MemoryEngine implements Engine {
  readonly files: FileStore;
  readonly #options: MemoryEngineOptions;
  readonly #walks = new Map<string, MemoryWalk>();
  readonly #definitions = new Map<string, Definition>();
  readonly #keys = new Map<string, string>();
  #replies: Waiter<Reply>[] = [];
  #ends: Waiter<Execution>[] = [];
  #drained: (() => void)[] = [];
  #closed = false;

  constructor(options: MemoryEngineOptions) {
    this.#options = options;
    this.files = options.files;
  }

  get running(): number {
    let count = 0;
    for (const { asExecution: one } of this.#walks.values()) if (one.status === "EXECUTING") count++;
    return count;
  }

  async start(start: ExecutionStart): Promise<{ readonly outcome: "created" | "exists"; readonly id: string }> {
    if (this.#closed) throw new WfError("DRAINING", "The engine is closed.");
    const slot = start.idempotencyKey === undefined ? undefined : `${start.definition.id} ${start.idempotencyKey}`;
    const known = slot === undefined ? undefined : this.#keys.get(slot);
    if (known !== undefined) return { outcome: "exists", id: known };
    const id = this.#options.newId?.() ?? start.id;
    if (this.#walks.has(id)) return { outcome: "exists", id };
    const walk = new MemoryWalk(start, id, {
      clock: this.#options.clock,
      scrub: this.#options.scrub,
      onReply: (reply) => this.#settleReply(id, reply),
    });
    this.#walks.set(id, walk);
    this.#definitions.set(start.definition.hash, start.definition);
    if (slot !== undefined) this.#keys.set(slot, id);
    void this.#run(walk, start.definition);
    return { outcome: "created", id };
  }

  async waitResponse(id: string, timeoutMs: number): Promise<Reply | undefined> {
    const walk = this.#walks.get(id);
    if (walk === undefined || this.#closed) return walk?.reply;
    const reply = walk.reply ?? impliedReply(walk.status);
    return reply ?? this.#wait(this.#replies, id, timeoutMs);
  }

  async waitEnd(id: string, timeoutMs: number): Promise<Execution | undefined> {
    const walk = this.#walks.get(id);
    if (walk === undefined || this.#closed) return undefined;
    return walk.ended ? walk.asExecution : this.#wait(this.#ends, id, timeoutMs);
  }

  async cancel(id: string): Promise<boolean> {
    const walk = this.#walks.get(id);
    if (walk === undefined) return false;
    return this.#end(walk, "CANCELLED", null, new WfError("EXECUTION_CANCELLED", "The execution was cancelled."));
  }

  async list(filter: ExecutionFilter): Promise<Page<Execution>> {
    return pageOf(
      [...this.#walks.values()].map((walk) => walk.asExecution),
      filter,
    );
  }

  async get(id: string): Promise<ExecutionWithSteps | undefined> {
    const walk = this.#walks.get(id);
    if (walk === undefined) return undefined;
    const { asExecution, input, steps } = walk;
    return { ...asExecution, input, steps, reply: walk.reply ?? impliedReply(walk.status) };
  }

  async definition(hash: string): Promise<Definition | undefined> {
    return this.#definitions.get(hash);
  }

  drain(timeoutMs: number): Promise<void> {
    if (this.running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#options.clock.after(timeoutMs, resolve);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const walk of this.#walks.values()) {
      walk.end(walk.status, null, new WfError("DRAINING", "The engine is closed."));
    }
    for (const { settle } of [...this.#replies, ...this.#ends]) settle(undefined);
  }

  async #run(walk: MemoryWalk, definition: Definition): Promise<void> {
    try {
      const end = await this.#options.walk(definition, walk);
      const error = end.status === "FAILED" ? recordedError(end.error, this.#options.scrub) : null;
      this.#end(walk, end.status, error, new WfError("EXECUTION_FAILED", "The execution has ended."));
    } catch (error) {
      if (walk.ended) return;
      this.#options.onDefect?.(error);
      this.#end(walk, "FAILED", knownError(error), new WfError("EXECUTION_FAILED", "The execution has failed."));
    }
  }

  #end(walk: MemoryWalk, status: ExecutionStatus, error: StepError | null, reason: WfError): boolean {
    if (!walk.end(status, error, reason)) return false;
    const { id } = walk.execution;
    const implied = walk.reply ?? impliedReply(status);
    if (implied !== null) this.#settleReply(id, implied);
    this.#ends = settled(this.#ends, id, walk.asExecution);
    if (this.running === 0) for (const resolve of this.#drained.splice(0)) resolve();
    return true;
  }

  #settleReply(id: string, reply: Reply): void {
    this.#replies = settled(this.#replies, id, reply);
  }

  #wait<T>(waiters: Waiter<T>[], id: string, timeoutMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      let forget: (() => void) | undefined;
      const waiter: Waiter<T> = {
        id,
        settle: (value) => {
          forget?.();
          resolve(value);
        },
      };
      waiters.push(waiter);
      if (Number.isFinite(timeoutMs)) forget = this.#options.clock.after(timeoutMs, () => resolve(undefined));
    });
  }
}

function settled<T>(waiters: readonly Waiter<T>[], id: string, value: T): Waiter<T>[] {
  for (const waiter of waiters) if (waiter.id === id) waiter.settle(value);
  return waiters.filter((waiter) => waiter.id !== id);
}

function knownError(error: unknown): StepError {
  return error instanceof WfError
    ? { code: error.code, message: error.message }
    : { code: "INTERNAL", message: "Internal error" };
}
