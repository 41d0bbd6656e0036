/** Ties an engine, the interpreter and the effects together: what runs workflows, without HTTP in front of it. */
import { join } from "node:path";
import type { ExecutionContext, ExecutionEnd } from "../engine/context.ts";
import type { Effects } from "../engine/effects.ts";
import { openEmbeddedEngine } from "../engine/embedded/engine.ts";
import type { CaptureStore } from "../engine/captures.ts";
import type { CaptureBounds } from "../engine/embedded/options.ts";
import type { Engine, TriggerInput } from "../engine/engine.ts";
import { createFunctionEffect } from "../engine/function/effect.ts";
import { createSnapshots } from "../engine/function/snapshot.ts";
import { interpret } from "../engine/interpret.ts";
import type { HttpEffect, HttpEffectOptions } from "../engine/steps/http.ts";
import { createWorkflowEffect, type InputCheck } from "../engine/sub-workflow.ts";
import { WfError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Definition, DefinitionSource } from "../workflow/definition.ts";
import { parseWorkflow } from "../workflow/parse.ts";
import { compileRules } from "../workflow/rules.ts";
import type { LiveSecrets } from "./live-secrets.ts";

export interface RuntimeOptions {
  /** The project's folder. */
  readonly root: string;
  /** The folder that keeps records and files. */
  readonly directory: string;
  readonly secrets: LiveSecrets;
  /** The live definition of a workflow. */
  readonly find: (workflowId: string) => Definition | undefined;
  /** Private hosts that expressions may name. */
  readonly allowPrivate: readonly string[];
  /** How long ended executions are kept. */
  readonly retentionMs: number;
  readonly captures?: CaptureBounds;
  readonly log: Log;
  /** Told once, when an earlier process has left executions that go on now. */
  readonly onResumed?: (count: number) => void;
  /** Called when a walk has come to its end, with its duration since the execution's start. */
  readonly onEnd?: ((context: ExecutionContext, end: ExecutionEnd) => void) | undefined;
}

export interface Runtime {
  readonly engine: Engine;
  readonly captures: CaptureStore;
  /** Ends the engine and what its steps hold open; drain before. */
  close(): Promise<void>;
}

/** @throws {@link WfError} `STORE_LOCKED`, `STORE_VERSION`, `STORE_FAILED`, `SETTINGS_INVALID` */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  let effects: Effects | undefined;
  let provide!: (effects: Effects) => void;
  // Recovery walks executions while the engine is still opening, and their effects need the opened engine.
  const provided = new Promise<Effects>((resolve) => (provide = resolve));
  const scrub = (text: string): string => options.secrets.scrub(text);
  const engine = await openEmbeddedEngine({
    directory: options.directory,
    walk: async (definition, context) => {
      const end = await interpret(definition, context, effects ?? (await provided));
      options.onEnd?.(context, end);
      return end;
    },
    parse: (source) => parseRecorded(source, options.secrets),
    get scrub() {
      return options.secrets.areUsed ? scrub : undefined;
    },
    retentionMs: options.retentionMs,
    ...(options.captures && { captures: options.captures }),
    log: options.log,
    ...(options.onResumed && { onResumed: options.onResumed }),
  });
  const http = new LazyHttp({ files: engine.files, allowPrivate: options.allowPrivate });
  // Wrong entries of `http.allow_private` are told at the start, not by the first step.
  if (options.allowPrivate.length > 0) await http.open().catch((error: unknown) => closeAfter(engine, error));
  const functions = createFunctionEffect({
    // Not the store's folder, which may lie elsewhere: modules find the project's node_modules by lying inside of it.
    snapshots: createSnapshots(join(options.root, ".wf"), async (hash) => (await engine.definition(hash))?.source),
    files: engine.files,
  });
  effects = {
    get secrets() {
      return options.secrets.values;
    },
    http: async (step, call) => (await http.open()).http(step, call),
    function: functions.function,
    workflow: createWorkflowEffect({ engine, find: options.find, validate: checkInput }),
  };
  provide(effects);
  return {
    engine,
    captures: engine.captures,
    async close() {
      await engine.close();
      await Promise.all([http.close(), functions.close()]);
    },
  };
}

async function closeAfter(engine: Engine, error: unknown): Promise<never> {
  await engine.close();
  throw error;
}

/** The HTTP client is a third of what a server loads, and many projects' first http step comes late or never. */
class LazyHttp {
  readonly #options: HttpEffectOptions;
  #opened: Promise<HttpEffect> | undefined;

  constructor(options: HttpEffectOptions) {
    this.#options = options;
  }

  open(): Promise<HttpEffect> {
    return (this.#opened ??= import("../engine/steps/http.ts").then(({ createHttpEffect }) =>
      createHttpEffect(this.#options),
    ));
  }

  async close(): Promise<void> {
    await (await this.#opened)?.close();
  }
}

/** A definition of an execution that began earlier, perhaps under an older version of wf. */
function parseRecorded(source: DefinitionSource, secrets: LiveSecrets): Definition {
  const { definition, problems } = parseWorkflow(source);
  if (definition === undefined) {
    const problem = problems.find(({ severity }) => severity === "error");
    if (problem === undefined) throw new WfError("WORKFLOW_INVALID", `${source.file} cannot be read any more.`);
    const { file, place } = problem;
    throw new WfError("WORKFLOW_INVALID", problem.message, { at: { file, line: place.line, column: place.column } });
  }
  secrets.adopt([definition]);
  return definition;
}

/** What a trigger checks of a request, for a request that another workflow makes. */
function checkInput(definition: Definition, input: TriggerInput): InputCheck {
  return compileRules(definition.request.rules).validate(input);
}
