import { isMainThread, type Worker } from "node:worker_threads";

const busy = new Set<Worker>();

/**
 * Notes that a thread runs code of a function, so that it may not end when it is told to: one long call of native code
 * (a child process that is waited for, a key derivation) cannot be interrupted.
 *
 * @remarks
 * Node waits for every thread before it exits, and with such a one it would never exit. While threads are noted here,
 * the end of the process takes them along, when all other listeners of its `exit` have been called.
 */
export function holdBusy(worker: Worker): void {
  if (!isMainThread) return;
  busy.add(worker);
  // The last listener again: none is called after it.
  process.off("exit", leave);
  process.on("exit", leave);
}

/** The thread has answered, so it can be ended; or it has ended. */
export function releaseBusy(worker: Worker): void {
  busy.delete(worker);
}

/** Becomes a program that does nothing but end with the code: with a signal, the code could not be chosen. */
function leave(code: number): void {
  if (busy.size === 0) return;
  try {
    const { execPath, env } = process;
    process.execve?.(execPath, [execPath, "--eval", `process.exit(${code})`], { ...env, NODE_OPTIONS: "" });
  } catch {
    // Windows cannot; that the process ends counts more than its code.
  }
  process.kill(process.pid, "SIGKILL");
}
