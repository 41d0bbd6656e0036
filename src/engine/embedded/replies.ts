/** Replies on their way to their callers. */
import type { Reply } from "../engine.ts";
import { Waiters } from "./waiters.ts";

/** So many replies stay at hand until their caller asks for them; others are read from the store. */
const MAX_RECENT = 1_000;
/** Long texts are not kept twice. */
const MAX_RECENT_TEXT = 65_536;

export class Replies extends Waiters<Reply> {
  readonly #recent = new Map<string, Reply>();

  recent(id: string): Reply | undefined {
    return this.#recent.get(id);
  }

  /** The reply is durable. @param size - of its JSON, in characters */
  override settle(id: string, reply: Reply, size: number = 0): void {
    if (this.has(id)) {
      super.settle(id, reply);
      return;
    }
    if (size > MAX_RECENT_TEXT) return;
    this.#recent.set(id, reply);
    if (this.#recent.size <= MAX_RECENT) return;
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }

  /** The execution has ended; whoever still waits gets no other reply. */
  end(id: string, implied: Reply): void {
    if (this.has(id)) super.settle(id, implied);
  }
}
