/**
 * Requests per second of a durable 202 (1 KB JSON, five rules, committed and synced before the answer) as a ratio to
 * bare `node:http` that parses the same body. Contenders take turns, servers on one core, wrk on another.
 *
 *   npm run bench -- [--rounds 9] [--seconds 2] [--connections 64]
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { createProject } from "../project.ts";
import { startServe } from "../serve.ts";

const SERVER_CORE = ["taskset", "-c", "0"];
const LOAD_CORE = ["taskset", "-c", "1"];

const WORKFLOW = `trigger:
  request:
    query: { source: { required: true, enum: [web, app] } }
    headers: { x-api-version: { equals: "2" } }
    body:
      email: { type: email, required: true }
      seats: { type: integer, minimum: 1 }
      tags: { type: array, items: string }
steps: []
`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    connections: { type: "string", default: "64" },
  },
});

interface Sample {
  readonly accepted: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const run = promisify(execFile);
const work = await mkdtemp(join(tmpdir(), "wf-bench-"));
try {
  await measure();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const script = join(work, "post.lua");
  await writeFile(script, wrkScript());
  await using project = await createProject({
    "workflows/lead.yaml": WORKFLOW,
    "wf.yaml": "limits: { max_executions: 100000 }\n",
  });
  await using wf = await startServe(project.root, { wrap: SERVER_CORE });
  await using bare = await startBare();
  const contenders = { bare: `${bare.url}/`, wf: `${wf.url}/triggers/lead?source=web` };
  for (const url of Object.values(contenders)) await load(script, url);

  const samples: { bare: Sample[]; wf: Sample[] } = { bare: [], wf: [] };
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const name of ["bare", "wf"] as const) samples[name].push(await load(script, contenders[name]));
    process.stderr.write(
      `round ${round}: ${rate(samples.bare.at(-1)).toFixed(0)} bare, ${rate(samples.wf.at(-1)).toFixed(0)} wf\n`,
    );
  }
  const ratios = samples.wf.map((sample, index) => rate(sample) / rate(samples.bare[index]));
  const row = {
    work: `durable 202, 1 KB JSON, 5 rules, ${values.connections} connections`,
    rounds: ratios.length,
    ratio: round2(median(ratios)),
    spread: [round2(Math.min(...ratios)), round2(Math.max(...ratios))],
    wf: {
      perSecond: Math.round(median(samples.wf.map(rate))),
      p50Us: median(samples.wf.map((s) => s.p50Us)),
      p99Us: median(samples.wf.map((s) => s.p99Us)),
    },
    bare: {
      perSecond: Math.round(median(samples.bare.map(rate))),
      p50Us: median(samples.bare.map((s) => s.p50Us)),
      p99Us: median(samples.bare.map((s) => s.p99Us)),
    },
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

/** The bare server as a process of its own, on the same core as `wf`. */
async function startBare(): Promise<AsyncDisposable & { url: string }> {
  const file = fileURLToPath(new URL("bare.ts", import.meta.url));
  const child = spawn("taskset", [...SERVER_CORE.slice(1), process.execPath, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    url: (JSON.parse(line) as { url: string }).url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}

async function load(script: string, url: string): Promise<Sample> {
  const args = ["wrk", "-t1", `-c${values.connections}`, `-d${values.seconds}s`, "-s", script, url];
  const { stdout } = await run("taskset", [...LOAD_CORE.slice(1), ...args]);
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`wrk printed no summary: ${stdout}`);
  const sample = JSON.parse(line) as Sample & { failed: number };
  if (sample.failed > 0) throw new Error(`${sample.failed} requests to ${url} were not answered with 2xx`);
  return sample;
}

function wrkScript(): string {
  const tags = Array.from({ length: 40 }, (_, index) => `tag-${index}-0123456789`);
  const body = JSON.stringify({ email: "ada@example.com", seats: 12, tags, note: "n".repeat(140) });
  return `wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["x-api-version"] = "2"
wrk.body = ${JSON.stringify(body)}
function done(summary, latency)
  local failed = summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format('{"accepted":%d,"failed":%d,"seconds":%f,"p50Us":%d,"p99Us":%d}', summary.requests - summary.errors.status,
    failed, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
`;
}

function rate(sample: Sample | undefined): number {
  return sample === undefined ? Number.NaN : sample.accepted / sample.seconds;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
