/** One execution for one idempotency key, also while the first one is only being written. */
import type { ExecutionStart } from "../engine.ts";
import type { Reader } from "./read.ts";
import { IDEMPOTENCY_WINDOW_MS } from "./retention.ts";

export interface Started {
  readonly outcome: "created" | "exists";
  readonly id: string;
}

export class Idempotency {
  readonly #reader: Reader;
  readonly #clock: () => number;
  readonly #starting = new Map<string, Promise<Started>>();

  constructor(reader: Reader, clock: () => number) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /** Calls `begin` unless the key is known; whoever asks meanwhile shares its success or failure. */
  start(start: ExecutionStart, key: string, begin: () => Promise<Started>): Promise<Started> {
    const workflowId = start.definition.id;
    // A workflow's id holds no space.
    const slot = `${workflowId} ${key}`;
    const first = this.#starting.get(slot);
    if (first !== undefined) return first.then(({ id }) => ({ outcome: "exists", id }));
    const since = this.#clock() - (start.idempotencyWindowMs ?? IDEMPOTENCY_WINDOW_MS);
    const known = this.#reader.idempotent(workflowId, key, since);
    if (known !== undefined) return Promise.resolve({ outcome: "exists", id: known });
    const begun = begin();
    this.#starting.set(slot, begun);
    const over = (): void => void this.#starting.delete(slot);
    begun.then(over, over);
    return begun;
  }
}
