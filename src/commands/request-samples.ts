/** Requests of a workflow to learn from: its test data and its captures. */
import { requestOf } from "../capture/test-data.ts";
import { listTestData, openTestData, invalidTestData } from "../capture/test-data-file.ts";
import type { Capture, CapturedRequest, CaptureStore } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { readReceived } from "../server/received-request.ts";
import { type Node, valueAt } from "../workflow/parse/node.ts";
import type { RuledRequest } from "../workflow/rules.ts";

/** What reading captures takes; a store beside a running server has it as well. */
export type CaptureReader = Pick<CaptureStore, "list" | "get" | "body">;

export interface Sample {
  readonly from: "test data" | "capture";
  /** Name of the test data, id of the capture. */
  readonly name: string;
  readonly request: RuledRequest;
}

export interface Samples {
  readonly used: readonly Sample[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export interface SampleChoice {
  readonly workflowId: string;
  /** Names of test data; all of the workflow's when absent, none of it when null. */
  readonly names: readonly string[] | null | undefined;
  /** Ids of captures, or their beginnings; as for `names`. */
  readonly captures: readonly string[] | null | undefined;
  /** ISO 8601; only captures that came later. */
  readonly after?: string | undefined;
  /** Newest captures to read. */
  readonly limit: number;
  /** Also captures that the workflow refused. Named ones are always taken. */
  readonly refused: boolean;
  /** Of a body when it is decoded. */
  readonly maxBodyBytes: number;
}

/**
 * Reads samples.
 *
 * @remarks
 * Test data that expects to be refused, and captures whose signature was wrong, show what requests should *not* look
 * like: they are skipped unless they are named.
 *
 * @throws {@link WfError} `TEST_DATA_NOT_FOUND` for a name that does not exist; `TEST_DATA_INVALID`
 */
export async function readSamples(
  root: string,
  captures: CaptureReader | undefined,
  choice: SampleChoice,
): Promise<Samples> {
  const used: Sample[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const add = async (from: Sample["from"], name: string, request: CapturedRequest): Promise<void> => {
    try {
      used.push({ from, name, request: await readReceived(request, choice.maxBodyBytes) });
    } catch (error) {
      if (!(error instanceof WfError)) throw error;
      skipped.push({ name, reason: error.message });
    }
  };
  for (const name of choice.names === null ? [] : (choice.names ?? (await listTestData(root, choice.workflowId)))) {
    const { data, expect, reader } = await openTestData(root, choice.workflowId, name);
    if (!data) throw invalidTestData(reader);
    if (choice.names === undefined && expectsRefusal(expect)) {
      skipped.push({ name, reason: "it expects to be refused" });
    } else {
      await add("test data", name, requestOf(data));
    }
  }
  if (!captures || choice.captures === null) return { used, skipped };
  for (const capture of await chooseCaptures(captures, choice)) {
    // What was saved as test data is read already.
    if (used.some(({ from, name }) => from === "test data" && name === capture.savedAs)) continue;
    const reason = choice.captures ? undefined : whySkip(capture, choice.refused);
    const body = reason === undefined ? await captures.body(capture.id) : undefined;
    if (reason !== undefined) skipped.push({ name: capture.id, reason });
    else if (body !== undefined) await add("capture", capture.id, { ...capture, body });
  }
  return { used, skipped };
}

function whySkip(capture: Capture, refused: boolean): string | undefined {
  if (capture.signature === "invalid") return "its signature is wrong";
  if (!refused && capture.verdict?.kind === "refused") return "the workflow refused it";
  return undefined;
}

export function expectsRefusal(expect: Node | undefined): boolean {
  const status = expect?.kind === "map" ? valueAt(expect, "status") : undefined;
  return status?.kind === "scalar" && typeof status.value === "number" && status.value >= 400 && status.value < 500;
}

async function chooseCaptures(captures: CaptureReader, choice: SampleChoice): Promise<Capture[]> {
  const named = choice.captures;
  const found: Capture[] = [];
  let cursor: string | undefined;
  do {
    const page = await captures.list({
      workflowId: choice.workflowId,
      limit: Math.min(1_000, named ? 1_000 : choice.limit - found.length),
      ...(cursor !== undefined && { cursor }),
    });
    for (const capture of page.items) {
      if (choice.after !== undefined && capture.receivedAt <= choice.after) return found;
      if (!named || named.some((id) => capture.id.startsWith(id))) found.push(capture);
    }
    cursor = page.next;
  } while (cursor !== undefined && (named ? found.length < named.length : found.length < choice.limit));
  for (const id of named ?? []) {
    if (!found.some((capture) => capture.id.startsWith(id))) {
      throw new WfError("USAGE", `Workflow ${choice.workflowId} has no capture "${id}".`, {
        hint: "Give the id that `wf capture` shows, or its beginning.",
      });
    }
  }
  return found;
}
