import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { WfError } from "../errors.ts";
import { loadProject } from "../workflow/load.ts";
import { typesOf } from "../workflow/types-workflow.ts";
import { findRoot } from "./project.ts";
import { readSeen } from "./seen-data.ts";
import { note, print, safeLine } from "./terminal.ts";
import { requireWorkflow } from "./workflow-id.ts";

export interface TypesOptions {
  readonly out?: string;
  readonly check?: boolean;
  readonly dir?: string;
}

/**
 * `wf types`: writes TypeScript types of the workflows, of all when none is named.
 *
 * @returns The exit code: 1 with `--check` when the file is not what it would be now.
 * @throws {@link WfError} `WORKFLOW_NOT_FOUND`; `WORKFLOW_INVALID` for a workflow with mistakes
 */
export async function writeTypes(ids: readonly string[], options: TypesOptions): Promise<number> {
  if (options.check && options.out === undefined) {
    throw new WfError("USAGE", "--check needs --out: the file to compare.");
  }
  const root = findRoot(options.dir);
  const set = await loadProject(root);
  for (const id of ids) requireWorkflow(id, set.ids);
  const broken = [...(ids.length > 0 ? ids : set.ids)].find((id) => !set.definitions.has(id));
  if (broken !== undefined) {
    throw new WfError("WORKFLOW_INVALID", `${broken} has mistakes, so that its types cannot be told.`, {
      hint: "`wf check` shows them.",
    });
  }
  const seen = await readSeen(root);
  const chosen = [...set.definitions.values()].filter(({ id }) => ids.length === 0 || ids.includes(id));
  const folder = options.out === undefined ? root : dirname(resolve(options.out));
  const text = typesOf(
    chosen.map((definition) => ({ definition, seen: seen.get(definition.id) ?? [] })),
    { folder: relative(root, folder).split(sep).join("/") },
  );
  if (options.out === undefined) {
    print(text);
    return 0;
  }
  const file = resolve(options.out);
  const before = await readFile(file, "utf8").catch(() => undefined);
  if (options.check) {
    if (before === text) return 0;
    note(
      `${safeLine(options.out)} is ${before === undefined ? "missing" : "stale"}; run \`wf types\` with the same --out.\n`,
    );
    return 1;
  }
  // Watching compilers would start for nothing.
  if (before === text) return 0;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  note(`Wrote ${safeLine(options.out)}.\n`);
  return 0;
}
