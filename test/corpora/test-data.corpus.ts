import { readFileSync, readdirSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { expect, it } from "vitest";
import { testDataFromCapture } from "../../src/capture/test-data.ts";
import { readTestData, writeTestData } from "../../src/capture/test-data-file.ts";
import { send } from "../../src/commands/send.ts";
import { buildRequest } from "../../src/commands/trigger-request.ts";
import type { Capture } from "../../src/engine/captures.ts";
import { startEcho } from "../echo.ts";
import { createProject } from "../project.ts";
import { corpus } from "./corpus.ts";

it("saves, loads and sends every GitHub payload byte for byte", async () => {
  const root = corpus("github-webhooks");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
  await using project = await createProject({ "workflows/github.yaml": "trigger: { request: {} }\nsteps: []\n" });
  await using echo = await startEcho();
  const agent = new Agent({ keepAlive: true });
  let byteEqual = 0;
  let replayed = 0;
  const roundTrip = async (file: string, at: number): Promise<void> => {
    const bytes = readFileSync(join(root, file));
    const headers: [string, string][] = [
      ["User-Agent", "GitHub-Hookshot/044aadd"],
      ["Content-Type", "application/json"],
      ["X-GitHub-Event", file.split("/")[0] ?? ""],
      ["X-Number", String(at)],
    ];
    const capture = {
      id: `0199f3a2-0000-7000-8000-${String(at).padStart(12, "0")}`,
      workflowId: "github",
      receivedAt: "2026-11-23T15:00:00.000Z",
      method: "POST",
      url: "/test/github",
      headers,
    } as unknown as Capture;
    const data = testDataFromCapture(capture, bytes, `payload-${at}`);
    await writeTestData(project.root, data);
    expect(await readTestData(project.root, "github", data.name), file).toEqual(data);
    byteEqual++;
    const request = await buildRequest(echo.url, "github", { dir: project.root, testData: data.name });
    await send({ ...request, agent });
    const seen = echo.requests.find((one) =>
      one.headers.some(([name, value]) => name === "X-Number" && value === String(at)),
    );
    expect(seen?.body.equals(bytes), file).toBe(true);
    expect(
      seen?.headers.filter(([name]) => headers.some(([one]) => one === name)),
      file,
    ).toEqual(headers);
    replayed++;
  };
  // Most of the time goes into syncing files to disk.
  for (let at = 0; at < files.length; at += 16) {
    await Promise.all(files.slice(at, at + 16).map((file, index) => roundTrip(file, at + index)));
  }
  agent.destroy();
  process.stdout.write(`test data payloads=${files.length} byte_equal=${byteEqual} replayed=${replayed}\n`);
  expect(files.length).toBeGreaterThan(0);
});
