/** The files of test data: `workflows/<workflow>.testdata/<name>.yaml` and the body's bytes beside it. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { WfError } from "../errors.ts";
import { readText, WORKFLOWS_FOLDER } from "../workflow/load.ts";
import { parseDocument } from "../workflow/parse/document.ts";
import type { Node } from "../workflow/parse/node.ts";
import { nearest, Reader } from "../workflow/parse/reader.ts";
import { WORKFLOW_ID } from "../workflow/parse/kinds.ts";
import { renderProblem } from "../workflow/problem.ts";
import { nameProblem, type TestData } from "./test-data.ts";
import { parseTestData } from "./test-data-parse.ts";
import { encodeTestData, type EncodedTestData, type TestParts } from "./test-data-text.ts";
import { editYaml, linesOfKey, type YamlEdit } from "./yaml-edit.ts";

/** A file of test data as it stands in the project. */
export interface TestDataFile {
  /** Relative to the root, with `/`. */
  readonly file: string;
  /** Undefined when the file, apart from `mocks` and `expect`, has an error. */
  readonly data: TestData | undefined;
  /** Unread, with positions for `reader`. */
  readonly mocks: Node | undefined;
  readonly expect: Node | undefined;
  /** Holds the text and the problems; whoever reads `mocks` and `expect` reports to it too. */
  readonly reader: Reader;
}

/** Paths relative to the root, with `/`. */
export interface WrittenTestData {
  readonly file: string;
  readonly bodyFile: string | undefined;
}

/** The folder of a workflow's test data, relative to the project's root. */
export function testDataFolder(workflowId: string): string {
  if (!WORKFLOW_ID.test(workflowId)) {
    throw new WfError("WORKFLOW_NOT_FOUND", `\`${workflowId}\` cannot be a workflow's id.`);
  }
  return `${WORKFLOWS_FOLDER}/${workflowId}.testdata`;
}

/** The YAML file of test data, relative to the project's root. */
export function testDataPath(workflowId: string, name: string): string {
  const problem = nameProblem(name);
  if (problem !== undefined) {
    throw new WfError("USAGE", `"${name}" cannot name test data: it ${problem}.`, {
      hint: "For example `real`, `order-2` or `invalid.email`.",
    });
  }
  return `${testDataFolder(workflowId)}/${name}.yaml`;
}

/** Names of a workflow's test data, sorted; none when the folder does not exist. */
export async function listTestData(root: string, workflowId: string): Promise<string[]> {
  const files = await readdir(join(root, testDataFolder(workflowId))).catch(absentAs([]));
  return files
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .filter((name) => nameProblem(name) === undefined)
    .toSorted();
}

/**
 * Opens a file of test data; problems of its content are in the result's `reader`.
 *
 * @throws {@link WfError} `TEST_DATA_NOT_FOUND`, with the nearest name; `USAGE` for a name that cannot be
 */
export async function openTestData(root: string, workflowId: string, name: string): Promise<TestDataFile> {
  const file = testDataPath(workflowId, name);
  const read = await readText(join(root, file));
  if (read === undefined) throw notFound(workflowId, name, await listTestData(root, workflowId));
  if ("reason" in read) {
    const reader = new Reader(file, "");
    reader.error({ start: 0, end: 1 }, read.check, read.reason);
    return { file, data: undefined, mocks: undefined, expect: undefined, reader };
  }
  const { reader, data, bodyFile, mocks, expect } = parseTestData({ workflowId, name, file, text: read.text });
  if (!bodyFile) return { file, data, mocks, expect, reader };
  const bytes = await readBeside(join(root, testDataFolder(workflowId)), bodyFile.name);
  if (typeof bytes === "string") {
    reader.error(bodyFile.node, "no-body-file", bytes, "The body's bytes lie in a file beside this one.");
    return { file, data: undefined, mocks, expect, reader };
  }
  return {
    file,
    data: data && { ...data, request: { ...data.request, body: { kind: "bytes", bytes } } },
    mocks,
    expect,
    reader,
  };
}

/**
 * Reads test data.
 *
 * @throws {@link WfError} `TEST_DATA_INVALID`, which shows each problem with its line and a caret; else as {@link openTestData}
 */
export async function readTestData(root: string, workflowId: string, name: string): Promise<TestData> {
  const { data, reader } = await openTestData(root, workflowId, name);
  if (data) return data;
  throw invalidTestData(reader);
}

/** The error of a file with problems, each shown with its line and a caret. */
export function invalidTestData(reader: Reader): WfError {
  const problems = reader.problems();
  const [first] = problems;
  const shown = problems.map((problem) => renderProblem(problem, reader.text).replaceAll(/^/gm, "  ")).join("\n");
  const at = first && { file: first.file, line: first.place.line, column: first.place.column };
  return new WfError("TEST_DATA_INVALID", `${reader.file} cannot be read:\n${shown}`, at ? { at } : {});
}

/**
 * Writes test data: the body's file first, then the YAML file, each whole or not at all.
 *
 * @param options - `overwrite` replaces test data of the same name, whose mocks and expectations stay unless others are
 * given; `mocks` and `expect` are written as they are.
 * @throws {@link WfError} `TEST_DATA_EXISTS`; `USAGE` for a name that cannot be
 */
export async function writeTestData(
  root: string,
  data: TestData,
  options: TestParts & { readonly overwrite?: boolean } = {},
): Promise<WrittenTestData> {
  const { workflowId, name } = data;
  const old = await readText(join(root, testDataPath(workflowId, name)));
  const { text, body } = encodeTestData(data, options);
  const whole = old && "text" in old ? keepTestParts(text, old.text, { ...options, ...data }) : text;
  return writeTestDataText(root, { workflowId, name, text: whole, body }, options);
}

/**
 * As {@link writeTestData}, with the YAML file's text as a person wrote it.
 *
 * @param written - `text` parses; `body` is the file that its `body_file` names, unless that is there already.
 * @throws {@link WfError} `TEST_DATA_EXISTS`; `USAGE` for a name that cannot be
 */
export async function writeTestDataText(
  root: string,
  written: EncodedTestData & { readonly workflowId: string; readonly name: string },
  options: { readonly overwrite?: boolean } = {},
): Promise<WrittenTestData> {
  const { workflowId, name, text, body } = written;
  const file = testDataPath(workflowId, name);
  const folder = testDataFolder(workflowId);
  const before = await bodyFilesOf(root, workflowId, name);
  if (!options.overwrite && (await readText(join(root, file))) !== undefined) {
    throw new WfError("TEST_DATA_EXISTS", `${file} exists.`);
  }
  await mkdir(join(root, folder), { recursive: true });
  const bodyFile = body && `${folder}/${body.file}`;
  if (body) {
    await keepBytes(join(root, folder));
    await replaceFile(join(root, folder, body.file), body.bytes);
  }
  await replaceFile(join(root, file), text);
  const { bodyFile: kept } = parseTestData({ workflowId, name, file, text });
  for (const stale of before) if (stale !== kept?.name) await rm(join(root, folder, stale), { force: true });
  return { file, bodyFile };
}

/**
 * Removes test data and its body's file.
 *
 * @throws {@link WfError} `TEST_DATA_NOT_FOUND`; `USAGE` for a name that cannot be
 */
export async function removeTestData(root: string, workflowId: string, name: string): Promise<void> {
  const file = testDataPath(workflowId, name);
  const names = await listTestData(root, workflowId);
  if (!names.includes(name)) throw notFound(workflowId, name, names);
  const bodies = await bodyFilesOf(root, workflowId, name);
  await rm(join(root, file));
  for (const body of bodies) await rm(join(root, testDataFolder(workflowId), body), { force: true });
}

/** Replaces a file whole: a reader sees the old content or the new, a crash leaves one of them. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content, { flag: "wx", flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A request that is saved anew keeps what was written for it: what it is, its mocks and expectations. */
export function keepTestParts(
  text: string,
  old: string,
  given: TestParts & { readonly description?: string } = {},
): string {
  const linesOf = (key: "description" | "mocks" | "expect"): string => {
    const lines = given[key] === undefined ? linesOfKey(old, key) : undefined;
    return lines === undefined || lines.endsWith("\n") ? (lines ?? "") : `${lines}\n`;
  };
  return linesOf("description") + text + linesOf("mocks") + linesOf("expect");
}

/**
 * Sets mocks or expectations of test data and leaves everything else in the file as it is, comments too.
 *
 * @throws {@link WfError} `TEST_DATA_NOT_FOUND`; `TEST_DATA_INVALID` where the file is no YAML
 */
export async function editTestData(
  root: string,
  workflowId: string,
  name: string,
  edits: readonly (YamlEdit & { readonly path: readonly ["mocks" | "expect", ...string[]] })[],
): Promise<void> {
  const { file, reader } = await openTestData(root, workflowId, name);
  if (parseDocument(reader.text).errors.length > 0) throw invalidTestData(reader);
  await replaceFile(join(root, file), editYaml(reader.text, edits));
}

function notFound(workflowId: string, name: string, names: readonly string[]): WfError {
  const near = nearest(name, names);
  const list = names.length > 12 ? `${names.slice(0, 12).join(", ")}, …` : names.join(", ");
  const hint =
    near !== undefined
      ? `Did you mean \`${near}\`?`
      : names.length > 0
        ? `There is: ${list}.`
        : `\`wf testdata new ${workflowId} ${name}\` makes it.`;
  return new WfError("TEST_DATA_NOT_FOUND", `Workflow ${workflowId} has no test data "${name}".`, { hint });
}

/** Git on Windows turns line ends of text files into CR LF, which would break bytes and signatures. */
async function keepBytes(folder: string): Promise<void> {
  const content = "*.body.* -text\n";
  await writeFile(join(folder, ".gitattributes"), content, { flag: "wx" }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
}

/** Body files that belong to a name: those that {@link writeTestData} may have written. */
async function bodyFilesOf(root: string, workflowId: string, name: string): Promise<string[]> {
  const files = await readdir(join(root, testDataFolder(workflowId))).catch(absentAs([]));
  return files.filter((file) => file.startsWith(`${name}.body.`) && /^\w+$/.test(file.slice(name.length + 6)));
}

/** @returns The bytes, or why there are none */
async function readBeside(folder: string, name: string): Promise<Buffer | string> {
  try {
    const [inside, path] = await Promise.all([realpath(folder), realpath(join(folder, name))]);
    if (!path.startsWith(inside + sep)) return `${name} is a link to somewhere else`;
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? `there is no file ${name}` : `${name} cannot be read (${code})`;
  }
}

function absentAs<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return value;
    throw error;
  };
}
