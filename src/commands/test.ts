import { WfError } from "../errors.ts";
import type { CaseResult } from "../offline/result.ts";
import { Secrets } from "../secrets.ts";
import { loadProject, type LoadedSet } from "../workflow/load.ts";
import { loadSettings } from "../workflow/settings.ts";
import { secretsOf } from "./live-secrets.ts";
import { findRoot } from "./project.ts";
import { prettyCase, prettySummary } from "./test-pretty.ts";
import { type CaseFile, readCases } from "./test-project.ts";
import { CaseRunner } from "./test-run.ts";
import { print } from "./terminal.ts";

export interface TestOptions {
  readonly dir?: string;
  readonly all?: boolean;
  readonly filter?: string;
}

/** `wf test`: runs the test data of workflows without a network. @returns The exit code */
export async function testWorkflows(ids: readonly string[], options: TestOptions): Promise<number> {
  const root = findRoot(options.dir);
  const { settings } = await loadSettings(root);
  const set = await loadProject(root);
  const secrets = stubSecrets(set);
  const cases = (await readCases(root, set, ids, secrets.values)).filter((one) => isWanted(one, options));
  if (cases.length === 0) throw nothingToRun(options);
  const runner = new CaseRunner({ root, set, settings, secrets });
  const began = performance.now();
  let results: CaseResult[];
  try {
    results = await runner.run(cases, (result) => print(prettyCase(result, cases)));
  } finally {
    await runner.close();
  }
  print(prettySummary(results, performance.now() - began));
  return results.every(({ status }) => status === "passed") ? 0 : 1;
}

function isWanted({ workflowId, name, ready, reader }: CaseFile, { all, filter }: TestOptions): boolean {
  if (filter !== undefined && !`${workflowId} ${name}`.toLowerCase().includes(filter.toLowerCase())) return false;
  // A file that cannot be read may have had expectations; passing over it would hide that.
  return all === true || ready?.expect !== undefined || reader.failed;
}

/** Each secret is its own name in brackets: tests need none, write none, and run the same everywhere. */
export function stubSecrets(set: LoadedSet): Secrets {
  const names = [...set.definitions.values()].flatMap((definition) => secretsOf(definition) ?? []);
  const secrets = new Secrets(Object.fromEntries(names.map((name) => [name, `[secret ${name}]`])));
  secrets.use(names);
  return secrets;
}

function nothingToRun({ filter, all }: TestOptions): WfError {
  const which = filter === undefined ? "" : ` whose name holds "${filter}"`;
  const what = all === true ? "test data" : "test data with `expect`";
  return new WfError("TEST_DATA_NOT_FOUND", `There is no ${what}${which}.`, {
    hint: "Save a capture as test data or make it with `wf testdata new`, and write `expect: { status: 200 }` into it.",
  });
}
