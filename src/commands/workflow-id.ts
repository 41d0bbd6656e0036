/** Workflows as the command line names them. No I/O. */
import { WfError } from "../errors.ts";
import { nearest } from "../workflow/parse/reader.ts";

/** @throws {@link WfError} `WORKFLOW_NOT_FOUND`, with the nearest id */
export function requireWorkflow(id: string, known: Iterable<string>): void {
  const ids = [...known];
  if (ids.includes(id)) return;
  const near = nearest(id, ids);
  const list = ids.length > 12 ? `${ids.slice(0, 12).join(", ")}, …` : ids.join(", ");
  const hint =
    near !== undefined
      ? `Did you mean \`${near}\`?`
      : ids.length > 0
        ? `There is: ${list}.`
        : "The folder workflows/ holds none; `wf init` writes one to begin with.";
  throw new WfError("WORKFLOW_NOT_FOUND", `There is no workflow "${id}".`, { hint });
}
