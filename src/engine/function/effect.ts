import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { WfError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { FileValue } from "../../value.ts";
import type { Value } from "../../value.ts";
import type { FunctionStep } from "../../workflow/definition.ts";
import type { StepOutcome } from "../context.ts";
import type { EffectCall, Effects } from "../effects.ts";
import type { FileStore } from "../files.ts";
import type { FileAt, OutputFile } from "./message.ts";
import { createWorkerPool } from "./pool.ts";
import type { WorkerPool } from "./pool.ts";
import type { Snapshots } from "./snapshot.ts";
import type { JobOutcome } from "./job.ts";
import { stoppedFailure } from "../http/failure.ts";
import { baseName } from "../http/answer.ts";

export interface FunctionEffectOptions {
  /** Where the code lies that an execution began with. */
  readonly snapshots: Snapshots;
  readonly files: FileStore;
  /** @defaultValue twice the cores, at least 4 */
  readonly maxThreads?: number;
  /** Functions can make no connections. @defaultValue false */
  readonly isOffline?: boolean;
}

export interface FunctionEffect {
  readonly function: Effects["function"];
  /** Ends every thread; functions under way fail. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 30_000;

interface Runtime {
  readonly files: FileStore;
  readonly pool: WorkerPool;
  readonly snapshots: Snapshots;
}

/** Makes the function step: the default export of a module, run in a worker thread with limits on time and memory. */
export function createFunctionEffect(options: FunctionEffectOptions): FunctionEffect {
  const { snapshots, files, maxThreads, isOffline } = options;
  const pool = createWorkerPool({ maxThreads, isOffline });
  const runtime: Runtime = { files, pool, snapshots };
  return { function: (step, input, call) => runFunction(step, input, call, runtime), close: () => pool.close() };
}

async function runFunction(step: FunctionStep, input: Value, call: EffectCall, runtime: Runtime): Promise<StepOutcome> {
  let folder: string;
  try {
    folder = await runtime.snapshots.folder(call.execution.definitionHash);
  } catch (error) {
    if (!(error instanceof WfError)) throw error;
    return { kind: "failed", error: { code: error.code, message: error.message }, retryable: true, input };
  }
  const { json, files } = withoutFiles(input);
  const { id, workflowId, startedAt, userId } = call.execution;
  const { end, logs } = await runtime.pool.run({
    module: join(folder, step.module),
    maxMemoryBytes: step.maxMemoryBytes,
    json,
    files: files.map(({ path, file: { name, mimeType, size, hash } }) => ({
      path,
      file: { name, mimeType, size, hash },
    })),
    execution: { id, workflowId, startedAt, ...(userId === undefined ? {} : { userId }) },
    timeoutMs: step.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    signal: call.signal,
    readBytes: async (given) => {
      const file = files[given]?.file;
      if (!file) throw new WfError("STORE_FAILED", "The function asked for a file that it was not given.");
      return runtime.files.read(file);
    },
  });
  const outcome = await outcomeOf(end, step, folder, files, runtime.files);
  return { ...outcome, input, ...(logs.length === 0 ? {} : { logs }) };
}

async function outcomeOf(
  end: JobOutcome,
  step: FunctionStep,
  folder: string,
  given: readonly GivenFile[],
  files: FileStore,
): Promise<StepOutcome> {
  switch (end.kind) {
    case "result":
      try {
        return { kind: "succeeded", output: await withFiles(JSON.parse(end.json) as Value, end.files, given, files) };
      } catch (error) {
        if (!(error instanceof WfError)) throw error;
        return { kind: "failed", error: { code: error.code, message: error.message }, retryable: true };
      }
    case "failed":
      return thrown(end.phase, end.message, end.stack, step, folder);
    case "uncaught": {
      const error = end.error instanceof Error ? end.error : new Error(String(end.error));
      return thrown("throw", error.message, error.stack ?? "", step, folder);
    }
    case "memory":
      return crashed(`${step.module} needed more memory than its limit of ${megabytes(step.maxMemoryBytes)}.`);
    case "exit":
      return crashed(`${step.module} ended its thread (exit code ${end.exitCode}) before it returned.`);
    case "stopped":
      break;
  }
  return stoppedFailure(end.reason);
}

function crashed(message: string): StepOutcome {
  return { kind: "failed", error: { code: "FUNCTION_CRASHED", message }, retryable: true };
}

/** @returns A failure that another try may mend only where the function itself threw. */
function thrown(
  phase: "load" | "throw" | "output",
  message: string,
  stack: string,
  step: FunctionStep,
  folder: string,
): StepOutcome {
  const lines = ownLines(stack, folder);
  const text = withoutFolder(message, folder);
  const what = { load: "cannot be loaded", throw: "threw", output: "returned what no step can use" }[phase];
  const place = phase === "output" ? undefined : placeIn(lines);
  const code: ErrorCode =
    phase === "output" && text.startsWith("RangeError: the output has") ? "OUTPUT_TOO_LARGE" : "FUNCTION_FAILED";
  return {
    kind: "failed",
    error: {
      code,
      message: `${step.module} ${what}${place === undefined ? "" : ` at ${place}`}: ${text}`,
      ...(lines.length === 0 || phase === "output" ? {} : { details: { stack: lines } }),
    },
    retryable: phase === "throw",
  };
}

/** The lines of a stack that are in the author's own files, with paths as in the project. */
function ownLines(stack: string, folder: string): string[] {
  return stack
    .split("\n")
    .filter((line) => line.includes(folder) || line.includes(pathToFileURL(folder).href))
    .map((line) => withoutFolder(line, folder).trim())
    .slice(0, 20);
}

function placeIn(lines: readonly string[]): string | undefined {
  return /(?:^|[\s(])([^\s()]+:\d+(?::\d+)?)\)?$/.exec(lines[0] ?? "")?.[1];
}

function withoutFolder(text: string, folder: string): string {
  return text.replaceAll(`${pathToFileURL(folder).href}/`, "").replaceAll(folder + sep, "");
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 100_000) / 10} MB`;
}

interface GivenFile {
  readonly path: FileAt["path"];
  readonly file: FileValue;
}

/** Files cross over beside the JSON, so that no JSON can pretend to be one. */
function withoutFiles(input: Value): { json: string; files: GivenFile[] } {
  const files: GivenFile[] = [];
  const strip = (value: Value, path: readonly (string | number)[]): Value => {
    if (value instanceof FileValue) {
      files.push({ path, file: value });
      return null;
    }
    if (Array.isArray(value)) return (value as readonly Value[]).map((item, at) => strip(item, [...path, at]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, strip(item, [...path, key])]));
  };
  return { json: JSON.stringify(strip(input, [])), files };
}

async function withFiles(
  json: Value,
  outputs: readonly OutputFile[],
  given: readonly GivenFile[],
  files: FileStore,
): Promise<Value> {
  let root = json;
  for (const output of outputs) {
    const file = "given" in output ? given[output.given]?.file : await files.write(output.bytes, aboutFile(output));
    if (!file) throw new WfError("FUNCTION_FAILED", "The function returned a file that it was not given.");
    const last = output.path.at(-1);
    if (last === undefined) root = file;
    else {
      const holder = output.path
        .slice(0, -1)
        .reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], root);
      Object.defineProperty(holder, last, { value: file, enumerable: true, configurable: true, writable: true });
    }
  }
  return root;
}

function aboutFile(file: { readonly name: string; readonly mimeType: string }): { name: string; mimeType: string } {
  return { name: baseName(file.name) || "file", mimeType: file.mimeType };
}
