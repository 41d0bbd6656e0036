/** Checks a whole project, or some files of it, for `wf check`. */
import { stat } from "node:fs/promises";
import { basename, relative, resolve, sep } from "node:path";
import { WfError } from "../errors.ts";
import { Secrets } from "../secrets.ts";
import { checkAuth } from "./check-auth.ts";
import { loadProject, readText, WORKFLOWS_FOLDER, type LoadedSet } from "./load.ts";
import { readWorkflow } from "./parse.ts";
import type { Problem } from "./problem.ts";
import type { SeenData } from "./seen.ts";
import { loadSettings, SETTINGS_FILE } from "./settings.ts";

export interface ProjectCheck {
  readonly problems: readonly Problem[];
  /** Text of the files that problems point into. */
  readonly sources: ReadonlyMap<string, string>;
  /** Number of files checked: workflows, the function modules they use, wf.yaml. */
  readonly count: number;
}

/** Function modules that were read: their problems are listed too. */
function moduleCount({ modules, sources }: LoadedSet): number {
  return new Set([...modules.values()].flat().filter((module) => sources.has(module))).size;
}

/**
 * Finds every problem of the workflow files and of wf.yaml.
 *
 * @param files - Relative to the working directory, or absolute; folders stand for what lies in them. All when absent.
 * Files outside `workflows/` are checked by themselves.
 * @param seen - Test data, for warnings of names that no request had.
 * @throws {@link WfError} `USAGE` for a file that does not exist
 */
export async function checkProject(root: string, files?: readonly string[], seen?: SeenData): Promise<ProjectCheck> {
  const set = await loadProject(root, seen);
  const settings = await loadSettings(root);
  const sources = new Map([...set.sources, [SETTINGS_FILE, settings.source]]);
  const { values } = Secrets.load(root);
  const unmet = checkAuth(set.auth, {
    isSecretSet: (name) => (values[name] ?? "") !== "",
    hasUserTokenKeys: settings.settings.userTokens.keys.length > 0,
  });
  const problems = [...settings.problems, ...set.problems, ...unmet];
  const hasSettings = settings.source === "" ? 0 : 1;
  if (files === undefined) return { problems, sources, count: set.count + moduleCount(set) + hasSettings };
  const found: Problem[] = [];
  let count = 0;
  for (const name of files) {
    const path = resolve(name);
    const about = await stat(path).catch(() => undefined);
    if (!about)
      throw new WfError("USAGE", `There is no file ${name}.`, { hint: "Name workflow files, or none for all." });
    const file = relative(resolve(root), path).split(sep).join("/");
    const within = about.isDirectory()
      ? (one: string) => file === "" || one.startsWith(`${file}/`)
      : (one: string) => one === file;
    const covered = [...sources.keys()].filter(within);
    const its = problems.filter((problem) => within(problem.file));
    const isOfProject = about.isDirectory() || file === SETTINGS_FILE || isWorkflowFile(file) || covered.length > 0;
    if (isOfProject) {
      const used = new Set(covered.flatMap((one) => set.modules.get(one) ?? []));
      found.push(...its, ...problems.filter((problem) => used.has(problem.file)));
      count += about.isDirectory() ? covered.filter((one) => isWorkflowFile(one) || one === SETTINGS_FILE).length : 1;
      continue;
    }
    count++;
    const text = await readText(path);
    if (text && "text" in text) {
      sources.set(file, text.text);
      found.push(...readWorkflow(basename(file).replace(/\.ya?ml$/, ""), file, text.text).problems);
    } else {
      const { check, reason } = text ?? { check: "unreadable", reason: "the file has gone" };
      found.push({ severity: "error", check, file, place: { line: 1, column: 1, length: 1 }, message: reason });
    }
  }
  return { problems: [...new Set(found)], sources, count };
}

function isWorkflowFile(file: string): boolean {
  return new RegExp(`^${WORKFLOWS_FOLDER}/[^/]+\\.ya?ml$`).test(file);
}
