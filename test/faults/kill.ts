/**
 * SIGKILL at random moments under load: every acknowledged execution must be there and finished after the restart,
 * with one record for each of its steps.
 *
 *   npm run test:faults -- [--rounds 30] [--seed 1]
 */
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openHistory } from "../../src/engine/embedded/history.ts";
import { createProject } from "../project.ts";
import { startServe } from "../serve.ts";

const CLIENTS = 16;
const FINISH_WITHIN_MS = 60_000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});

const upstream = await startUpstream();
await using project = await createProject({
  "wf.yaml": "limits: { max_executions: 100000 }\n",
  "workflows/work.yaml": `trigger: { request: { body: { n: { type: integer, required: true } } } }
steps:
  - id: first
    http: { method: POST, url: "${upstream.url}", json: { n: "\${{ trigger.body.n }}" } }
    retry: 5
  - id: wait
    delay: 50ms
  - id: second
    http: { method: POST, url: "${upstream.url}", json: { n: "\${{ steps.first.body.n + 1 }}" } }
    retry: 5
`,
});

const random = seeded(Number(values.seed));
const accepted = new Set<string>();
let posted = 0;
for (let round = 0; round < Number(values.rounds); round++) {
  const wf = await startServe(project.root);
  const load = { on: true };
  const clients = Array.from({ length: CLIENTS }, () => post(wf.url, load));
  await pause(100 + random() * 900);
  await wf.end("SIGKILL");
  load.on = false;
  await Promise.all(clients);
  process.stderr.write(`round ${round + 1}: ${accepted.size} accepted so far\n`);
}
await using last = await startServe(project.root);
const result = await finished();
await last.end("SIGTERM");
upstream.close();
const line = { seed: Number(values.seed), kills: Number(values.rounds), posted, accepted: accepted.size, ...result };
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exitCode = result.lost === 0 && result.repeated_records === 0 && result.keys_wrong === 0 ? 0 : 1;

/** Posts one request after the other until told to stop; a request that the kill cut off was not acknowledged. */
async function post(url: string, load: { on: boolean }): Promise<void> {
  while (load.on) {
    try {
      const response = await fetch(`${url}/triggers/work`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ n: posted++ }),
      });
      const body = (await response.json()) as { executionId: string };
      if (response.status === 202) accepted.add(body.executionId);
      else await pause(5);
    } catch {
      await pause(5);
    }
  }
}

/** Waits until nothing runs any more, then counts what became of the acknowledged executions. */
async function finished(): Promise<{ completed: number; lost: number; repeated_records: number; keys_wrong: number }> {
  const history = await openHistory(join(project.root, ".wf"));
  try {
    const deadline = Date.now() + FINISH_WITHIN_MS;
    while (Date.now() < deadline) {
      const open = await Promise.all([
        history.list({ status: "EXECUTING", limit: 1 }),
        history.list({ status: "DELAYED", limit: 1 }),
      ]);
      if (open.every((page) => page.items.length === 0)) break;
      await pause(100);
    }
    let completed = 0;
    let repeated = 0;
    let keysWrong = 0;
    for (const id of accepted) {
      const execution = await history.get(id);
      if (execution?.status === "SUCCEEDED") completed++;
      const paths = execution?.steps.map((step) => step.path) ?? [];
      repeated += paths.length - new Set(paths).size;
      for (const step of ["first", "second"]) if (!upstream.keys.has(`${id}:${step}`)) keysWrong++;
    }
    return { completed, lost: accepted.size - completed, repeated_records: repeated, keys_wrong: keysWrong };
  } finally {
    history.close();
  }
}

/** Answers with the body it got and remembers the idempotency keys. */
async function startUpstream(): Promise<{ url: string; keys: Set<string>; close(): void }> {
  const keys = new Set<string>();
  const server = createServer((request, response) => {
    keys.add(String(request.headers["idempotency-key"]));
    response.writeHead(200, { "content-type": "application/json" });
    request.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    keys,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** mulberry32: the same moments for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
