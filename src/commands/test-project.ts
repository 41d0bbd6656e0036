/** The cases of a project: its workflows, and the test data beside them. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { listTestData, openTestData, type TestDataFile, testDataFolder } from "../capture/test-data-file.ts";
import { fillSecrets } from "../capture/redact.ts";
import { requestOf } from "../capture/test-data.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import { type Expectations, readExpectations } from "../offline/expect.ts";
import { type Mocks, readMocks } from "../offline/mocks.ts";
import { reachable, StepIndex } from "../offline/step-index.ts";
import type { Definition } from "../workflow/definition.ts";
import { type LoadedSet, WORKFLOWS_FOLDER } from "../workflow/load.ts";
import { WORKFLOW_ID } from "../workflow/parse/kinds.ts";
import type { Node } from "../workflow/parse/node.ts";
import type { Reader } from "../workflow/parse/reader.ts";
import { requireWorkflow } from "./workflow-id.ts";

/** A file of test data, read against its workflow. */
export interface CaseFile {
  readonly workflowId: string;
  readonly name: string;
  /** Relative to the root. */
  readonly file: string;
  readonly reader: Reader;
  /** Undefined when the file or its workflow has an error. */
  readonly ready:
    | {
        readonly definition: Definition;
        readonly request: CapturedRequest;
        readonly userId: string | undefined;
        readonly at: number;
        readonly mocks: Mocks;
        readonly expect: { readonly node: Node; readonly wanted: Expectations } | undefined;
      }
    | undefined;
  /** Equal as long as nothing has changed that the case depends on. */
  readonly fingerprint: string;
}

/** Cases begin here unless they were captured: runs do not depend on the day. */
const DEFAULT_START = Date.parse("2026-01-01T00:00:00.000Z");

/**
 * Reads the test data of workflows.
 *
 * @param ids - Of all workflows when empty.
 * @param secrets - What stands for `secrets.NAME`.
 * @throws {@link WfError} `WORKFLOW_NOT_FOUND` for an id without a file
 */
export async function readCases(
  root: string,
  set: LoadedSet,
  ids: readonly string[],
  secrets: { readonly [name: string]: string },
): Promise<CaseFile[]> {
  for (const id of ids) requireWorkflow(id, set.ids);
  const wanted = ids.length === 0 ? [...set.ids].toSorted() : [...new Set(ids)];
  const withData = new Set(foldersOf(root));
  const cases: CaseFile[] = [];
  for (const id of wanted) {
    if (!withData.has(id)) continue;
    const names = await listTestData(root, id);
    cases.push(...(await Promise.all(names.map((name) => readCase(root, set, id, name, secrets)))));
  }
  return cases;
}

async function readCase(
  root: string,
  set: LoadedSet,
  workflowId: string,
  name: string,
  secrets: { readonly [name: string]: string },
): Promise<CaseFile> {
  const opened = await openTestData(root, workflowId, name);
  const { file, reader, data } = opened;
  const definition = set.definitions.get(workflowId);
  const about = { workflowId, name, file, reader };
  if (definition === undefined) {
    const { message, hint } = brokenWorkflow(set, workflowId);
    reader.error({ start: 0, end: 1 }, "workflow-invalid", message, hint);
  }
  const find = (id: string): Definition | undefined => set.definitions.get(id);
  const read = definition && readTests(root, workflowId, opened, new StepIndex(definition, find));
  const fingerprint = [
    reader.text,
    ...(definition === undefined ? [] : [...reachable(definition, find)].map(({ hash }) => hash)),
    ...(read?.beside ?? []),
    data === undefined ? "" : requestOf(data).body.toString("latin1"),
  ].join("\n");
  if (definition === undefined || read === undefined || data === undefined || reader.failed) {
    return { ...about, ready: undefined, fingerprint };
  }
  const request = requestOf(fillSecrets(data, secrets, { missing: "keep" }));
  const ready = {
    definition,
    request: { ...request, url: urlTo(workflowId, request.url) },
    userId: data.request.userId,
    at: data.captured === undefined ? DEFAULT_START : Date.parse(data.captured.at),
    mocks: read.mocks,
    expect: read.expect,
  };
  return { ...about, ready, fingerprint };
}

function readTests(
  root: string,
  workflowId: string,
  { reader, mocks, expect }: TestDataFile,
  index: StepIndex,
): {
  readonly mocks: Mocks;
  readonly expect: { node: Node; wanted: Expectations } | undefined;
  readonly beside: string[];
} {
  const contents: string[] = [];
  const beside = (name: string): Buffer | string => {
    if (name !== basename(name) || name.startsWith(".")) return `\`${name}\` is no name of a file`;
    try {
      const bytes = readFileSync(join(root, testDataFolder(workflowId), name));
      contents.push(bytes.toString("latin1"));
      return bytes;
    } catch {
      return `there is no file ${name}`;
    }
  };
  const read = readMocks(reader, mocks, index, beside);
  const wanted = expect && readExpectations(reader, expect, index, beside);
  return { mocks: read, expect: expect && wanted && { node: expect, wanted }, beside: contents };
}

/** Test data that was captured under another name of the workflow still runs this one. */
function urlTo(workflowId: string, url: string): string {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  return path.endsWith(`/${workflowId}`) ? url : `/test/${workflowId}${mark === -1 ? "" : url.slice(mark)}`;
}

function brokenWorkflow(set: LoadedSet, workflowId: string): { readonly message: string; readonly hint: string } {
  const problem = set.problems.find(
    ({ file, severity }) => severity === "error" && file.startsWith(`${WORKFLOWS_FOLDER}/${workflowId}.`),
  );
  const message = `workflow \`${workflowId}\` has errors`;
  if (problem === undefined) return { message, hint: "`wf check` shows them." };
  const { file, place } = problem;
  return { message, hint: `${file}:${place.line}:${place.column} ${problem.message}. \`wf check\` shows all.` };
}

/** Ids that have test data and no workflow, as after a workflow was renamed. */
export function orphans(root: string, { ids }: LoadedSet): string[] {
  return foldersOf(root).filter((id) => WORKFLOW_ID.test(id) && !ids.has(id));
}

/** Ids whose folder of test data exists. */
function foldersOf(root: string): string[] {
  try {
    return readdirSync(join(root, WORKFLOWS_FOLDER)).flatMap((name) => /^(.+)\.testdata$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}
