/** The world as steps reach it; types only. `wf test` puts mocks in its place. */
import type { FunctionStep, HttpStep } from "../workflow/definition.ts";
import type { Scope } from "../workflow/expression.ts";
import type { Value } from "../value.ts";
import type { ExecutionInfo, StepOutcome } from "./context.ts";
import type { TriggerInput } from "./engine.ts";

export interface EffectCall {
  readonly execution: ExecutionInfo;
  /** The step's path; with the execution's id it makes the idempotency key. */
  readonly path: string;
  readonly attempt: number;
  readonly scope: Scope;
  /** Aborted on cancel, shutdown, and with a `WfError` (STEP_TIMEOUT, WORKFLOW_TIMEOUT) as reason when time is over. */
  readonly signal: AbortSignal;
}

/** None of these throws for what a workflow's author or another server does; they answer with a failed outcome. */
export interface Effects {
  /** The values that expressions see as `secrets`. */
  readonly secrets: { readonly [name: string]: string };
  http(step: HttpStep, call: EffectCall): Promise<StepOutcome>;
  function(step: FunctionStep, input: Value, call: EffectCall): Promise<StepOutcome>;
  /** Starts the live definition of another workflow, once per execution and path, and waits for its end when asked to. */
  workflow(
    start: { readonly workflow: string; readonly input: TriggerInput; readonly wait: boolean },
    call: EffectCall,
  ): Promise<StepOutcome>;
}
