import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fillSecrets } from "../../src/capture/redact.ts";
import { freeName, saveCapture } from "../../src/capture/save-capture.ts";
import { readTestData } from "../../src/capture/test-data-file.ts";
import { requestOf } from "../../src/capture/test-data.ts";
import type { Capture } from "../../src/engine/captures.ts";
import { createProject } from "../project.ts";

const KEY = `key-${randomBytes(12).toString("hex")}`;

function captureWith(headers: [string, string][]): Capture {
  return {
    id: "0199f3a2-0000-7000-8000-000000000001",
    workflowId: "lead",
    receivedAt: "2026-11-23T15:00:00.000Z",
    method: "POST",
    url: "/test/lead",
    headers,
  } as unknown as Capture;
}

it("saves a capture without the project's secrets and says what it replaced and what it kept", async () => {
  await using project = await createProject({});
  const capture = captureWith([
    ["Content-Type", "application/json"],
    ["X-Hub-Signature-256", "sha256=00"],
    ["X-Key", KEY],
  ]);
  const body = Buffer.from(`{"key" : "${KEY}"}`);
  const saved = await saveCapture(project.root, capture, body, "push", { KEY });
  expect(saved).toEqual({
    file: "workflows/lead.testdata/push.yaml",
    bodyFile: "workflows/lead.testdata/push.body.json",
    redacted: ["headers.x-key", "body"],
    credentials: ["x-hub-signature-256"],
  });
  for (const file of [saved.file, saved.bodyFile ?? ""]) {
    expect(await readFile(join(project.root, file), "utf8")).not.toContain(KEY);
  }
  const read = await readTestData(project.root, "lead", "push");
  expect(read.captured).toEqual({ at: capture.receivedAt, id: capture.id });
  expect(requestOf(fillSecrets(read, { KEY }))).toMatchObject({ headers: capture.headers, body });
  const again = await saveCapture(project.root, capture, body, "push", {}, { overwrite: true, credentials: true });
  expect(again).toMatchObject({ redacted: ["headers.x-hub-signature-256"], credentials: [] });
});

it("suggests a name after the event that is not taken yet", async () => {
  await using project = await createProject({ "workflows/lead.testdata/orders-create.yaml": "request: {}\n" });
  const nameFor = (...headers: [string, string][]): Promise<string> => freeName(project.root, captureWith(headers));
  expect(await nameFor(["X-GitHub-Event", "pull_request"])).toBe("pull-request");
  expect(await nameFor(["X-Shopify-Topic", "orders/create"])).toBe("orders-create-2");
  expect(await nameFor(["X-GitHub-Event", "../body"])).toBe("real");
  expect(await nameFor()).toBe("real");
});
