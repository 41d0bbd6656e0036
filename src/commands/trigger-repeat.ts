import { Agent } from "node:http";
import { WfError } from "../errors.ts";
import { formatDuration } from "../duration.ts";
import { send } from "./send.ts";
import { layOut, note, print, printJson } from "./terminal.ts";
import type { TriggerRequest } from "./trigger-request.ts";

export interface RepeatPlan {
  readonly repeat: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly json: boolean;
}

interface Tally {
  readonly statuses: Map<number, number>;
  /** In milliseconds, of answered requests. */
  readonly durations: number[];
  unanswered: number;
  firstFailure: unknown;
}

/** Sends the same request many times and sums up the answers. @returns The exit code. */
export async function repeatRequest(request: TriggerRequest, plan: RepeatPlan): Promise<number> {
  const tally: Tally = { statuses: new Map(), durations: [], unanswered: 0, firstFailure: undefined };
  const secure = request.url.protocol === "https:";
  const { Agent: SecureAgent } = secure ? await import("node:https") : { Agent };
  const agent = new SecureAgent({ keepAlive: true, maxSockets: plan.concurrency, timeout: plan.timeoutMs });
  const interrupt = new AbortController();
  const onInterrupt = (): void => {
    interrupt.abort();
    agent.destroy();
  };
  process.once("SIGINT", onInterrupt);
  const progress = startProgress(tally, plan);
  const started = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < plan.repeat && !interrupt.signal.aborted) {
      next++;
      try {
        // The time limit is the agent's: a timer for each request would slow down the very thing that is measured.
        const answer = await send({ ...request, agent });
        tally.statuses.set(answer.status, (tally.statuses.get(answer.status) ?? 0) + 1);
        tally.durations.push(answer.durationMs);
      } catch (error) {
        if (interrupt.signal.aborted) break;
        tally.unanswered++;
        tally.firstFailure ??= error;
        // Nothing has ever answered: more of the same would only take time.
        if (tally.durations.length === 0 && tally.unanswered >= plan.concurrency) break;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(plan.concurrency, plan.repeat) }, lane));
  } finally {
    progress.stop();
    process.off("SIGINT", onInterrupt);
    agent.destroy();
  }
  const tookMs = performance.now() - started;
  if (tally.durations.length === 0 && !interrupt.signal.aborted) throw tally.firstFailure;
  report(tally, tookMs, plan.json);
  if (interrupt.signal.aborted) return 130;
  if (tally.firstFailure instanceof WfError) note(`first failure: ${tally.firstFailure.message}\n`);
  const allGood = tally.unanswered === 0 && [...tally.statuses.keys()].every((status) => status >= 200 && status < 300);
  return allGood ? 0 : 1;
}

function report(tally: Tally, tookMs: number, json: boolean): void {
  const sorted = tally.durations.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  const rate = sorted.length / (tookMs / 1000);
  const statuses = [...tally.statuses].sort(([a], [b]) => a - b);
  if (json) {
    printJson({
      requests: sorted.length + tally.unanswered,
      statuses: Object.fromEntries(statuses),
      unanswered: tally.unanswered,
      durationMs: round(tookMs),
      latencyMs: { p50: round(at(0.5)), p90: round(at(0.9)), p99: round(at(0.99)), max: round(at(1)) },
      requestsPerSecond: round(rate),
    });
    return;
  }
  const counts = statuses.map(([status, count]) => `${count} × ${status}`);
  if (tally.unanswered > 0) counts.push(`${tally.unanswered} unanswered`);
  print(
    layOut([
      ["requests", `${sorted.length + tally.unanswered} in ${formatDuration(tookMs)}, ${rate.toFixed(0)} per second`],
      ["answers", counts.join(", ")],
      ["latency", `p50 ${ms(at(0.5))}, p90 ${ms(at(0.9))}, p99 ${ms(at(0.99))}, max ${ms(at(1))}`],
    ]),
  );
}

function startProgress(tally: Tally, plan: RepeatPlan): { stop(): void } {
  if (!process.stderr.isTTY || plan.json) return { stop: () => undefined };
  const show = (): void => note(`\r${tally.durations.length + tally.unanswered} of ${plan.repeat}`);
  const timer = setInterval(show, 200);
  return {
    stop: () => {
      clearInterval(timer);
      note("\r\u001b[K");
    },
  };
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
