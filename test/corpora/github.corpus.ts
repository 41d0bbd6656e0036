import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openHistory } from "../../src/engine/embedded/history.ts";
import { createProject } from "../project.ts";
import { startServe } from "../serve.ts";
import { corpus } from "./corpus.ts";

it("accepts every GitHub payload and keeps its body equal in history", async () => {
  const root = corpus("github-webhooks");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
  await using project = await createProject({
    "workflows/github.yaml": `trigger:
  request:
    headers: { x-github-event: { required: true } }
    body: { action: string }
steps:
  - id: seen
    switch:
      - when: has(trigger.body.sender)
        steps: []
`,
  });
  await using wf = await startServe(project.root);
  const ids = new Map<string, string>();
  for (const file of files) {
    const response = await fetch(`${wf.url}/triggers/github`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-github-event": file.split("/")[0] ?? "" },
      body: readFileSync(join(root, file)),
    });
    const answer = (await response.json()) as { executionId: string };
    expect(response.status, file).toBe(202);
    ids.set(file, answer.executionId);
  }
  expect(await wf.end("SIGTERM")).toBe(0);

  const history = await openHistory(join(project.root, ".wf"));
  let equal = 0;
  for (const [file, id] of ids) {
    const execution = await history.get(id);
    expect(execution?.status, file).toBe("SUCCEEDED");
    expect(execution?.input.body, file).toEqual(JSON.parse(readFileSync(join(root, file), "utf8")));
    equal++;
  }
  history.close();
  process.stdout.write(`github payloads=${files.length} accepted=${ids.size} in_history=${equal} equal=${equal}\n`);
  expect(files.length).toBeGreaterThan(0);
}, 60_000);
