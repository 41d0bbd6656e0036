/**
 * Walks a definition; knows no database.
 *
 * The same records always lead to the same walk:
 * I1  Nothing here reads a clock or a random number; time comes from `context.now(path)`.
 * I2  What was decided by time is either an attempt's recorded outcome or follows from a recorded `now`.
 * I3  Each attempt has a path and a number of its own; both follow from the definition and recorded outcomes alone.
 * I4  Expected failures travel as values. A throw is a defect: it is recorded as INTERNAL, and the walk rejects in the end.
 */
import type { Definition, ForeachStep, ParallelStep, Step, SwitchStep } from "../workflow/definition.ts";
import type { Scope } from "../workflow/expression.ts";
import { WfError } from "../errors.ts";
import type { ExecutionContext, ExecutionEnd, StepAttempt, StepOutcome } from "./context.ts";
import { earlier, expired, isExpiry, limitOf, runWithin } from "./deadline.ts";
import type { Deadline } from "./deadline.ts";
import type { EffectCall, Effects } from "./effects.ts";
import { Names, innerIds, visibleIds } from "./frame.ts";
import type { Failure, Frame, Walk } from "./frame.ts";
import { errorValue, failed, kindOf, outcomeOf } from "./outcome.ts";
import type { FailedOutcome } from "./outcome.ts";
import { decideRetry } from "./retry.ts";
import { delayMs } from "./steps/delay.ts";
import { failWith } from "./steps/fail.ts";
import { foreachList, runTurns } from "./steps/foreach.ts";
import { runParallel } from "./steps/parallel.ts";
import { replyOf } from "./steps/response.ts";
import { chooseCase, runCase } from "./steps/switch.ts";
import { workflowInput } from "./steps/workflow.ts";

/** What `on_error` steps may still take once the workflow's time is over. */
const ON_ERROR_EXTRA_MS = 30_000;
const FUNCTION_TIMEOUT_MS = 30_000;

/**
 * Runs an execution to its end, from its beginning or from where its records stop.
 *
 * @returns How it ended, with the first error when it failed.
 * @throws {@link WfError} `INTERNAL` after a defect, which is the `cause`; it is to be logged, and the execution FAILED.
 */
export async function interpret(
  definition: Definition,
  context: ExecutionContext,
  effects: Effects,
): Promise<ExecutionEnd> {
  const walk = new Interpreter(context, effects);
  const names = new Names(rootScope(context, effects));
  const deadline = workflowDeadline(definition, context);
  const failure = await walk.runSteps(definition.steps, { prefix: "", names, deadline });
  if (failure === undefined) return { status: "SUCCEEDED" };

  if (definition.onError.length > 0) {
    names.fillAbsent(visibleIds(definition.steps));
    const error = { step: failure.path, ...errorValue(failure.error) };
    await walk.runSteps(definition.onError, {
      prefix: "",
      names: names.fork({ error }),
      deadline: deadline && {
        ...deadline,
        at: Math.max(deadline.at, context.now("#on_error")) + ON_ERROR_EXTRA_MS,
      },
    });
  }
  if (failure.error.code === "INTERNAL") throw walk.defect();
  return { status: "FAILED", error: failure.error };
}

function rootScope(context: ExecutionContext, effects: Effects): Scope {
  const { id, workflowId, startedAt, userId } = context.execution;
  return {
    trigger: { ...context.input },
    secrets: effects.secrets,
    execution: { id, workflowId, startedAt, ...(userId === undefined ? {} : { userId }) },
  };
}

function workflowDeadline(definition: Definition, context: ExecutionContext): Deadline | undefined {
  const { timeoutMs } = definition;
  if (timeoutMs === undefined) return undefined;
  return { at: Date.parse(context.execution.startedAt) + timeoutMs, path: undefined, timeoutMs };
}

/** What came of a step: its outcome, and the outer deadline that ended it. */
interface Attempted {
  readonly outcome: StepOutcome;
  readonly deadline?: Deadline | undefined;
}

type Container = SwitchStep | ForeachStep | ParallelStep;

class Interpreter implements Walk {
  readonly context: ExecutionContext;
  readonly effects: Effects;
  #defect: unknown;

  constructor(context: ExecutionContext, effects: Effects) {
    this.context = context;
    this.effects = effects;
  }

  defect(): WfError {
    return new WfError("INTERNAL", "Internal error", { cause: this.#defect });
  }

  async runSteps(steps: readonly Step[], frame: Frame): Promise<Failure | undefined> {
    for (const step of steps) {
      const failure = await this.#runStep(step, frame);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  async #runStep(step: Step, frame: Frame): Promise<Failure | undefined> {
    const path = frame.prefix + step.id;
    const first = (frame.attempts?.get(path) ?? 0) + 1;
    if (frame.deadline !== undefined && this.#left(frame.deadline, `${path}#begin${first}`) <= 0) {
      return expired(frame.deadline, path);
    }
    const refused = this.#decideIf(step, frame.names.scope);
    const { outcome, deadline } =
      refused === undefined
        ? await this.#runAttempts(step, frame, path, first)
        : { outcome: await this.#record(step, frame, path, first, refused), deadline: undefined };

    frame.names.fillAbsent(innerIds(step));
    if (outcome.kind !== "failed") {
      if (step.named) frame.names.add({ [step.id]: outcome.kind === "succeeded" ? outcome.output : null });
      return undefined;
    }
    const { error, retryable, retryAfterMs } = outcome;
    const caught = step.onError === "continue" && deadline === undefined && error.code !== "INTERNAL";
    if (!caught) return { error, path, retryable, retryAfterMs, deadline };
    if (step.named) frame.names.add({ [step.id]: { error: errorValue(error) } });
    return undefined;
  }

  /** @returns undefined when the step is to run */
  #decideIf(step: Step, scope: Scope): StepOutcome | undefined {
    const condition = step.if;
    if (condition === undefined) return undefined;
    return this.#guard<StepOutcome | undefined>(() => {
      const holds = condition.evaluate(scope);
      if (typeof holds === "boolean") return holds ? undefined : { kind: "skipped" };
      return failed(
        "STEP_INVALID",
        `\`if\` of step \`${step.id}\` must yield true or false, got ${kindOf(holds)}; compare it, for example with \`!= null\``,
      );
    });
  }

  async #runAttempts(step: Step, outer: Frame, path: string, first: number): Promise<Attempted> {
    const countsInside = isContainer(step) && step.retry !== undefined && outer.attempts === undefined;
    const frame: Frame = countsInside ? { ...outer, attempts: new Map() } : outer;
    for (let attempt = first; ; attempt++) {
      frame.attempts?.set(path, attempt);
      const attempted = await this.#runAttempt(step, frame, path, attempt);
      const { outcome } = attempted;
      if (outcome.kind !== "failed" || attempted.deadline !== undefined) return attempted;

      const decision = this.#guard(() =>
        decideRetry(step.retry, outcome, attempt - first, isRepeatable(step, outcome), frame.names.scope),
      );
      if (decision.kind !== "retry") return { outcome: decision.kind === "stop" ? decision.outcome : decision };
      const waited = await this.#wait(frame, path, `${path}#retry${attempt}`, decision.waitMs);
      if (waited !== undefined) return { outcome: { ...outcome, error: waited.error }, deadline: waited.deadline };
      frame.names.forget(innerIds(step));
    }
  }

  /** Waits, but not beyond the deadline. @returns The failure of a wait that the deadline cut short */
  async #wait(frame: Frame, path: string, waitPath: string, ms: number): Promise<Failure | undefined> {
    const left = frame.deadline && this.#left(frame.deadline, `${waitPath}#begin`);
    if (frame.deadline === undefined || left === undefined || ms < left) {
      await this.context.delay(waitPath, ms);
      return undefined;
    }
    await this.context.delay(waitPath, Math.max(0, left));
    return expired(frame.deadline, path);
  }

  async #runAttempt(step: Step, frame: Frame, path: string, attempt: number): Promise<Attempted> {
    const outcome = isContainer(step)
      ? await this.#runContainer(step, frame, path, attempt)
      : await this.#runLeaf(step, frame, path, attempt);
    if (outcome.kind !== "failed" || frame.deadline === undefined) return { outcome };
    return { outcome, deadline: isExpiry(frame.deadline, outcome.error) ? frame.deadline : undefined };
  }

  async #runContainer(step: Container, frame: Frame, path: string, attempt: number): Promise<StepOutcome> {
    const deadline = this.#ownDeadline(step, frame, path, attempt);
    // Recorded when it is over, not while it runs: an open record would keep an execution from sleeping in a delay.
    const outcome = await this.#runInside(step, { ...frame, deadline }, path);
    return this.#record(step, frame, path, attempt, outcome);
  }

  #runInside(step: Container, frame: Frame, path: string): Promise<StepOutcome> | StepOutcome {
    switch (step.kind) {
      case "switch": {
        const chosen = this.#guard(() => chooseCase(step, frame.names.scope));
        return "kind" in chosen ? chosen : runCase(step, chosen.index, frame, this);
      }
      case "foreach": {
        const items = this.#guard(() => foreachList(step, frame.names.scope));
        return "kind" in items ? items : runTurns(step, items.list, frame, path, this);
      }
      case "parallel":
        break;
    }
    return runParallel(step, frame, this);
  }

  async #runLeaf(step: Exclude<Step, Container>, frame: Frame, path: string, attempt: number): Promise<StepOutcome> {
    switch (step.kind) {
      case "http":
        return this.#effect(step, frame, path, attempt, (call) => this.effects.http(step, call));
      case "function":
        return this.#effect(step, frame, path, attempt, (call) =>
          this.effects.function(step, step.with?.evaluate(frame.names.scope) ?? null, call),
        );
      case "workflow":
        return this.#effect(step, frame, path, attempt, (call) => {
          const input = workflowInput(step, frame.names.scope, this.context.execution.userId);
          if ("kind" in input) return Promise.resolve(input);
          return this.effects.workflow({ workflow: step.workflow, input, wait: step.wait }, call);
        });
      case "delay":
        return this.#delay(step, frame, path, attempt);
      case "response": {
        const reply = this.#guard(() => replyOf(step, frame.names.scope));
        if (reply.kind !== "response") return this.#record(step, frame, path, attempt, reply);
        // Before its record: a crash between the two answers again, which changes nothing, and never forgets to.
        const sent = await this.context.respond(path, reply);
        const output = { statusCode: reply.status, sent };
        return this.#record(step, frame, path, attempt, { kind: "succeeded", output });
      }
      case "fail":
        break;
    }
    const failure = this.#guard(() => failWith(step, frame.names.scope));
    return this.#record(step, frame, path, attempt, failure);
  }

  async #effect(
    step: Extract<Step, { readonly kind: "http" | "function" | "workflow" }>,
    frame: Frame,
    path: string,
    attempt: number,
    run: (call: EffectCall) => Promise<StepOutcome>,
  ): Promise<StepOutcome> {
    const { context } = this;
    const { deadline } = frame;
    const { scope } = frame.names;
    const timeoutMs = step.timeoutMs ?? (step.kind === "function" ? FUNCTION_TIMEOUT_MS : undefined);
    const now = deadline === undefined ? 0 : context.now(`${path}#begin${attempt}`);
    const limit = limitOf(path, timeoutMs, deadline, now);
    return context.step(attemptOf(step, path, attempt, true), async () => {
      try {
        return await runWithin(
          limit,
          context.signal,
          async (signal) => run({ execution: context.execution, path, attempt, scope, signal }),
          context.after,
        );
      } catch (error) {
        return this.#caught(error);
      }
    });
  }

  async #delay(
    step: Extract<Step, { readonly kind: "delay" }>,
    frame: Frame,
    path: string,
    attempt: number,
  ): Promise<StepOutcome> {
    const ms = this.#guard(() => delayMs(step, frame.names.scope, () => this.context.now(`${path}#until${attempt}`)));
    if (typeof ms !== "number") return this.#record(step, frame, path, attempt, ms);
    const deadline = this.#ownDeadline(step, frame, path, attempt);
    const left = deadline && this.#left(deadline, `${path}#begin${attempt}`);
    if (deadline !== undefined && left !== undefined && ms >= left) {
      await this.context.delay(`${path}#timeout${attempt}`, Math.max(0, left));
      const { error } = expired(deadline, path);
      return this.#record(step, frame, path, attempt, { kind: "failed", error, retryable: true });
    }
    const about = step.name === undefined ? { stepId: step.id } : { stepId: step.id, name: step.name };
    await this.context.delay(attempt === 1 ? path : `${path}#${attempt}`, ms, about);
    return { kind: "succeeded", output: null };
  }

  #record(step: Step, frame: Frame, path: string, attempt: number, outcome: StepOutcome): Promise<StepOutcome> {
    frame.attempts?.set(path, attempt);
    return this.context.step(attemptOf(step, path, attempt, false), () => outcome);
  }

  /** The deadline of what runs inside a step's attempt: the step's own timeout, or one from around it that comes first. */
  #ownDeadline(step: Step, frame: Frame, path: string, attempt: number): Deadline | undefined {
    const { timeoutMs } = step;
    if (timeoutMs === undefined) return frame.deadline;
    return earlier(frame.deadline, { at: this.context.now(`${path}#start${attempt}`) + timeoutMs, path, timeoutMs });
  }

  #left(deadline: Deadline, nowPath: string): number {
    return deadline.at - this.context.now(nowPath);
  }

  #guard<Result>(compute: () => Result): Result | FailedOutcome {
    try {
      return compute();
    } catch (error) {
      return this.#caught(error);
    }
  }

  /** I4: details of a defect go to the log only. */
  #caught(error: unknown): FailedOutcome {
    const outcome = outcomeOf(error);
    if (outcome !== undefined) return outcome;
    this.#defect ??= error;
    return failed("INTERNAL", "Internal error");
  }
}

function isContainer(step: Step): step is Container {
  return step.kind === "switch" || step.kind === "foreach" || step.kind === "parallel";
}

/** What a step evaluates itself comes to the same end again; a container's steps may meet another answer. */
function isRepeatable(step: Step, outcome: Extract<StepOutcome, { readonly kind: "failed" }>): boolean {
  const { code } = outcome.error;
  if (code === "INTERNAL") return false;
  return isContainer(step) || (code !== "EXPRESSION_FAILED" && code !== "SECRET_MISSING");
}

function attemptOf(step: Step, path: string, attempt: number, effect: boolean): StepAttempt {
  const { id: stepId, kind, name } = step;
  return name === undefined ? { path, stepId, kind, attempt, effect } : { path, stepId, kind, name, attempt, effect };
}
