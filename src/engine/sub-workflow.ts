/** Workflows as steps of other workflows: the `workflow` effect on top of an engine. */
import { setTimeout as pause } from "node:timers/promises";
import { WfError } from "../errors.ts";
import type { Definition } from "../workflow/definition.ts";
import type { RuleViolation } from "../workflow/rule.ts";
import type { ValueObject } from "../value.ts";
import type { StepOutcome } from "./context.ts";
import type { EffectCall, Effects } from "./effects.ts";
import type { Engine, Execution, Reply, TriggerInput } from "./engine.ts";
import { newExecutionId } from "./id.ts";
import { failed, outcomeOf, succeeded } from "./outcome.ts";
import type { FailedOutcome } from "./outcome.ts";

/** A workflow that starts itself, by whatever detour, ends here instead of filling the store. */
const MAX_DEPTH = 20;
const POLL_MS = 30_000;
const PAUSE_MS = 100;
const MAX_REMEMBERED = 10_000;

/** What the rules of a definition say of a request; `query`, `headers` and `body` are the converted values. */
export type InputCheck =
  | {
      readonly ok: true;
      readonly query: TriggerInput["query"];
      readonly headers: TriggerInput["headers"];
      readonly body: TriggerInput["body"];
    }
  | { readonly ok: false; readonly violations: readonly RuleViolation[] };

export interface SubWorkflowOptions {
  readonly engine: Pick<Engine, "start" | "get" | "waitEnd" | "waitResponse">;
  /** The live definition of a workflow. */
  readonly find: (workflowId: string) => Definition | undefined;
  /** Checks the child's rules as its trigger would; without it, every input passes. */
  readonly validate?: (definition: Definition, input: TriggerInput) => InputCheck;
}

/**
 * Makes {@link Effects.workflow}: starts one child per execution and path, whatever is retried or resumed, and waits
 * for its end.
 *
 * @remarks
 * A child that has failed stays failed: trying the step again finds the same one. Its key holds for as long as the
 * engine keeps idempotency keys (24 h), so a parent that resumes later than that starts a second child.
 */
export function createWorkflowEffect(options: SubWorkflowOptions): Effects["workflow"] {
  const { engine } = options;
  const depths = new Depths(engine);

  return async (start, call) => {
    try {
      const definition = options.find(start.workflow);
      if (definition === undefined) {
        return failed("WORKFLOW_NOT_FOUND", `There is no workflow \`${start.workflow}\``);
      }
      const depth = (await depths.of(call.execution.id)) + 1;
      if (depth > MAX_DEPTH) {
        const message = `Workflow \`${start.workflow}\` would run ${depth} levels below the request; ${MAX_DEPTH} are allowed`;
        return failed("STEP_INVALID", message);
      }
      const input = admit(definition, start.input, options.validate);
      if ("kind" in input) return input;

      const child = await engine.start({
        id: newExecutionId(),
        definition,
        input,
        idempotencyKey: `${call.execution.id}:${call.path}`,
        parentId: call.execution.id,
      });
      depths.remember(child.id, depth);
      if (!start.wait) return succeeded({ executionId: child.id });
      const end = await waitForEnd(engine, child.id, call.signal);
      return end === undefined ? stopped(call, child.id) : await outcomeOfChild(engine, start.workflow, end);
    } catch (error) {
      // What the store cannot do now it may do later; anything else is a defect.
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      return { ...outcome, retryable: outcome.error.code.startsWith("STORE_") };
    }
  };
}

function admit(
  definition: Definition,
  request: TriggerInput,
  validate: SubWorkflowOptions["validate"],
): TriggerInput | FailedOutcome {
  const { methods } = definition.request;
  const method = methods.includes(request.method) ? request.method : (methods[0] ?? request.method);
  const input: TriggerInput = { ...request, method };
  const check = validate?.(definition, input);
  if (check === undefined) return input;
  if (check.ok) return { ...input, query: check.query, headers: check.headers, body: check.body };
  const errors = check.violations.map((violation): ValueObject => ({ ...violation }));
  const first = check.violations[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const message = `The input breaks the rules of workflow \`${definition.id}\`${first === undefined ? "" : `: ${first.message}${more}`}`;
  return failed("REQUEST_INVALID", message, { details: { errors } });
}

/** @returns undefined when `signal` was aborted first */
async function waitForEnd(
  engine: SubWorkflowOptions["engine"],
  id: string,
  signal: AbortSignal,
): Promise<Execution | undefined> {
  const { promise, resolve } = Promise.withResolvers<Execution | undefined>();
  const stop = (): void => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  const state = { waiting: !signal.aborted };
  if (!state.waiting) stop();
  const poll = async (): Promise<void> => {
    while (state.waiting) {
      const end = await engine.waitEnd(id, POLL_MS);
      if (end !== undefined) return resolve(end);
      // An engine that is closing does not wait at all; asking it again at once would never let it close.
      if (state.waiting) await pause(PAUSE_MS, undefined, { ref: false });
    }
  };
  try {
    // The race is held once, for all polls: each further one would stay linked to it for as long as the child runs.
    return await Promise.race([promise, poll().then(() => promise)]);
  } finally {
    state.waiting = false;
    signal.removeEventListener("abort", stop);
  }
}

function stopped(call: EffectCall, executionId: string): FailedOutcome {
  const reason: unknown = call.signal.reason;
  const details = { executionId };
  return reason instanceof WfError
    ? failed(reason.code, reason.message, { details, retryable: true })
    : failed("EXECUTION_CANCELLED", "Stopped while waiting for the workflow's end", { details, retryable: true });
}

async function outcomeOfChild(
  engine: SubWorkflowOptions["engine"],
  workflow: string,
  end: Execution,
): Promise<StepOutcome> {
  const executionId = end.id;
  if (end.status === "FAILED") {
    const reason = end.error === null ? "" : `: ${end.error.message}`;
    const error: ValueObject =
      end.error === null ? {} : { error: { code: end.error.code, message: end.error.message } };
    const details = { executionId, workflowId: workflow, ...error };
    return failed("EXECUTION_FAILED", `Workflow \`${workflow}\` failed${reason}`, { details });
  }
  if (end.status === "CANCELLED") {
    const details = { executionId, workflowId: workflow };
    return failed("EXECUTION_CANCELLED", `Workflow \`${workflow}\` was cancelled`, { details });
  }
  const reply = await engine.waitResponse(executionId, 0);
  return succeeded({ executionId, ...answer(reply) });
}

function answer(reply: Reply | undefined): ValueObject {
  // As a caller from outside would be answered: 202 where the workflow ends without reaching a response step.
  if (reply?.kind !== "response") return { statusCode: 202, body: null };
  const { status, body } = reply;
  switch (body.kind) {
    case "json":
      return { statusCode: status, body: body.value };
    case "text":
      return { statusCode: status, body: body.text };
    case "file":
      return { statusCode: status, body: body.file };
    case "empty":
      break;
  }
  return { statusCode: status, body: null };
}

/** How many workflows stand above an execution: 0 for one that a request from outside started. */
class Depths {
  readonly #engine: SubWorkflowOptions["engine"];
  readonly #known = new Map<string, number>();

  constructor(engine: SubWorkflowOptions["engine"]) {
    this.#engine = engine;
  }

  async of(id: string): Promise<number> {
    const chain: string[] = [];
    let depth = 0;
    for (let at: string | null = id; at !== null && chain.length <= MAX_DEPTH;) {
      const known = this.#known.get(at);
      if (known !== undefined) {
        depth = known + 1;
        break;
      }
      chain.push(at);
      const parent: { readonly parentId: string | null } | undefined = await this.#engine.get(at);
      at = parent?.parentId ?? null;
    }
    for (const [above, one] of chain.toReversed().entries()) this.remember(one, depth + above);
    return this.#known.get(id) ?? depth;
  }

  remember(id: string, depth: number): void {
    this.#known.set(id, depth);
    if (this.#known.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }
}
