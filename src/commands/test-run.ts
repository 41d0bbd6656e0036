/** Runs cases, several at a time, and judges them. */
import { availableParallelism } from "node:os";
import { createFunctionEffect, type FunctionEffect } from "../engine/function/effect.ts";
import { failByGap } from "../offline/gap.ts";
import { judge, judgeHealth } from "../offline/judge.ts";
import { Judging } from "../offline/judging.ts";
import type { Fallback } from "../offline/mock-transport.ts";
import { MemoryFiles } from "../offline/memory-files.ts";
import type { CaseResult } from "../offline/result.ts";
import { type CaseRun, runCase } from "../offline/run-case.ts";
import { Secrets } from "../secrets.ts";
import type { LoadedSet } from "../workflow/load.ts";
import type { Range } from "../workflow/parse/node.ts";
import type { Settings } from "../workflow/settings.ts";
import { connectInMemory } from "./test-connection.ts";
import type { CaseFile } from "./test-project.ts";

/** Cases wait for function threads at most; more at once would only take memory. */
const AT_ONCE = 8;

export interface CaseRunnerOptions {
  /** The project's folder; functions run from it. */
  readonly root: string;
  readonly set: LoadedSet;
  readonly settings: Settings;
  /** What expressions see as `secrets`. */
  readonly secrets: Secrets;
  /** Answers what no mock does. */
  readonly fallback?: ((one: CaseFile) => Fallback | undefined) | undefined;
}

export class CaseRunner {
  readonly #options: CaseRunnerOptions;
  readonly #files = new MemoryFiles();
  readonly #functions: FunctionEffect;

  constructor(options: CaseRunnerOptions) {
    this.#options = options;
    this.#functions = createFunctionEffect({
      // The working copy itself: a test runs what is on disk now.
      snapshots: { folder: async () => options.root },
      files: this.#files,
      maxThreads: Math.max(2, availableParallelism()),
      isOffline: options.fallback === undefined,
    });
  }

  /** @param onResult - Called in the order of `cases`, each as soon as those before it are through. */
  async run(
    cases: readonly CaseFile[],
    onResult: (result: CaseResult, one: CaseFile) => void = () => {},
  ): Promise<CaseResult[]> {
    const results: CaseResult[] = [];
    const done: (CaseResult | undefined)[] = cases.map(() => undefined);
    let next = 0;
    const take = async (): Promise<void> => {
      while (next < cases.length) {
        const at = next++;
        done[at] = await this.#runOne(cases[at] as CaseFile);
        for (let first = done[results.length]; first !== undefined; first = done[results.length]) {
          onResult(first, cases[results.length] as CaseFile);
          results.push(first);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, cases.length) }, take));
    return results;
  }

  close(): Promise<void> {
    return this.#functions.close();
  }

  async #runOne(one: CaseFile): Promise<CaseResult> {
    const { workflowId, name, file, reader, ready } = one;
    const began = performance.now();
    const about = { workflowId, name, file };
    if (ready === undefined) {
      const failures = reader.problems().map((problem) => ({ problem }));
      return { ...about, status: "failed", failures, durationMs: performance.now() - began };
    }
    const { set, settings, secrets, fallback } = this.#options;
    const { request, mocks, at } = ready;
    const run = await runCase(
      { request, mocks, at, fallback: fallback?.(one) },
      {
        find: (id) => set.definitions.get(id),
        files: this.#files,
        functions: this.#functions.function,
        secrets: secrets.values,
        scrub: (text) => secrets.scrub(text),
        allowPrivate: settings.allowPrivate,
        connect: (engine) => connectInMemory(engine, set.definitions, settings, ready.userId),
      },
    );
    const failures = failuresOf(one, run);
    const status = failures.length === 0 ? "passed" : "failed";
    return { ...about, status, failures, durationMs: performance.now() - began, run };
  }
}

/** Requests without a mock come first and alone: all else would follow from them. */
function failuresOf({ workflowId, reader, ready }: CaseFile, run: CaseRun): CaseResult["failures"] {
  const top: Range = { start: 0, end: 1 };
  if (run.gaps.length > 0) {
    const judging = new Judging(reader);
    const told = new Set<string>();
    for (const gap of run.gaps) {
      const key = gap.kind === "missing" ? `${gap.request.workflowId}/${gap.request.stepId}` : gap.mock.name;
      if (!told.has(key)) failByGap(gap, workflowId, top, judging);
      told.add(key);
    }
    return judging.failures;
  }
  const expect = ready?.expect;
  return expect === undefined ? judgeHealth(run, reader, top) : judge(expect.wanted, run, reader);
}
