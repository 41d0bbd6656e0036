import { readFileSync, readdirSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CaptureClient } from "../../src/capture/capture-client.ts";
import { saveCapture } from "../../src/capture/save-capture.ts";
import { requestOf } from "../../src/capture/test-data.ts";
import { readTestData } from "../../src/capture/test-data-file.ts";
import { send } from "../../src/commands/send.ts";
import { requireServerState } from "../../src/commands/server-state.ts";
import { buildRequest } from "../../src/commands/trigger-request.ts";
import type { Capture } from "../../src/engine/captures.ts";
import { startEcho } from "../echo.ts";
import { createProject } from "../project.ts";
import { startServe } from "../serve.ts";
import { corpus } from "./corpus.ts";

it("captures, saves, loads and sends every GitHub payload byte for byte", async () => {
  const root = corpus("github-webhooks");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
  await using project = await createProject({ "workflows/github.yaml": "trigger: { request: {} }\nsteps: []\n" });
  await using wf = await startServe(project.root);
  await using echo = await startEcho();
  const agent = new Agent({ keepAlive: true });
  const headersOf = (at: number): [string, string][] => [
    ["User-Agent", "GitHub-Hookshot/044aadd"],
    ["Content-Type", "application/json"],
    ["X-GitHub-Event", files[at]?.split("/")[0] ?? ""],
    ["X-Number", String(at)],
  ];
  for (const [at, file] of files.entries()) {
    const body = readFileSync(join(root, file));
    const url = new URL(`${wf.url}/test/github?from=${at}`);
    expect((await send({ method: "POST", url, headers: headersOf(at), body, agent })).status, file).toBe(202);
  }
  const client = new CaptureClient(requireServerState(project.root), "github");
  const captures: Capture[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.list(cursor);
    captures.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);

  const tally = { equal: 0, replayed: 0 };
  const roundTrip = async (capture: Capture): Promise<void> => {
    const at = Number(capture.url.split("=")[1]);
    const file = files[at] ?? "";
    const bytes = readFileSync(join(root, file));
    const body = await client.body(capture.id);
    const { bodyHash, headers } = capture;
    const { capture: repeated } = await client.replay(capture.id);
    expect(repeated, file).toMatchObject({
      bodyHash,
      headers,
      url: capture.url,
      replayOf: capture.id,
      answer: { status: 202 },
    });
    const name = `payload-${at}`;
    await saveCapture(project.root, capture, body ?? Buffer.alloc(0), name, {});
    const saved = requestOf(await readTestData(project.root, "github", name));
    expect(saved.body.equals(bytes), file).toBe(true);
    expect(saved.headers, file).toEqual(expect.arrayContaining(headersOf(at)));
    tally.equal++;
    const request = await buildRequest(echo.url, "github", { dir: project.root, testData: name });
    await send({ ...request, agent });
    const seen = echo.requests.find(({ url }) => url === `/triggers/github?from=${at}`);
    expect(seen?.body.equals(bytes), file).toBe(true);
    expect(seen?.headers, file).toEqual(expect.arrayContaining(headersOf(at)));
    tally.replayed++;
  };
  // Most of the time goes into syncing files to disk.
  for (let at = 0; at < captures.length; at += 16) await Promise.all(captures.slice(at, at + 16).map(roundTrip));
  agent.destroy();
  expect(await wf.end("SIGTERM")).toBe(0);
  process.stdout.write(
    `test data payloads=${files.length} captured=${captures.length} byte_equal=${tally.equal} replayed=${tally.replayed}\n`,
  );
  expect(files.length).toBeGreaterThan(0);
  expect(tally).toEqual({ equal: files.length, replayed: files.length });
}, 60_000);
