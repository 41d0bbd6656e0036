/** The test shelf of `wf capture`, tied to a server's captures, the project's files and the task history. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { inferFrom } from "../capture/infer-rules.ts";
import { saveCapture } from "../capture/save-capture.ts";
import { runShelf } from "../capture/shelf.tsx";
import type { InferredRules, ShelfSource, ShownExecution } from "../capture/shelf-source.ts";
import { nameProblem } from "../capture/test-data.ts";
import { replaceFile } from "../capture/test-data-file.ts";
import { writeRules } from "../capture/write-rules.ts";
import { WfError } from "../errors.ts";
import { readReceived } from "../server/received-request.ts";
import type { RequestRules } from "../workflow/rule.ts";
import type { RuledRequest } from "../workflow/rules.ts";
import { loadSettings } from "../workflow/settings.ts";
import type { CaptureLink } from "./capture-link.ts";
import { openEditedFile } from "./editor.ts";
import { renderExecution } from "./execution-tree.ts";
import { refuseNewProblems } from "./rules-infer.ts";
import type { ServerState } from "./server-state.ts";
import { fetchDetails } from "./task-history.ts";
import { hasEnded } from "./watch-execution.ts";
import { readWorkflowText } from "./workflow-file.ts";

/** Values in an execution's tree are cut to so many characters; the shelf scrolls them sideways. */
const TREE_COLUMNS = 2000;

/**
 * Shows the test shelf on this process's terminal.
 *
 * @param signal - Ends it.
 * @returns Whether the user left by a key.
 */
export async function showShelf(place: CaptureLink, signal: Promise<NodeJS.Signals>): Promise<boolean> {
  const { stdin, stdout, stderr } = process;
  return (await runShelf(createSource(place), { stdin, stdout, stderr }, signal)) === undefined;
}

function createSource(place: CaptureLink): ShelfSource {
  const { root, workflowId, client, server } = place;
  return {
    workflowId,
    url: client.testUrl,
    nameProblem,
    list: (cursor) => client.list(cursor),
    body: (id) => client.body(id),
    subscribe: (onCapture, onLink) => client.subscribe(onCapture, onLink),
    replay: (id) => client.replay(id),
    send: (request) => client.send(request),
    save: (id, name) => save(place, id, name),
    inferRules: (ids) => inferRules(place, ids),
    execution: (id) => showExecution(server, id),
    async writeFile(name, content) {
      // It holds credentials as they came.
      await writeFile(join(root, name), content, { mode: 0o600 });
      return name;
    },
    async edit(content) {
      await using file = await openEditedFile(`${workflowId}.http`);
      // Awaited here: the file goes when this function ends.
      return await file.editBytes(content);
    },
  };
}

async function save({ root, client, secrets }: CaptureLink, id: string, name: string): Promise<string> {
  const [capture, body] = await Promise.all([client.get(id), client.body(id)]);
  if (capture === undefined || body === undefined) throw gone(id);
  const saved = await saveCapture(root, capture, body, name, secrets.used);
  await client.markSaved(id, name);
  const redacted = saved.redacted.length === 0 ? "" : `, with placeholders for secrets in ${saved.redacted.join(", ")}`;
  const kept =
    saved.credentials.length === 0 ? "" : `; it holds credentials as they came: ${saved.credentials.join(", ")}`;
  return `${saved.file}${redacted}${kept}`;
}

async function inferRules(place: CaptureLink, ids: readonly string[]): Promise<InferredRules> {
  const requests = await readRequests(place, ids);
  if (requests.length === 0) throw new WfError("NO_SAMPLES", "None of these requests can be read.");
  const { rules, yaml } = inferFrom(requests);
  return {
    yaml: yaml === "" ? "# These requests show no rules.\n" : yaml,
    write: () => writeInferred(place, rules),
  };
}

async function readRequests({ root, client }: CaptureLink, ids: readonly string[]): Promise<RuledRequest[]> {
  const { settings } = await loadSettings(root);
  const requests: RuledRequest[] = [];
  for (const id of ids) {
    const [capture, body] = await Promise.all([client.get(id), client.body(id)]);
    if (capture === undefined || body === undefined) continue;
    try {
      requests.push(await readReceived({ ...capture, body }, settings.maxBodyBytes));
    } catch (error) {
      // What cannot be read shows no rules; the others do.
      if (!(error instanceof WfError)) throw error;
    }
  }
  return requests;
}

async function writeInferred({ root, workflowId }: CaptureLink, rules: RequestRules): Promise<string> {
  const workflow = await readWorkflowText(root, workflowId);
  const { text, added } = writeRules(workflow.file, workflow.text, rules);
  if (text === workflow.text) return `${workflow.file} stays as it is: every field has a rule.`;
  refuseNewProblems(workflowId, workflow, text);
  await replaceFile(workflow.path, text);
  return `${added.length} rule${added.length === 1 ? "" : "s"} written into ${workflow.file}.`;
}

async function showExecution(server: ServerState, id: string): Promise<ShownExecution> {
  const execution = await fetchDetails(server, id);
  const tree = renderExecution(execution, { width: TREE_COLUMNS, full: false });
  const path = `/projects/${encodeURIComponent(server.project)}/task-history/workflow-executions/${id}/details`;
  return {
    lines: stripVTControlCharacters(tree).trimEnd().split("\n"),
    url: server.url + path,
    ended: hasEnded(execution.status),
  };
}

function gone(id: string): WfError {
  return new WfError("CAPTURE_NOT_FOUND", `Capture ${id} is gone: newer ones have taken its place.`);
}
