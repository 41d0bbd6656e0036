/** `wf testdata new` and `edit`: test data entered by hand, by options or in an editor. */
import { readJson } from "../capture/exact-json.ts";
import { credentialHeaders, redactTestData } from "../capture/redact.ts";
import { sampleRequest } from "../capture/sample-request.ts";
import { headerOf, type TestBody, type TestData, type TestRequest } from "../capture/test-data.ts";
import {
  keepTestParts,
  openTestData,
  testDataPath,
  type WrittenTestData,
  writeTestData,
} from "../capture/test-data-file.ts";
import { encodeTestData } from "../capture/test-data-text.ts";
import { WfError } from "../errors.ts";
import { type LoadedSet, loadProject } from "../workflow/load.ts";
import { canAsk } from "./ask.ts";
import { secretsUsed } from "./live-secrets.ts";
import { findRoot } from "./project.ts";
import { readRequestOptions, type RequestOptions, type RequestParts, withParts } from "./request-options.ts";
import { note, paint, printJson } from "./terminal.ts";
import { editTestDataText } from "./testdata-edit.ts";
import { requireWorkflow } from "./workflow-id.ts";

export interface NewTestDataOptions extends RequestOptions {
  readonly dir?: string;
  readonly json?: boolean;
  readonly edit?: boolean;
  readonly force?: boolean;
  readonly redact?: boolean;
}

/** `wf testdata new`. @returns The exit code: 1 when the editor was left with nothing. */
export async function newTestData(workflow: string, name: string, options: NewTestDataOptions): Promise<number> {
  const root = findRoot(options.dir);
  const project = await loadProject(root);
  requireWorkflow(workflow, project.ids);
  const file = testDataPath(workflow, name);
  const parts = await readRequestOptions(options);
  const old = await openTestData(root, workflow, name).catch(absent);
  if (old && !options.force) throw new WfError("TEST_DATA_EXISTS", `${file} exists.`);
  const silent = [options.data, options.query, options.header, options.method].every((one) => one === undefined);
  const inEditor = options.edit ?? (silent && canAsk());
  const begin = inEditor ? sampleOf(project, workflow) : emptyRequest(project, workflow);
  const data: TestData = { workflowId: workflow, name, request: combine(begin, parts, options.data) };
  const secrets = secretsUsed(root, project);
  const redaction = { secrets, credentials: options.redact ?? false };
  if (inEditor) {
    const { text, body } = encodeTestData(data);
    const begun = old ? keepTestParts(text, old.reader.text) : text;
    const written = await editTestDataText(root, { workflowId: workflow, name, text: begun, body }, redaction);
    return report(written, options);
  }
  const clean = redactTestData(data, secrets, redaction);
  return report(await writeTestData(root, clean, { overwrite: true }), options, clean);
}

/** `wf testdata edit`: the YAML file in the editor, saved only when it can be read. @returns The exit code. */
export async function editTestData(
  workflow: string,
  name: string,
  options: { readonly dir?: string; readonly json?: boolean },
): Promise<number> {
  const root = findRoot(options.dir);
  const project = await loadProject(root);
  requireWorkflow(workflow, project.ids);
  const { reader } = await openTestData(root, workflow, name);
  const begin = { workflowId: workflow, name, text: reader.text, body: undefined };
  const redaction = { secrets: secretsUsed(root, project), credentials: false };
  return report(await editTestDataText(root, begin, redaction), options);
}

function absent(error: unknown): undefined {
  if (error instanceof WfError && error.code === "TEST_DATA_NOT_FOUND") return undefined;
  throw error;
}

function emptyRequest(project: LoadedSet, workflow: string): TestRequest {
  const methods = project.definitions.get(workflow)?.request.methods ?? [];
  const method = methods.includes("POST") ? "POST" : (methods[0] ?? "POST");
  return { method, url: `/test/${workflow}`, headers: [], body: { kind: "none" } };
}

function sampleOf(project: LoadedSet, workflow: string): TestRequest {
  const request = project.definitions.get(workflow)?.request;
  return request ? sampleRequest(workflow, request.methods, request.rules) : emptyRequest(project, workflow);
}

function combine(begin: TestRequest, parts: RequestParts, typed: string | undefined): TestRequest {
  const request = withParts({ ...begin, body: Buffer.alloc(0) }, parts);
  if (!parts.data) return { ...request, body: begin.body };
  const value = parts.data.bytes.byteLength === 0 ? undefined : inlineValue(typed ?? "", parts);
  if (value === undefined) return { ...request, body: { kind: "bytes", bytes: parts.data.bytes } };
  // The file says nothing that follows from the value itself.
  const implied = headerOf(parts.headers, "content-type") === undefined;
  const headers = implied ? request.headers.filter(([name]) => name.toLowerCase() !== "content-type") : request.headers;
  return { ...request, headers, body: value };
}

/** What was typed into the command line is kept readable in the YAML where that loses nothing but white space. */
function inlineValue(typed: string, { data, headers }: RequestParts): TestBody | undefined {
  if (typed === "-" || typed.startsWith("@")) return undefined;
  const type = headerOf(headers, "content-type") ?? data?.contentType ?? "";
  if (!/[/+]json\b/i.test(type)) return { kind: "value", value: typed };
  try {
    const value = JSON.parse(typed) as TestBody & object;
    const exact = JSON.stringify(readJson(typed)) === JSON.stringify(value);
    return exact && typeof value !== "string" ? { kind: "value", value: value as never } : undefined;
  } catch {
    return { kind: "value", value: typed };
  }
}

function report(written: WrittenTestData | undefined, options: { readonly json?: boolean }, data?: TestData): number {
  if (!written) {
    note("Nothing saved.\n");
    return 1;
  }
  const redacted = Object.keys(data?.redacted ?? {});
  if (options.json) printJson({ file: written.file, bodyFile: written.bodyFile ?? null, redacted });
  else {
    for (const file of [written.file, written.bodyFile]) {
      if (file !== undefined) note(`${paint("green", "wrote", process.stderr)} ${file}\n`);
    }
    if (redacted.length > 0) note(`Secrets became placeholders in ${redacted.join(", ")}.\n`);
    const kept = data ? credentialHeaders(data) : [];
    if (kept.length > 0) note(`${kept.join(", ")} stands there as given; --redact puts a placeholder there.\n`);
  }
  return 0;
}
