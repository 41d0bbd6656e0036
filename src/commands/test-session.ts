/** The tests of one project: loads, runs, records, updates. */
import { testDataFolder } from "../capture/test-data-file.ts";
import { coverageOf } from "../offline/coverage.ts";
import { Recording } from "../offline/recording.ts";
import type { CaseResult } from "../offline/result.ts";
import { Secrets } from "../secrets.ts";
import { type LoadedSet, ProjectLoader } from "../workflow/load.ts";
import { loadSettings, type Settings } from "../workflow/settings.ts";
import { secretsOf } from "./live-secrets.ts";
import { refuseBroken } from "./refuse-broken.ts";
import { note } from "./terminal.ts";
import { type CaseFile, orphans, readCases } from "./test-project.ts";
import type { TestReport } from "./test-report.ts";
import { CaseRunner } from "./test-run.ts";
import { writeExpectations, writeMocks } from "./test-write.ts";

export interface TestChoice {
  /** Ids of workflows; all when empty. */
  readonly workflows: readonly string[];
  /** Also test data without `expect`. */
  readonly all: boolean;
  readonly filter?: string | undefined;
}

/** A project at one moment. */
export interface LoadedTests {
  readonly set: LoadedSet;
  readonly settings: Settings;
  readonly cases: readonly CaseFile[];
}

export class TestSession {
  readonly root: string;
  readonly #choice: TestChoice;
  readonly #loader: ProjectLoader;
  readonly #told = new Set<string>();

  constructor(root: string, choice: TestChoice) {
    this.root = root;
    this.#choice = choice;
    this.#loader = new ProjectLoader(root);
  }

  async load(): Promise<LoadedTests> {
    const { settings, problems } = await loadSettings(this.root);
    refuseBroken(problems);
    const set = await this.#loader.load();
    const { workflows } = this.#choice;
    for (const id of orphans(this.root, set)) {
      if (!this.#told.has(id)) note(`${testDataFolder(id)} is not run: there is no workflow ${id}\n`);
      this.#told.add(id);
    }
    const cases = await readCases(this.root, set, workflows, stubSecrets(set).values);
    return { set, settings, cases: cases.filter((one) => isWanted(one, this.#choice)) };
  }

  /** Runs cases offline and reports them. */
  async run(tests: LoadedTests, report?: TestReport): Promise<CaseResult[]> {
    const began = performance.now();
    const results = await this.#through(tests, stubSecrets(tests.set), undefined, report);
    report?.end(results, coverageIn(tests, results), performance.now() - began);
    return results;
  }

  /** Runs cases against the real services where a mock is missing, and writes the answers into their files. */
  async record(tests: LoadedTests, report: TestReport): Promise<CaseResult[]> {
    const secrets = Secrets.load(this.root);
    secrets.use(namesIn(tests.set));
    const recordings = new Map(
      tests.cases.map((one) => [one, new Recording(one.workflowId, one.name, (text) => secrets.scrub(text))]),
    );
    const began = performance.now();
    const results = await this.#through(tests, secrets, recordings, report);
    report.end(results, coverageIn(tests, results), performance.now() - began);
    for (const [one, recording] of recordings) {
      const count = await writeMocks(this.root, one, recording.recorded);
      if (count > 0) note(`recorded ${count === 1 ? "1 mock" : `${count} mocks`} in ${one.file}\n`);
    }
    return results;
  }

  /** Writes what comes into `expect`. @returns Files that were changed, with the status that came */
  async update(tests: LoadedTests): Promise<{ readonly file: string; readonly status: number }[]> {
    const results = await this.run(tests);
    const changed: { file: string; status: number }[] = [];
    for (const [at, one] of tests.cases.entries()) {
      const result = results[at];
      if (result?.run === undefined || !(await writeExpectations(this.root, one, result))) continue;
      changed.push({ file: one.file, status: result.run.answer.status });
    }
    return changed;
  }

  async #through(
    { set, settings, cases }: LoadedTests,
    secrets: Secrets,
    recordings: ReadonlyMap<CaseFile, Recording> | undefined,
    report: TestReport | undefined,
  ): Promise<CaseResult[]> {
    const { root } = this;
    const fallback = recordings && ((one: CaseFile) => recordings.get(one)?.fallback);
    const runner = new CaseRunner({ root, set, settings, secrets, fallback });
    try {
      return await runner.run(cases, (result, one) => report?.case(result, one));
    } finally {
      await runner.close();
    }
  }
}

function isWanted({ workflowId, name, ready, reader }: CaseFile, { all, filter }: TestChoice): boolean {
  if (filter !== undefined && !`${workflowId} ${name}`.toLowerCase().includes(filter.toLowerCase())) return false;
  // A file that cannot be read may have had expectations; passing over it would hide that.
  return all || ready?.expect !== undefined || reader.failed;
}

/** Of the workflows whose cases ran. */
function coverageIn({ set }: LoadedTests, results: readonly CaseResult[]): ReturnType<typeof coverageOf>[] {
  const executions = results.flatMap(({ run }) => run?.executions ?? []);
  return [...new Set(results.map(({ workflowId }) => workflowId))].flatMap((id) => {
    const definition = set.definitions.get(id);
    return definition === undefined ? [] : [coverageOf(definition, executions)];
  });
}

function namesIn(set: LoadedSet): string[] {
  return [...set.definitions.values()].flatMap((definition) => secretsOf(definition) ?? []);
}

/** Each secret is its own name in brackets: tests need none, write none, and run the same everywhere. */
function stubSecrets(set: LoadedSet): Secrets {
  const names = namesIn(set);
  const secrets = new Secrets(Object.fromEntries(names.map((name) => [name, `[secret ${name}]`])));
  secrets.use(names);
  return secrets;
}
