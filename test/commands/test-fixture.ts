/** Runs the test data of a project in this process, as `wf test` does. */
import { onTestFinished } from "vitest";
import type { CaseFile } from "../../src/commands/test-project.ts";
import { TestSession } from "../../src/commands/test-session.ts";
import type { CaseResult } from "../../src/offline/result.ts";
import { ProjectFolder } from "../workflow/project-folder.ts";

export interface Tested {
  readonly project: ProjectFolder;
  readonly session: TestSession;
  readonly cases: readonly CaseFile[];
  readonly results: readonly CaseResult[];
  /** Messages of every failure, by case. */
  readonly failures: { readonly [name: string]: readonly string[] };
}

export async function runTests(files: { readonly [path: string]: string | Uint8Array }): Promise<Tested> {
  const project = new ProjectFolder(files);
  onTestFinished(() => project[Symbol.dispose]());
  const session = new TestSession(project.root, { workflows: [], all: true });
  const tests = await session.load();
  const broken = tests.set.problems.find(({ severity }) => severity === "error");
  if (broken) throw new Error(`${broken.file}:${broken.place.line} ${broken.message}`);
  const results = await session.run(tests);
  return { project, session, cases: tests.cases, results, failures: messagesOf(results) };
}

/** Messages of every failure, by case. */
export function messagesOf(results: readonly CaseResult[]): { readonly [name: string]: readonly string[] } {
  return Object.fromEntries(
    results.map(({ name, failures }) => [name, failures.map(({ problem }) => problem.message)]),
  );
}

/** A workflow `w` with these steps, and test data of it by name. */
export function workflowWith(
  steps: string,
  data: { readonly [name: string]: string },
  more: { readonly [path: string]: string | Uint8Array } = {},
): { readonly [path: string]: string | Uint8Array } {
  const testdata = Object.entries(data).map(([name, text]) => [`workflows/w.testdata/${name}.yaml`, text]);
  return {
    "workflows/w.yaml": `trigger: { request: {} }\nsteps:\n${steps.replace(/^\n+/, "")}`,
    ...Object.fromEntries(testdata),
    ...more,
  };
}
