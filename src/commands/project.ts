import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { WfError } from "../errors.ts";

/**
 * Finds the project's folder: the one that `--dir` names, else the nearest from here upwards with a wf.yaml or a
 * folder of workflows.
 *
 * @throws {@link WfError} `PROJECT_NOT_FOUND`
 */
export function findRoot(dir: string | undefined): string {
  if (dir !== undefined) {
    const named = resolve(dir);
    if (statSync(named, { throwIfNoEntry: false })?.isDirectory()) return named;
    throw new WfError("PROJECT_NOT_FOUND", `--dir: there is no folder ${named}.`);
  }
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "wf.yaml")) || existsSync(join(folder, "workflows"))) return folder;
    if (dirname(folder) === folder) break;
  }
  throw new WfError(
    "PROJECT_NOT_FOUND",
    `There is no wf.yaml and no folder workflows/ in ${process.cwd()} or above it.`,
  );
}
