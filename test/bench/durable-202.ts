/**
 * Requests per second of a durable 202 (1 KB JSON, five rules, committed and synced before the answer) as a ratio to
 * bare `node:http` that parses the same body. Contenders take turns, servers on one core, wrk on another.
 *
 *   npm run bench -- [--rounds 15] [--seconds 1] [--connections 64,8,1] [--syncs]
 *
 * `--syncs` shows instead how many syncs the answers waited for: strace counts them, which slows everything down.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createProject } from "../project.ts";
import { type Contender, countSyncs, load, type Sample, startContender } from "./contender.ts";

const BARE = fileURLToPath(new URL("bare.ts", import.meta.url));
const WF = fileURLToPath(new URL("../../bin/wf.js", import.meta.url));

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
    rounds: { type: "string", default: "15" },
    seconds: { type: "string", default: "1" },
    connections: { type: "string", default: "64" },
    syncs: { type: "boolean", default: false },
  },
});

const work = await mkdtemp(join(tmpdir(), "wf-bench-"));
try {
  const script = join(work, "post.lua");
  await writeFile(script, wrkScript());
  await using project = await createProject({
    "workflows/lead.yaml": WORKFLOW,
    "wf.yaml": "limits: { max_executions: 100000 }\n",
  });
  const serve = [WF, "serve", "--port", "0", "--dir", project.root];
  await using wf = await startContender(serve, "/triggers/lead?source=web");
  await using bare = await startContender([BARE], "/");
  for (const connections of values.connections.split(",")) {
    const options = { script, connections, seconds: values.seconds };
    if (values.syncs) await proveSyncs(wf, options);
    else await compare({ wf, bare }, options);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

type Load = Parameters<typeof load>[1];

async function compare(contenders: { readonly wf: Contender; readonly bare: Contender }, options: Load): Promise<void> {
  const samples: { bare: Sample[]; wf: Sample[] } = { bare: [], wf: [] };
  // Round 0 warms up.
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const name of ["bare", "wf"] as const) {
      const sample = await load(contenders[name], options);
      if (round > 0) samples[name].push(sample);
    }
  }
  const ratios = samples.wf.map((sample, index) => sample.perSecond / (samples.bare[index]?.perSecond ?? Number.NaN));
  const cpuRatios = samples.wf.map((sample, index) => (samples.bare[index]?.cpuUs ?? Number.NaN) / sample.cpuUs);
  const row = {
    work: `durable 202, 1 KB JSON, 5 rules, ${options.connections} connections`,
    rounds: ratios.length,
    ratio: round2(median(ratios)),
    quartiles: [round2(quantile(ratios, 0.25)), round2(quantile(ratios, 0.75))],
    spread: [round2(Math.min(...ratios)), round2(Math.max(...ratios))],
    /** How the requests would compare if nothing but the CPU's time counted. */
    cpuRatio: round2(median(cpuRatios)),
    wf: summary(samples.wf),
    bare: summary(samples.bare),
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

async function proveSyncs(wf: Contender, options: Load): Promise<void> {
  await load(wf, options);
  const { syncs, result } = await countSyncs(wf.pid, () => load(wf, options));
  const row = {
    work: `durable 202, ${options.connections} connections, traced`,
    accepted: result.accepted,
    syncs,
    acceptedPerSync: round2(result.accepted / syncs),
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

function summary(samples: readonly Sample[]): { [figure: string]: number } {
  return {
    perSecond: Math.round(median(samples.map(({ perSecond }) => perSecond))),
    p50Us: median(samples.map(({ p50Us }) => p50Us)),
    p99Us: median(samples.map(({ p99Us }) => p99Us)),
    cpuUs: round2(median(samples.map(({ cpuUs }) => cpuUs))),
  };
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
  print(string.format('{"accepted":%d,"failed":%d,"duration":%f,"p50Us":%d,"p99Us":%d}', summary.requests - summary.errors.status,
    failed, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
`;
}

function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
