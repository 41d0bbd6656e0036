import { join } from "node:path";
import { WfError } from "../errors.ts";
import { readText, WORKFLOWS_FOLDER } from "../workflow/load.ts";
import { nearest } from "../workflow/parse/reader.ts";
import { readdir } from "node:fs/promises";

export interface WorkflowText {
  /** Relative to the root, with `/`. */
  readonly file: string;
  readonly path: string;
  readonly text: string;
}

/**
 * Reads the file of a workflow, whatever mistakes it has.
 *
 * @throws {@link WfError} `WORKFLOW_NOT_FOUND`, with the nearest id; `WORKFLOW_INVALID` for what is no text
 */
export async function readWorkflowText(root: string, workflowId: string): Promise<WorkflowText> {
  const names = await readdir(join(root, WORKFLOWS_FOLDER)).catch((): string[] => []);
  const name = [`${workflowId}.yaml`, `${workflowId}.yml`].find((one) => names.includes(one));
  const file = `${WORKFLOWS_FOLDER}/${name ?? ""}`;
  const path = join(root, file);
  const read = name === undefined ? undefined : await readText(path);
  if (read === undefined) {
    const ids = names.filter((one) => /\.ya?ml$/.test(one)).map((one) => one.replace(/\.ya?ml$/, ""));
    const near = nearest(workflowId, ids);
    throw new WfError(
      "WORKFLOW_NOT_FOUND",
      `There is no workflow "${workflowId}" in ${join(root, WORKFLOWS_FOLDER)}.`,
      {
        ...(near !== undefined && { hint: `Did you mean \`${near}\`?` }),
      },
    );
  }
  if ("reason" in read) throw new WfError("WORKFLOW_INVALID", `${file}: ${read.reason}.`);
  return { file, path, text: read.text };
}
