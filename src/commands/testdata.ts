/** `wf testdata list`, `show` and `rm`. */
import { readJson } from "../capture/exact-json.ts";
import { headerOf, requestOf, type TestData } from "../capture/test-data.ts";
import {
  invalidTestData,
  listTestData,
  openTestData,
  removeTestData,
  type TestDataFile,
  testDataPath,
} from "../capture/test-data-file.ts";
import { formatSize } from "../duration.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { listWorkflowIds } from "../workflow/load.ts";
import { jsonOf } from "../workflow/parse/reader.ts";
import { askYesNo, canAsk } from "./ask.ts";
import { findRoot } from "./project.ts";
import { showProblem } from "./show-problem.ts";
import { cut, layOut, note, paint, print, printJson, safeLine, safeText, terminalWidth } from "./terminal.ts";
import { requireWorkflow } from "./workflow-id.ts";

export interface TestDataOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

export interface ShowTestDataOptions extends TestDataOptions {
  readonly body?: boolean;
}

export interface RemoveTestDataOptions extends TestDataOptions {
  readonly yes?: boolean;
}

/** `wf testdata list`: of one workflow, or of all. @returns The exit code: 1 when a file cannot be read. */
export async function showTestDataList(workflow: string | undefined, options: TestDataOptions): Promise<number> {
  const root = findRoot(options.dir);
  const ids = await listWorkflowIds(root);
  if (workflow !== undefined) requireWorkflow(workflow, ids);
  const files: { readonly workflowId: string; readonly name: string; readonly opened: TestDataFile }[] = [];
  for (const workflowId of workflow === undefined ? ids : [workflow]) {
    for (const name of await listTestData(root, workflowId)) {
      files.push({ workflowId, name, opened: await openTestData(root, workflowId, name) });
    }
  }
  if (options.json) {
    for (const { workflowId, name, opened } of files) printJson(summaryOf(workflowId, name, opened));
  } else if (files.length === 0) {
    note(`No test data yet; \`wf testdata new ${workflow ?? "<workflow>"} <name>\` makes some.\n`);
  } else {
    const rows = files.map(({ workflowId, name, opened }) => [
      ...(workflow === undefined ? [workflowId] : []),
      name,
      ...columnsOf(opened),
    ]);
    const head = [
      ...(workflow === undefined ? ["workflow"] : []),
      "name",
      "method",
      "type",
      "size",
      "captured",
      "tests",
    ];
    print(layOut([head, ...rows], (cell, _column, row) => (row === 0 ? paint("dim", cell) : cell)));
  }
  const broken = files.filter(({ opened }) => !opened.data);
  for (const { opened } of broken) showProblems(opened);
  return broken.length === 0 ? 0 : 1;
}

function showProblems({ reader }: TestDataFile): void {
  for (const problem of reader.problems()) note(`\n${showProblem(problem, reader.text, process.stderr)}\n`);
}

function columnsOf({ data, mocks, expect }: TestDataFile): string[] {
  if (!data) return ["cannot be read"];
  const { method, headers, body } = requestOf(data);
  const type = (headerOf(headers, "content-type") ?? "").split(";", 1)[0] ?? "";
  const captured = data.captured?.at.replace(/:\d\d(?:\.\d+)?Z$/, "Z").replace("T", " ") ?? "by hand";
  const tests = [mocks && "mocks", expect && "expect"].filter((one) => one !== undefined).join(", ");
  return [method, cut(safeLine(type), 40), formatSize(body.byteLength), safeLine(captured), tests];
}

function summaryOf(workflow: string, name: string, { file, data, mocks, expect, reader }: TestDataFile): object {
  if (!data) return { workflow, name, file, valid: false, problems: reader.problems().map(({ message }) => message) };
  const { method, url, headers, body } = requestOf(data);
  return {
    workflow,
    name,
    file,
    valid: true,
    method,
    url,
    contentType: headerOf(headers, "content-type") ?? null,
    bytes: body.byteLength,
    capturedAt: data.captured?.at ?? null,
    hasMocks: mocks !== undefined,
    hasExpect: expect !== undefined,
  };
}

/** `wf testdata show`. @returns The exit code. */
export async function showTestData(workflow: string, name: string, options: ShowTestDataOptions): Promise<number> {
  const root = findRoot(options.dir);
  requireWorkflow(workflow, await listWorkflowIds(root));
  const opened = await openTestData(root, workflow, name);
  const { data } = opened;
  if (!data) throw invalidTestData(opened.reader);
  const request = requestOf(data);
  if (options.body) process.stdout.write(request.body);
  else if (options.json) printJson(describe(opened, data, request));
  else showWhole(opened, data, request);
  return 0;
}

function describe({ file, mocks, expect }: TestDataFile, data: TestData, request: CapturedRequest): object {
  const { workflowId: workflow, name, description, captured, redacted } = data;
  const { method, url, headers, body } = request;
  return {
    workflow,
    name,
    file,
    ...(description === undefined ? {} : { description }),
    request: { method, url, headers, ...describeBody(body) },
    ...(captured ? { captured } : {}),
    ...(redacted ? { redacted } : {}),
    ...(mocks ? { mocks: jsonOf(mocks) } : {}),
    ...(expect ? { expect: jsonOf(expect) } : {}),
  };
}

function describeBody(body: Buffer): object {
  if (body.byteLength === 0) return { body: null };
  const text = textOf(body);
  if (text === undefined) return { body: body.toString("base64"), bodyEncoding: "base64" };
  return { body: jsonIn(text) ?? text };
}

function showWhole({ file, mocks, expect }: TestDataFile, data: TestData, request: CapturedRequest): void {
  const { captured, redacted, description } = data;
  const { method, url, headers, body } = request;
  note(`${paint("dim", safeLine(file), process.stderr)}\n`);
  if (description !== undefined) note(`${safeText(description)}\n`);
  if (captured)
    note(`${paint("dim", `captured ${safeLine(captured.at)} as ${safeLine(captured.id)}`, process.stderr)}\n`);
  if (redacted)
    note(`${paint("yellow", `holds placeholders in ${Object.keys(redacted).join(", ")}`, process.stderr)}\n`);
  print(`${paint("bold", method)} ${safeLine(url)}\n`);
  for (const [header, value] of headers) print(`${paint("dim", `${safeLine(header)}:`)} ${safeLine(value)}\n`);
  if (body.byteLength > 0) print(`\n${prettyBody(body)}\n`);
  const parts = { ...(mocks ? { mocks: jsonOf(mocks) } : {}), ...(expect ? { expect: jsonOf(expect) } : {}) };
  for (const [part, value] of Object.entries(parts)) {
    print(`\n${paint("dim", `${part}:`)} ${safeText(cut(JSON.stringify(value), terminalWidth() * 4))}\n`);
  }
}

function prettyBody(body: Buffer): string {
  const text = textOf(body);
  if (text === undefined) return `(${formatSize(body.byteLength)} that are no text; --body writes them to stdout)`;
  const json = jsonIn(text);
  return safeText(json === undefined ? text : JSON.stringify(json, null, 2));
}

function textOf(body: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** JSON of any kind but a lone text or number, whose bytes say as much. */
function jsonIn(text: string): object | undefined {
  try {
    const value = readJson(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `wf testdata rm`. @returns The exit code: 1 when the person says no. */
export async function deleteTestData(workflow: string, name: string, options: RemoveTestDataOptions): Promise<number> {
  const root = findRoot(options.dir);
  requireWorkflow(workflow, await listWorkflowIds(root));
  const { file } = await openTestData(root, workflow, name);
  if (!options.yes) {
    if (!canAsk()) {
      throw new WfError("USAGE", "wf testdata rm asks before it removes a file, and there is no terminal to ask on.", {
        hint: "Say --yes.",
      });
    }
    if (!(await askYesNo(`Remove ${testDataPath(workflow, name)}?`, false))) {
      note("Nothing removed.\n");
      return 1;
    }
  }
  await removeTestData(root, workflow, name);
  if (options.json) printJson({ removed: file });
  else note(`${paint("green", "removed", process.stderr)} ${file}\n`);
  return 0;
}
