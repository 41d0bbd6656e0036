import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { WfError } from "../errors.ts";

/**
 * Finds the project's folder: the one that `--dir` names, else the nearest from here upwards with a wf.yaml, else
 * the nearest with a folder of workflows.
 *
 * @throws {@link WfError} `PROJECT_NOT_FOUND`
 */
export function findRoot(dir: string | undefined): string {
  if (dir !== undefined) {
    const named = resolve(dir);
    if (statSync(named, { throwIfNoEntry: false })?.isDirectory()) return named;
    throw new WfError("PROJECT_NOT_FOUND", `--dir: there is no folder ${named}.`);
  }
  const folders = upwards(process.cwd());
  const root =
    folders.find((folder) => existsSync(join(folder, "wf.yaml"))) ??
    // `.github/workflows` is another program's.
    folders.find((folder) => !basename(folder).startsWith(".") && existsSync(join(folder, "workflows")));
  if (root !== undefined) return root;
  throw new WfError(
    "PROJECT_NOT_FOUND",
    `There is no wf.yaml and no folder workflows/ in ${process.cwd()} or above it.`,
  );
}

function upwards(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...upwards(parent)];
}
