/** Callers that wait for something of one execution: its reply, or its end. */

interface Waiter<T> {
  readonly resolve: (value: T | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

export class Waiters<T> {
  readonly #byId = new Map<string, Set<Waiter<T>>>();

  /** @returns undefined when the time is over first, or on {@link close} */
  wait(id: string, timeoutMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const waiter: Waiter<T> = {
        resolve,
        timer: setTimeout(
          () => {
            this.#remove(id, waiter);
            resolve(undefined);
          },
          Math.min(Math.max(0, timeoutMs), 2 ** 31 - 1),
        ),
      };
      const waiting = this.#byId.get(id);
      if (waiting === undefined) this.#byId.set(id, new Set([waiter]));
      else waiting.add(waiter);
    });
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  settle(id: string, value: T): void {
    const waiting = this.#byId.get(id);
    if (waiting === undefined) return;
    this.#byId.delete(id);
    for (const { timer, resolve } of waiting) {
      clearTimeout(timer);
      resolve(value);
    }
  }

  close(): void {
    for (const waiting of this.#byId.values()) {
      for (const { timer, resolve } of waiting) {
        clearTimeout(timer);
        resolve(undefined);
      }
    }
    this.#byId.clear();
  }

  #remove(id: string, waiter: Waiter<T>): void {
    const waiting = this.#byId.get(id);
    waiting?.delete(waiter);
    if (waiting?.size === 0) this.#byId.delete(id);
  }
}
