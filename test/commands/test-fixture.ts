/** Runs the test data of a project in this process, as `wf test` does. */
import { onTestFinished } from "vitest";
import { stubSecrets } from "../../src/commands/test.ts";
import { type CaseFile, readCases } from "../../src/commands/test-project.ts";
import { CaseRunner } from "../../src/commands/test-run.ts";
import type { CaseResult } from "../../src/offline/result.ts";
import { loadProject } from "../../src/workflow/load.ts";
import { loadSettings } from "../../src/workflow/settings.ts";
import { ProjectFolder } from "../workflow/project-folder.ts";

export interface Tested {
  readonly project: ProjectFolder;
  readonly cases: readonly CaseFile[];
  readonly results: readonly CaseResult[];
  /** Messages of every failure, by case. */
  readonly failures: { readonly [name: string]: readonly string[] };
}

export async function runTests(files: { readonly [path: string]: string | Uint8Array }): Promise<Tested> {
  const project = new ProjectFolder(files);
  onTestFinished(() => project[Symbol.dispose]());
  const set = await loadProject(project.root);
  const broken = set.problems.find(({ severity }) => severity === "error");
  if (broken) throw new Error(`${broken.file}:${broken.place.line} ${broken.message}`);
  const { settings } = await loadSettings(project.root);
  const secrets = stubSecrets(set);
  const cases = await readCases(project.root, set, [], secrets.values);
  const runner = new CaseRunner({ root: project.root, set, settings, secrets });
  try {
    const results = await runner.run(cases);
    const failures = results.map(({ name, failures: found }): [string, string[]] => [
      name,
      found.map(({ problem }) => problem.message),
    ]);
    return { project, cases, results, failures: Object.fromEntries(failures) };
  } finally {
    await runner.close();
  }
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
