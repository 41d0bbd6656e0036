import { Worker } from "node:worker_threads";
import { WfError } from "../../errors.ts";
import { formatDuration } from "../../duration.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./message.ts";
import { keepLoopsInterruptible } from "./flags.ts";
import type { Job, JobEnd, JobOutcome } from "./job.ts";
import { holdBusy, releaseBusy } from "./process-end.ts";

/** One worker thread. */
export interface Thread {
  /** Threads with equal keys are interchangeable. */
  readonly key: string;
  call(job: Job): Promise<JobEnd>;
  /** Ends it; a call under way ends as stopped. */
  end(): Promise<void>;
}

/** How long a function may tidy up after `signal` aborts, before its thread is ended. */
const GRACE_MS = 200;
/** A thread that V8 cannot interrupt (it may be within one long call of native code) is given up after this long. */
const GIVE_UP_MS = 2_000;
/** V8's own limit covers its heap only; what buffers hold outside of it is looked at this often. */
const MEMORY_CHECK_MS = 200;
/** Below this Node itself does not start. */
const MIN_HEAP_MB = 16;
const MAX_LOG_LINES = 1_000;
const MAX_LINE_LENGTH = 10_000;
const MAX_OUTPUT_BYTES = 16_000_000;

const ENTRY = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

interface Running {
  readonly call: number;
  readonly job: Job;
  readonly logs: string[];
  settle(end: JobOutcome): void;
}

export interface ThreadSetup {
  readonly module: string;
  readonly maxMemoryBytes: number;
  /** The thread can make no connections. */
  readonly isOffline: boolean;
}

/** @param lost - Called once, when the thread is no longer there. */
export function startThread(key: string, setup: ThreadSetup, lost: () => void): Thread {
  const { module, maxMemoryBytes, isOffline } = setup;
  const workerData: WorkerSetup = {
    module,
    isOffline,
    maxLogLines: MAX_LOG_LINES,
    maxLineLength: MAX_LINE_LENGTH,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  };
  keepLoopsInterruptible();
  const worker = new Worker(ENTRY, {
    workerData,
    name: "wf function",
    resourceLimits: { maxOldGenerationSizeMb: Math.max(MIN_HEAP_MB, Math.ceil(maxMemoryBytes / 1_048_576)) },
    // The worker captures its own output; what Node itself prints there must not mix with ours.
    stdout: true,
    stderr: true,
  });
  worker.stdout.resume();
  worker.stderr.resume();
  let running: Running | undefined;
  let calls = 0;
  let there = true;
  const gone = (): void => {
    if (there) lost();
    there = false;
  };

  const post = (message: ToWorker): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(message);
  };

  worker.on("message", (message: FromWorker) => {
    // An earlier call's timer may still speak; nobody listens to it.
    if (!running || ("call" in message && message.call !== running.call)) return;
    if (message.kind === "log") {
      if (running.logs.length < MAX_LOG_LINES) running.logs.push(message.line);
    } else if (message.kind === "read") {
      void answerRead(message, running.job, post);
    } else {
      running.settle(message);
    }
  });
  worker.on("error", (error: unknown) => {
    const memory = (error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
    running?.settle(memory ? { kind: "memory" } : { kind: "uncaught", error });
  });
  worker.once("exit", (exitCode) => {
    releaseBusy(worker);
    running?.settle({ kind: "exit", exitCode });
    gone();
  });

  async function call(job: Job): Promise<JobEnd> {
    const ended = Promise.withResolvers<JobOutcome>();
    const current: Running = { call: (calls += 1), job, logs: [], settle: ended.resolve };
    running = current;
    worker.ref();
    holdBusy(worker);
    let verdict: JobOutcome | undefined;
    let ending: NodeJS.Timeout | undefined;
    const stop = (end: JobOutcome, message: string): void => {
      if (verdict) return;
      verdict = end;
      post({ kind: "abort", call: current.call, reason: message });
      ending = setTimeout(() => void endWorker(worker).then(() => ended.resolve(end)), GRACE_MS);
    };
    const aborted = (): void => stop({ kind: "stopped", reason: job.signal.reason }, messageOf(job.signal.reason));
    const timer = setTimeout(() => {
      const late = new WfError("STEP_TIMEOUT", `The function did not end within ${formatDuration(job.timeoutMs)}.`);
      stop({ kind: "stopped", reason: late }, late.message);
    }, job.timeoutMs);
    const memory = setInterval(() => {
      void holdsTooMuch(worker, job.maxMemoryBytes).then((tooMuch) => {
        if (!tooMuch || verdict || running !== current) return;
        verdict = { kind: "memory" };
        void endWorker(worker).then(() => ended.resolve({ kind: "memory" }));
      });
    }, MEMORY_CHECK_MS);
    job.signal.addEventListener("abort", aborted, { once: true });
    if (job.signal.aborted) aborted();
    post({ kind: "call", call: current.call, json: job.json, files: job.files, execution: job.execution });

    let end = await ended.promise;
    clearTimeout(timer);
    clearTimeout(ending);
    clearInterval(memory);
    job.signal.removeEventListener("abort", aborted);
    running = undefined;
    if (verdict) {
      end = verdict;
      await endWorker(worker);
      gone();
    } else if (end.kind !== "result" && !(end.kind === "failed" && end.phase === "throw")) {
      // A module that does not load, or a thread that broke: the next call gets a fresh one.
      await endWorker(worker);
      gone();
    } else {
      worker.unref();
      releaseBusy(worker);
    }
    return { end, logs: current.logs };
  }

  return {
    key,
    call,
    end: async () => {
      running?.settle({ kind: "stopped", reason: new WfError("EXECUTION_CANCELLED", "wf is shutting down.") });
      await endWorker(worker);
      gone();
    },
  };
}

const endings = new WeakMap<Worker, Promise<void>>();

/** Resolves when the thread has ended, or is given up. */
function endWorker(worker: Worker): Promise<void> {
  let ending = endings.get(worker);
  if (!ending) {
    ending = terminate(worker);
    endings.set(worker, ending);
  }
  return ending;
}

async function terminate(worker: Worker): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // An idle thread may be as busy with what an earlier call left behind.
  if (worker.threadId !== -1) holdBusy(worker);
  const timer = setTimeout(resolve, GIVE_UP_MS);
  worker.terminate().then(
    () => resolve(),
    () => resolve(),
  );
  await promise;
  clearTimeout(timer);
  worker.unref();
}

async function answerRead(
  message: Extract<FromWorker, { kind: "read" }>,
  job: Job,
  post: (message: ToWorker) => void,
): Promise<void> {
  try {
    post({ kind: "bytes", read: message.read, bytes: await job.readBytes(message.given) });
  } catch (error) {
    post({ kind: "bytes-failed", read: message.read, message: messageOf(error) });
  }
}

async function holdsTooMuch(worker: Worker, maxMemoryBytes: number): Promise<boolean> {
  try {
    const { external_memory: outside, used_heap_size: heap } = await worker.getHeapStatistics();
    return outside + heap > Math.max(maxMemoryBytes, MIN_HEAP_MB * 1_048_576) * 1.25;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "the step was stopped";
}
