import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeTestData } from "../../src/capture/test-data-file.ts";
import { type DiffOptions, diffWorkflowRules } from "../../src/commands/rules-diff.ts";
import { inferWorkflowRules } from "../../src/commands/rules-infer.ts";
import type { CaptureVerdict } from "../../src/engine/captures.ts";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import type { Json } from "../../src/json.ts";
import { createProject, type TestProject } from "../project.ts";
import { capture } from "./output.ts";

const LEAD = `trigger:
  request:
    body:
      email: { type: email, required: true }
      plan: { enum: [free, pro] }
steps: []
`;
const HEADERS = [["Content-Type", "application/json"]] as const;
const ACCEPTED: CaptureVerdict = { kind: "accepted" };
const REFUSED: CaptureVerdict = { kind: "refused", code: "REQUEST_INVALID", message: "refused", errors: [] };

async function leads(
  saved: Json | undefined,
  captured: readonly (readonly [Json, CaptureVerdict])[],
): Promise<TestProject> {
  const project = await createProject({ "wf.yaml": "project: leads\n", "workflows/lead.yaml": LEAD });
  if (saved !== undefined) {
    const body = { kind: "bytes", bytes: Buffer.from(JSON.stringify(saved)) } as const;
    await writeTestData(project.root, {
      workflowId: "lead",
      name: "real",
      request: { method: "POST", url: "/test/lead", headers: HEADERS, body },
    });
  }
  const engine = await openEmbeddedEngine({
    directory: join(project.root, ".wf"),
    walk: () => Promise.reject(new Error("nothing runs here")),
    parse: () => {
      throw new Error("nothing runs here");
    },
    retentionMs: 86_400_000,
  });
  for (const [body, verdict] of captured) {
    const request = { method: "POST", url: "/test/lead", headers: HEADERS, body: Buffer.from(JSON.stringify(body)) };
    const { id } = await engine.captures.add("lead", request);
    await engine.captures.settle(id, { verdict, answer: { status: 202, headers: [], bodySize: 0, durationMs: 1 } });
  }
  await engine.close();
  return project;
}

function diff(project: TestProject, options: DiffOptions = {}) {
  return capture(() => diffWorkflowRules("lead", { dir: project.root, ...options }));
}

test("shows where captures differ from rules and test data", async () => {
  await using project = await leads({ email: "a@b.co", plan: "pro", seats: 1, ref: "x" }, [
    [{ email: "a@b.co", plan: "pro", seats: 1 }, ACCEPTED],
    [{ plan: "team", seats: "2", phone: "1" }, REFUSED],
  ]);
  const { exit, stdout, stderr } = await diff(project);
  expect(exit).toBe(0);
  const rows = stdout.split("\n").map((row) => row.split(/ {2,}/).map((cell) => cell.trim()));
  const drift = rows.map(([mark, path, , where]) => [mark, path, where].join(" ")).filter((row) => row.trim() !== "");
  expect(drift).toEqual([
    "- body.email rules, 1 of 2 captures",
    "~ body.plan rules, 1 of 2 captures",
    "+ body.seats rules",
    "+ body.phone rules",
    "~ body.seats test data",
    "+ body.phone test data",
    "- body.ref test data",
  ]);
  expect(stderr).toContain("7 differences: compared 2 captures with the rules and 1 saved request.");
  expect((await diff(project, { failOnDrift: true })).exit).toBe(1);
  const json = (await diff(project, { json: true })).stdout.trim().split("\n");
  expect(JSON.parse(json[0] ?? "")).toMatchObject({
    kind: "missing",
    path: "body.email",
    against: "rules",
    requests: 1,
  });
});

test("without drift says so", async () => {
  await using project = await leads(undefined, [[{ email: "a@b.co", plan: "pro" }, ACCEPTED]]);
  const { exit, stdout, stderr } = await diff(project, { failOnDrift: true });
  expect([exit, stdout]).toEqual([0, ""]);
  expect(stderr).toContain("No drift: compared 1 capture with the rules and 0 saved requests.");
});

test("without a capture there is nothing to say", async () => {
  await using project = await leads({ email: "a@b.co" }, []);
  await expect(diff(project)).rejects.toMatchObject({ code: "NO_SAMPLES", exit: 1 });
  await using other = await leads(undefined, [[{ email: "a@b.co" }, ACCEPTED]]);
  await expect(diff(other, { after: "2100-01-01" })).rejects.toMatchObject({ hint: "Look further back with --after." });
});

test("rules are inferred from captures; refused ones count when rules may give way", async () => {
  await using project = await leads(undefined, [
    [{ email: "a@b.co", seats: 1 }, ACCEPTED],
    [{ email: "?", seats: 2, vip: true }, REFUSED],
  ]);
  const infer = (options: object) =>
    capture(() => inferWorkflowRules("lead", { dir: project.root, write: true, ...options }));
  const first = await infer({});
  expect(first.stderr).toContain("left out: the workflow refused it");
  expect(first.stderr).toContain("from 1 request: 1 capture.");
  const yaml = () => readFile(join(project.root, "workflows/lead.yaml"), "utf8");
  expect(await yaml()).toContain("      seats: { type: integer, required: true }\n");
  expect(await yaml()).not.toContain("vip");
  await infer({ replace: true });
  expect(await yaml()).toContain("      email: { type: string, required: true }\n");
  expect(await yaml()).toContain("      vip: boolean\n");
  expect((await diff(project, { failOnDrift: true })).exit).toBe(0);
});
