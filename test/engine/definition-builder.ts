import { randomBytes } from "node:crypto";
/** Small definitions for tests, without YAML. */
import type {
  Definition,
  DelayStep,
  FailStep,
  ForeachStep,
  FunctionStep,
  HttpStep,
  ParallelStep,
  ResponseStep,
  Step,
  SwitchStep,
  WorkflowStep,
} from "../../src/workflow/definition.ts";
import type { Expression, Scope, Template } from "../../src/workflow/expression.ts";
import type { StepOutcome } from "../../src/engine/context.ts";
import type { EffectCall, Effects } from "../../src/engine/effects.ts";
import type { TriggerInput } from "../../src/engine/engine.ts";
import type { Value } from "../../src/value.ts";
import { WfError } from "../../src/errors.ts";

export type Compute = (scope: Scope) => Value;

export function expression(compute: Compute): Expression {
  return { source: "test", references: [], evaluate: compute };
}

export function template(value: Value | Compute): Template {
  return {
    constant: typeof value !== "function",
    expressions: [],
    evaluate: (scope) => (typeof value === "function" ? value(scope) : value),
  };
}

/** Reads `a.b.c` of a scope, as an expression would. */
export function path(dotted: string): Compute {
  return (scope) => {
    let at: unknown = scope;
    for (const key of dotted.split(".")) {
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) {
        throw new WfError("EXPRESSION_FAILED", `there is no ${key} in ${dotted}`);
      }
      at = (at as Record<string, unknown>)[key];
    }
    return at as Value;
  };
}

const base = { named: true, onError: "fail", line: 1 } as const;

type More<Kind extends Step> = Partial<Omit<Kind, "kind" | "id">>;

export function http(id: string, more: More<HttpStep> = {}): HttpStep {
  const request = {
    method: "GET",
    url: template("http://127.0.0.1/"),
    hostIsLiteral: true,
    maxRedirects: 5,
    maxResponseBytes: 1_000,
    response: "auto",
  } as const;
  return { ...base, id, kind: "http", http: request, ...more };
}

export function call(id: string, input: Value | Compute, more: More<FunctionStep> = {}): FunctionStep {
  return { ...base, id, kind: "function", module: "f.ts", with: template(input), maxMemoryBytes: 1_000, ...more };
}

export function choose(
  id: string,
  cases: readonly [Compute | undefined, Step[]][],
  more: More<SwitchStep> = {},
): SwitchStep {
  return {
    ...base,
    id,
    kind: "switch",
    cases: cases.map(([when, steps]) => (when === undefined ? { steps } : { when: expression(when), steps })),
    ...more,
  };
}

export function foreach(id: string, list: Value | Compute, steps: Step[], more: More<ForeachStep> = {}): ForeachStep {
  return { ...base, id, kind: "foreach", list: template(list), as: "item", concurrency: 10, steps, ...more };
}

export function parallel(id: string, branches: Record<string, Step[]>, more: More<ParallelStep> = {}): ParallelStep {
  const list = Object.entries(branches).map(([name, steps]) => ({ name, steps }));
  return { ...base, id, kind: "parallel", branches: list, ...more };
}

export function wait(
  id: string,
  value: Value | Compute,
  more: More<DelayStep> & { by?: "for" | "until" } = {},
): DelayStep {
  const { by = "for", ...rest } = more;
  return { ...base, id, kind: "delay", delay: { kind: by, value: template(value) }, ...rest };
}

export function respond(id: string, json: Value | Compute, more: More<ResponseStep> = {}): ResponseStep {
  return {
    ...base,
    id,
    kind: "response",
    status: template(200),
    body: { kind: "json", value: template(json) },
    ...more,
  };
}

export function sub(id: string, more: More<WorkflowStep> = {}): WorkflowStep {
  return { ...base, id, kind: "workflow", workflow: "other", wait: true, ...more };
}

export function fail(id: string, message: Value | Compute, more: More<FailStep> = {}): FailStep {
  return { ...base, id, kind: "fail", message: template(message), ...more };
}

export const retry = {
  max: 5,
  delaysMs: [10_000, 20_000, 30_000, 50_000, 80_000],
  backoff: 1,
  maxDelayMs: 3_600_000,
} as const;

export function workflow(steps: Step[], more: Partial<Definition> = {}): Definition {
  return {
    id: "w",
    hash: "0".repeat(64),
    source: { workflowId: "w", file: "workflows/w.yaml", yaml: "", modules: {} },
    request: {
      methods: ["POST"],
      auth: { kind: "none" },
      rules: { query: {}, headers: {}, additional: "allow" },
    },
    steps,
    onError: [],
    responds: false,
    ...more,
  };
}

type Script = (call: EffectCall) => StepOutcome | Promise<StepOutcome>;

/** A world that answers by script, by step path or by `path@attempt`; anything else succeeds with the path. */
export class World implements Effects {
  readonly secrets: Effects["secrets"] = { TOKEN: randomBytes(12).toString("hex") };
  /** `path@attempt` of every call, in order. */
  readonly calls: string[] = [];
  readonly inputs: Value[] = [];
  readonly requests: { readonly workflow: string; readonly input: TriggerInput; readonly wait: boolean }[] = [];
  readonly #scripts: { readonly [path: string]: Script | StepOutcome };

  constructor(scripts: { readonly [path: string]: Script | StepOutcome } = {}) {
    this.#scripts = scripts;
  }

  http(_step: HttpStep, made: EffectCall): Promise<StepOutcome> {
    return this.#answer(made);
  }

  function(_step: FunctionStep, input: Value, made: EffectCall): Promise<StepOutcome> {
    this.inputs.push(input);
    return this.#answer(made);
  }

  workflow(start: (typeof this.requests)[number], made: EffectCall): Promise<StepOutcome> {
    this.requests.push(start);
    return this.#answer(made);
  }

  async #answer(made: EffectCall): Promise<StepOutcome> {
    const key = `${made.path}@${made.attempt}`;
    this.calls.push(key);
    const script = this.#scripts[key] ?? this.#scripts[made.path] ?? this.#scripts["*"];
    if (script === undefined) return { kind: "succeeded", output: made.path };
    return typeof script === "function" ? script(made) : script;
  }
}

export const ok = (output: Value): StepOutcome => ({ kind: "succeeded", output });

export const broken = (more: { retryable?: boolean; retryAfterMs?: number } = {}): StepOutcome => ({
  kind: "failed",
  error: { code: "HTTP_STATUS", message: "answered 503", details: { statusCode: 503 } },
  retryable: true,
  ...more,
});
