/** What a project's test data shows of its workflows' data. */
import { requestOf } from "../capture/test-data.ts";
import { listTestData, openTestData } from "../capture/test-data-file.ts";
import { WfError } from "../errors.ts";
import { readReceived } from "../server/received-request.ts";
import { listWorkflowIds } from "../workflow/load.ts";
import { type Node, valueAt } from "../workflow/parse/node.ts";
import { jsonOf } from "../workflow/parse/reader.ts";
import type { SeenData, SeenSample } from "../workflow/seen.ts";
import { loadSettings } from "../workflow/settings.ts";
import { addSample, NO_SHAPE, type Shape } from "../workflow/shape.ts";
import { expectsRefusal } from "./request-samples.ts";

/**
 * Reads the test data of all workflows.
 *
 * @remarks
 * Files with mistakes are left out, `wf test` reports those; so is test data that expects to be refused.
 */
export async function readSeen(root: string): Promise<SeenData> {
  const { maxBodyBytes } = (await loadSettings(root)).settings;
  const seen = new Map<string, readonly SeenSample[]>();
  for (const id of await listWorkflowIds(root)) {
    const samples: SeenSample[] = [];
    for (const name of await listTestData(root, id)) {
      const sample = await readSample(root, id, name, maxBodyBytes);
      if (sample) samples.push(sample);
    }
    if (samples.length > 0) seen.set(id, samples);
  }
  return seen;
}

async function readSample(root: string, id: string, name: string, maxBytes: number): Promise<SeenSample | undefined> {
  try {
    const { data, mocks, expect } = await openTestData(root, id, name);
    if (!data || expectsRefusal(expect)) return undefined;
    const { query, headers, body } = await readReceived(requestOf(data), maxBytes);
    return {
      name,
      query: addSample(NO_SHAPE, query),
      headers: addSample(NO_SHAPE, headers),
      body: body === null ? NO_SHAPE : addSample(NO_SHAPE, body),
      answers: answersOf(mocks),
    };
  } catch (error) {
    if (error instanceof WfError) return undefined;
    throw error;
  }
}

function answersOf(mocks: Node | undefined): ReadonlyMap<string, Shape> {
  const answers = new Map<string, Shape>();
  for (const { key, value } of mocks?.kind === "map" ? mocks.entries.values() : []) {
    // `notify[0].send` answers the step `send`.
    const step = key.slice(key.lastIndexOf(".") + 1);
    const sequence = value.kind === "map" ? valueAt(value, "sequence") : undefined;
    const nodes = value.kind === "list" ? value.items : sequence?.kind === "list" ? sequence.items : [value];
    for (const node of nodes) {
      const json = node.kind === "map" && !isFailure(node) ? valueAt(node, "json") : undefined;
      if (json) answers.set(step, addSample(answers.get(step) ?? NO_SHAPE, jsonOf(json)));
    }
  }
  return answers;
}

function isFailure(answer: Node): boolean {
  const status = answer.kind === "map" ? valueAt(answer, "status") : undefined;
  return status?.kind === "scalar" && typeof status.value === "number" && status.value >= 400;
}
