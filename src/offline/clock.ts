/** A clock that waits for nobody: while nothing is at work, it leaps to the next moment that somebody waits for. */

/** What an execution's waits go by. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Calls back when `ms` have passed. @returns Forgets the call */
  after(ms: number, callback: () => void): () => void;
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  /** By time, then by order. */
  #timers: Timer[] = [];
  /** Work under way that takes real time; the clock stands meanwhile. */
  #busy = 0;
  #leaping = false;

  constructor(now: number) {
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), callback };
    const later = this.#timers.findIndex(({ at }) => at > timer.at);
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
    this.#schedule();
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  /** Does what takes real time; to the execution it takes none. */
  async work<T>(run: () => Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await run();
    } finally {
      this.#busy--;
      this.#schedule();
    }
  }

  /** Waits inside of {@link work}; rejects with the signal's reason when that comes first. */
  rest(ms: number, signal: AbortSignal): Promise<void> {
    this.#busy--;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(signal.reason as Error);
    const forget = this.after(ms, resolve);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    return promise.finally(() => {
      this.#busy++;
      forget();
      signal.removeEventListener("abort", abort);
    });
  }

  /** After the turn: what a moment leads to has begun its work or its waiting by then. */
  #schedule(): void {
    if (this.#leaping || this.#busy > 0 || this.#timers.length === 0) return;
    this.#leaping = true;
    setImmediate(() => {
      this.#leaping = false;
      if (this.#busy > 0) return;
      const next = this.#timers.shift();
      if (next === undefined) return;
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      this.#schedule();
    });
  }
}
