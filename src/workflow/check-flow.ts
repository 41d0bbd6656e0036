/** Finds responses that nobody hears and steps that never run. No I/O. */
import type { ResponseStep, Step } from "./definition.ts";
import { parseDuration } from "../duration.ts";
import type { Draft } from "./parse/draft.ts";

/** How long a caller waits for the response. */
const CALLER_WAITS_MS = 55_000;

/** What is certain at a point of the walk. */
interface Flow {
  /** The response that every way to this point has passed. */
  answered: Step | undefined;
  /** The `fail` that every way to this point has met. */
  ended: Step | undefined;
  /** Literal delays that every way to this point has waited. */
  delayedMs: number;
  /** Inside `foreach`, where several turns would answer. */
  readonly repeated: "no" | "always" | "sometimes";
}

/** @returns True when a response step stands anywhere. */
export function checkFlow(draft: Draft, steps: readonly Step[], onError: readonly Step[]): boolean {
  const check = new FlowCheck(draft);
  check.sequence(steps, start());
  check.sequence(onError, start());
  return check.responds;
}

function start(): Flow {
  return { answered: undefined, ended: undefined, delayedMs: 0, repeated: "no" };
}

class FlowCheck {
  responds = false;
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  sequence(steps: readonly Step[], flow: Flow): void {
    let told = false;
    for (const step of steps) {
      if (flow.ended && !told) {
        told = true;
        const message = `this step never runs: the \`fail\` of line ${flow.ended.line} always ends the workflow before it`;
        this.#warn(step, "unreachable-step", message, "Give the `fail` an `if`, or remove what follows it.");
      }
      // Told once: what lies inside the steps that follow is not told again.
      const { ended } = flow;
      flow.ended = undefined;
      if (step.if === undefined) this.#step(step, flow);
      else this.#step(step, { ...flow, repeated: flow.repeated === "no" ? "no" : "sometimes" });
      flow.ended = ended ?? flow.ended;
    }
  }

  #step(step: Step, flow: Flow): void {
    switch (step.kind) {
      case "response":
        this.#response(step, flow);
        return;
      case "fail":
        if (step.onError === "fail") flow.ended ??= step;
        return;
      case "delay": {
        const { kind, value } = step.delay;
        const text = kind === "for" && value.constant ? value.evaluate({}) : undefined;
        flow.delayedMs += typeof text === "string" ? (parseDuration(text) ?? 0) : 0;
        return;
      }
      case "switch":
        this.#switch(step.cases, step, flow);
        return;
      case "parallel":
        this.#parallel(step.branches, flow);
        return;
      case "foreach":
        // The list may be empty, so nothing inside is certain afterwards.
        this.sequence(step.steps, { ...flow, repeated: "always" });
        return;
      case "http":
      case "function":
      case "workflow":
    }
  }

  #response(step: ResponseStep, flow: Flow): void {
    this.responds = true;
    if (flow.answered) {
      const message = `nobody hears this response: the one of line ${flow.answered.line} has answered the caller before`;
      this.#error(step, message, "Remove it, or put an `if` on the earlier one.");
    } else if (flow.repeated === "always") {
      const message = "a response in `foreach` answers in the first turn; nobody hears those of the others";
      this.#error(step, message, "Put it behind the `foreach`.");
    } else if (flow.repeated === "sometimes") {
      const message = "the first turn of the `foreach` that reaches this response answers; nobody hears a later one";
      this.#warn(step, "response-unheard", message);
    } else if (flow.delayedMs >= CALLER_WAITS_MS) {
      const message = "the delays before this response are longer than a caller waits (55 s): it gets 542";
      this.#warn(step, "response-late", message, "Respond before the delay.");
    }
    flow.answered ??= step;
  }

  #switch(
    cases: readonly { readonly when?: unknown; readonly steps: readonly Step[] }[],
    step: Step,
    flow: Flow,
  ): void {
    const flows = cases.map((one) => {
      const inner = { ...flow, repeated: flow.repeated === "no" ? ("no" as const) : ("sometimes" as const) };
      this.sequence(one.steps, inner);
      return inner;
    });
    const complete = cases.at(-1) !== undefined && cases.at(-1)?.when === undefined;
    if (!complete || step.onError === "continue") return;
    // A case that ends the workflow leaves no way on, so it does not count for what comes after.
    const going = flows.filter((one) => !one.ended);
    if (going.length === 0) flow.ended ??= flows[0]?.ended;
    if (going.every((one) => one.answered)) flow.answered ??= going[0]?.answered;
    flow.delayedMs = Math.min(...(going.length > 0 ? going : flows).map((one) => one.delayedMs));
  }

  #parallel(branches: readonly { readonly steps: readonly Step[] }[], flow: Flow): void {
    const before = { ...flow };
    for (const branch of branches) {
      const inner = { ...before, answered: flow.answered };
      this.sequence(branch.steps, inner);
      flow.answered ??= inner.answered;
      flow.ended ??= inner.ended;
      flow.delayedMs = Math.max(flow.delayedMs, inner.delayedMs);
    }
  }

  #error(step: Step, message: string, hint?: string): void {
    this.#draft.reader.error(this.#range(step), "response-unheard", message, hint);
  }

  #warn(step: Step, check: string, message: string, hint?: string): void {
    this.#draft.reader.warn(this.#range(step), check, message, hint);
  }

  #range(step: Step): { start: number; end: number } {
    return this.#draft.ranges.get(step) ?? { start: 0, end: 1 };
  }
}
