/** Writes what a run came to into the files of test data, comments and order kept. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { editTestData, testDataFolder } from "../capture/test-data-file.ts";
import type { Expectations } from "../offline/expect.ts";
import type { Recorded } from "../offline/recording.ts";
import type { CaseResult } from "../offline/result.ts";
import { updatesOf } from "../offline/update.ts";
import type { CaseFile } from "./test-project.ts";

/** Test data that `--all` let in: its first `expect` is what came. */
const NOTHING_EXPECTED: Expectations = { exact: false, expressions: [], steps: [] };

/** @returns True when the file was changed */
export async function writeExpectations(root: string, one: CaseFile, { run }: CaseResult): Promise<boolean> {
  if (run === undefined || one.ready === undefined || run.gaps.length > 0) return false;
  const wanted = one.ready.expect?.wanted ?? NOTHING_EXPECTED;
  const edits = updatesOf(wanted, run);
  if (edits.length > 0) await editTestData(root, one.workflowId, one.name, edits);
  return edits.length > 0;
}

/** @returns How many mocks were written */
export async function writeMocks(root: string, one: CaseFile, { mocks, files }: Recorded): Promise<number> {
  const edits = Object.entries(mocks).map(([name, value]) => ({ path: ["mocks", name] as const, value }));
  const folder = join(root, testDataFolder(one.workflowId));
  for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
  if (edits.length > 0) await editTestData(root, one.workflowId, one.name, edits);
  return edits.length;
}
