import { availableParallelism } from "node:os";
import { WfError } from "../../errors.ts";
import type { Job, JobEnd } from "./job.ts";
import { startThread } from "./thread.ts";
import type { Thread } from "./thread.ts";

/**
 * Worker threads that stay warm for the next call of the same module, code and memory limit. A thread does one call at a
 * time; what is stopped, crashes or times out loses its thread, never its neighbours'.
 */
export interface WorkerPool {
  /** Never rejects for what the function does. */
  run(job: Job): Promise<JobEnd>;
  /** Stops every call and ends every thread. */
  close(): Promise<void>;
}

/** Functions wait for I/O more than they compute, so there are more threads than cores. */
const DEFAULT_MAX_THREADS = Math.max(4, availableParallelism() * 2);
const DEFAULT_IDLE_MS = 30_000;

/** @param options - `isOffline` keeps the threads from the network. */
export function createWorkerPool(
  options: { maxThreads?: number | undefined; idleMs?: number; isOffline?: boolean | undefined } = {},
): WorkerPool {
  const { maxThreads = DEFAULT_MAX_THREADS, idleMs = DEFAULT_IDLE_MS, isOffline = false } = options;
  /** Oldest first, so that the first one is the one to give up. */
  const idle = new Map<Thread, NodeJS.Timeout>();
  const living = new Set<Thread>();
  const waiting: { readonly key: string; readonly job: Job; take(thread: Thread): void }[] = [];
  let closed = false;

  /** An idle thread of the same kind, a new one, or undefined when all are busy. */
  function acquire(key: string, job: Job): Thread | undefined {
    const warm = [...idle.keys()].find((thread) => thread.key === key);
    if (warm) {
      clearTimeout(idle.get(warm));
      idle.delete(warm);
      return warm;
    }
    if (living.size >= maxThreads) {
      const oldest = idle.keys().next().value;
      if (!oldest) return undefined;
      retire(oldest);
    }
    const { module, maxMemoryBytes } = job;
    const thread: Thread = startThread(key, { module, maxMemoryBytes, isOffline }, () => lose(thread));
    living.add(thread);
    return thread;
  }

  function retire(thread: Thread): void {
    lose(thread);
    void thread.end();
  }

  function lose(thread: Thread): void {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
    living.delete(thread);
    serveWaiting();
  }

  function release(thread: Thread): void {
    if (!living.has(thread)) return;
    if (closed) retire(thread);
    else idle.set(thread, setTimeout(() => retire(thread), idleMs).unref());
    serveWaiting();
  }

  function serveWaiting(): void {
    const next = waiting[0];
    if (!next || closed) return;
    const thread = acquire(next.key, next.job);
    if (!thread) return;
    waiting.shift();
    next.take(thread);
  }

  /** @returns undefined when the signal came first. */
  function threadFor(key: string, job: Job): Promise<Thread | undefined> {
    const free = waiting.length === 0 ? acquire(key, job) : undefined;
    if (free) return Promise.resolve(free);
    const { promise, resolve } = Promise.withResolvers<Thread | undefined>();
    const entry = { key, job, take: resolve };
    waiting.push(entry);
    job.signal.addEventListener(
      "abort",
      () => {
        const at = waiting.indexOf(entry);
        if (at !== -1) waiting.splice(at, 1);
        resolve(undefined);
      },
      { once: true },
    );
    return promise;
  }

  return {
    run: async (job) => {
      if (closed) return stopped(new WfError("EXECUTION_CANCELLED", "wf is shutting down."));
      if (job.signal.aborted) return stopped(job.signal.reason);
      const thread = await threadFor(`${job.module}\n${job.maxMemoryBytes}`, job);
      if (!thread) return stopped(job.signal.reason);
      const ended = await thread.call(job);
      release(thread);
      return ended;
    },
    close: async () => {
      closed = true;
      await Promise.all([...living].map((thread) => thread.end()));
    },
  };
}

function stopped(reason: unknown): JobEnd {
  return { end: { kind: "stopped", reason }, logs: [] };
}
