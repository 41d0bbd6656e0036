import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { writeTestData } from "../../src/capture/test-data-file.ts";
import { type CaptureReader, readSamples, type SampleChoice } from "../../src/commands/request-samples.ts";
import type { Capture } from "../../src/engine/captures.ts";
import { createProject } from "../project.ts";

const CHOICE: SampleChoice = {
  workflowId: "lead",
  names: null,
  captures: undefined,
  limit: 1_000,
  refused: false,
  maxBodyBytes: 1_000,
};
const REFUSED = { kind: "refused", code: "REQUEST_INVALID", message: "", errors: [] } as const;

function captureOf(minute: number, more: Partial<Capture> = {}): Capture {
  return {
    id: `0199f3a2-${String(minute).padStart(4, "0")}-7000-8000-000000000000`,
    workflowId: "lead",
    receivedAt: `2026-11-25T10:${String(minute).padStart(2, "0")}:00.000Z`,
    method: "POST",
    url: "/test/lead",
    headers: [["Content-Type", "application/json"]],
    bodySize: 9,
    bodyHash: createHash("sha256").digest("hex"),
    verdict: { kind: "accepted" },
    answer: null,
    signature: null,
    executionId: null,
    savedAs: null,
    replayOf: null,
    ...more,
  };
}

/** Pages of two, newest first. */
function reader(...captures: Capture[]): CaptureReader {
  const newest = captures.toReversed();
  return {
    async list({ workflowId, cursor, limit = 100 }) {
      const own = newest.filter((one) => one.workflowId === workflowId);
      const from = Number(cursor ?? 0);
      const to = from + Math.min(2, limit);
      return { items: own.slice(from, to), ...(to < own.length && { next: String(to) }) };
    },
    get: (id) => Promise.resolve(captures.find((one) => one.id === id)),
    body: (id) => Promise.resolve(captures.some((one) => one.id === id) ? Buffer.from('{"a":1}') : undefined),
  };
}

async function minutes(
  captures: CaptureReader,
  choice: Partial<SampleChoice> = {},
): Promise<{ used: number[]; skipped: string[] }> {
  await using project = await createProject({});
  const { used, skipped } = await readSamples(project.root, captures, { ...CHOICE, ...choice });
  return { used: used.map(({ name }) => Number(name.slice(9, 13))), skipped: skipped.map(({ reason }) => reason) };
}

test("takes the newest captures of the workflow, page by page", async () => {
  const captures = reader(
    captureOf(1),
    captureOf(2, { workflowId: "other" }),
    captureOf(3),
    captureOf(4),
    captureOf(5),
  );
  expect(await minutes(captures)).toEqual({ used: [5, 4, 3, 1], skipped: [] });
  expect((await minutes(captures, { limit: 3 })).used).toEqual([5, 4, 3]);
  expect((await minutes(captures, { after: "2026-11-25T10:03:00.000Z" })).used).toEqual([5, 4]);
});

test("leaves out what was refused or forged, unless it is asked for", async () => {
  const captures = reader(captureOf(1), captureOf(2, { verdict: REFUSED }), captureOf(3, { signature: "invalid" }));
  expect(await minutes(captures)).toEqual({
    used: [1],
    skipped: ["its signature is wrong", "the workflow refused it"],
  });
  expect((await minutes(captures, { refused: true })).used).toEqual([2, 1]);
  expect((await minutes(captures, { captures: ["0199f3a2-0003", "0199f3a2-0002"] })).used).toEqual([3, 2]);
});

test("leaves out what cannot be read", async () => {
  const captures = reader(
    captureOf(1, { headers: [["content-encoding", "rot13"]] }),
    captureOf(2, { url: "/test/lead?%zz" }),
  );
  const { used, skipped } = await minutes(captures);
  expect(used).toEqual([]);
  expect(skipped).toHaveLength(2);
});

test("takes a request once that is both a capture and test data", async () => {
  await using project = await createProject({});
  const request = { method: "POST", url: "/test/lead", headers: [], body: { kind: "none" } } as const;
  await writeTestData(project.root, { workflowId: "lead", name: "real", request });
  const captures = reader(captureOf(1, { savedAs: "real" }), captureOf(2));
  const names = async (choice: Partial<SampleChoice>): Promise<string[]> =>
    (await readSamples(project.root, captures, { ...CHOICE, ...choice })).used.map(({ from }) => from);
  expect(await names({ names: undefined })).toEqual(["test data", "capture"]);
  expect(await names({ names: null })).toEqual(["capture", "capture"]);
  expect(await names({ names: ["real"], captures: null })).toEqual(["test data"]);
});

test("a capture that does not exist is told", async () => {
  await expect(minutes(reader(captureOf(1)), { captures: ["ffff"] })).rejects.toMatchObject({ code: "USAGE" });
});
