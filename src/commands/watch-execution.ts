import { setTimeout as sleep } from "node:timers/promises";
import type { Execution, ExecutionStatus } from "../engine/engine.ts";

const FIRST_LOOK_MS = 20;
const MAX_LOOK_MS = 500;

/** True for a status that never changes again. */
export function hasEnded(status: ExecutionStatus): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELLED";
}

/**
 * Looks at an execution, at first often and then twice a second, until it has ended.
 *
 * @param onLook - Sees every state on the way, the last one included.
 * @returns undefined when the time was over first
 */
export async function untilEnded<T extends Execution>(
  look: () => Promise<T>,
  options: { timeoutMs?: number | undefined; onLook?: (execution: T) => void } = {},
): Promise<T | undefined> {
  const deadline = options.timeoutMs === undefined ? Infinity : performance.now() + options.timeoutMs;
  for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(MAX_LOOK_MS, waitMs * 1.5)) {
    const execution = await look();
    options.onLook?.(execution);
    if (hasEnded(execution.status)) return execution;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return undefined;
    await sleep(Math.min(waitMs, leftMs));
  }
}
