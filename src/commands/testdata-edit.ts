/** The YAML of test data in the person's own editor, which opens again until the file can be read. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { redactTestData, type SecretValues } from "../capture/redact.ts";
import {
  invalidTestData,
  testDataFolder,
  testDataPath,
  type WrittenTestData,
  writeTestData,
  writeTestDataText,
} from "../capture/test-data-file.ts";
import { parseTestData, type ParsedTestData } from "../capture/test-data-parse.ts";
import type { EncodedTestData } from "../capture/test-data-text.ts";
import { jsonOf } from "../workflow/parse/reader.ts";
import type { Problem } from "../workflow/problem.ts";
import { openEditedFile } from "./editor.ts";
import { note } from "./terminal.ts";

/** Lines that wf writes into the text and takes out again. */
const NOTE = "#!";

interface Redaction {
  readonly secrets: SecretValues;
  readonly credentials: boolean;
}

/**
 * Lets a person edit test data and saves it, comments too, once it can be read.
 *
 * @returns undefined when the text was emptied
 * @throws {@link WfError} `TEST_DATA_INVALID` when the editor is left twice with the same mistakes
 */
export async function editTestDataText(
  root: string,
  begin: EncodedTestData & { readonly workflowId: string; readonly name: string },
  redaction: Redaction,
): Promise<WrittenTestData | undefined> {
  const { workflowId, name, body } = begin;
  const file = testDataPath(workflowId, name);
  await using edited = await openEditedFile(`${workflowId}.${name}.yaml`);
  let shown = withHelp(begin.text, workflowId, name);
  let before: string | undefined;
  for (;;) {
    const text = withoutNotes(await edited.edit(shown));
    if (text.replaceAll(/^\s*#.*$/gm, "").trim() === "") return undefined;
    const parsed = parseTestData({ workflowId, name, file, text });
    checkBodyFile(root, workflowId, parsed, body?.file);
    if (parsed.data && !parsed.reader.failed) {
      const own = parsed.bodyFile?.name === body?.file ? body : undefined;
      return save(root, { workflowId, name, text, body: own }, parsed, redaction);
    }
    // The same text again: the person has given up, and is told what was wrong with it.
    if (text === before) throw invalidTestData(parsed.reader);
    before = text;
    shown = withProblems(text, parsed.reader.problems());
  }
}

async function save(
  root: string,
  written: Parameters<typeof writeTestDataText>[1],
  { data, mocks, expect }: ParsedTestData,
  { secrets, credentials }: Redaction,
): Promise<WrittenTestData> {
  const whole = data && written.body ? withBytes(data, written.body.bytes) : data;
  const clean = whole && redactTestData(whole, secrets, { credentials });
  if (!clean || clean === whole) return writeTestDataText(root, written, { overwrite: true });
  note(
    `Secrets became placeholders in ${Object.keys(clean.redacted ?? {}).join(", ")}; comments in the file are lost.\n`,
  );
  return writeTestData(root, clean, {
    overwrite: true,
    mocks: mocks && jsonOf(mocks),
    expect: expect && jsonOf(expect),
  });
}

function withBytes(data: NonNullable<ParsedTestData["data"]>, bytes: Buffer): NonNullable<ParsedTestData["data"]> {
  return { ...data, request: { ...data.request, body: { kind: "bytes", bytes } } };
}

function checkBodyFile(root: string, workflowId: string, { bodyFile, reader }: ParsedTestData, own?: string): void {
  if (!bodyFile || bodyFile.name === own) return;
  if (existsSync(join(root, testDataFolder(workflowId), bodyFile.name))) return;
  reader.error(
    bodyFile.node,
    "no-body-file",
    `there is no file ${bodyFile.name}`,
    `It lies in ${testDataFolder(workflowId)}/.`,
  );
}

function withHelp(text: string, workflowId: string, name: string): string {
  const help = [
    `Test data "${name}" of the workflow ${workflowId}. Save and close to keep it; empty the file to give up.`,
    "request: method, url (path and query), query, headers ([name, value] or a map), body or body_file",
    "Also: description, mocks (answers of http steps by id), expect (status, headers, body, steps, execution).",
    "A secret: ${{ secrets.NAME }}, from the environment or .env.",
  ];
  return help.map((line) => `${NOTE} ${line}\n`).join("") + text;
}

/** Puts each problem under its line. */
function withProblems(text: string, problems: readonly Problem[]): string {
  const lines = text.split("\n");
  const notes = new Map<number, string[]>();
  for (const { place, message, hint } of problems) {
    const caret = `${" ".repeat(Math.max(1, place.column - 1 - NOTE.length))}${"^".repeat(place.length)}`;
    const told = `${NOTE}${caret} ${message}${hint === undefined ? "" : ` — ${hint}`}`;
    notes.set(place.line, [...(notes.get(place.line) ?? []), told.replaceAll(/[\r\n]+/g, " ")]);
  }
  const top = `${NOTE} Not saved yet: mend what is marked, or empty the file to give up.`;
  return [top, ...lines.flatMap((line, at) => [line, ...(notes.get(at + 1) ?? [])])].join("\n");
}

function withoutNotes(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(NOTE))
    .join("\n");
}
