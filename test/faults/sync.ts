/**
 * Syncs that never return and syncs that fail, one after the other: every acknowledged execution must be there and
 * finished after the restart, and after a failed sync the server must take requests again. Needs strace.
 *
 *   npm run build && node test/faults/sync.ts [--points 12]
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { openHistory } from "../../src/engine/embedded/history.ts";
import { createProject } from "../project.ts";
import { type ServeProcess, startServe } from "../serve.ts";

const CLIENTS = 8;
const LOAD_MS = 600;
const RECOVERS_WITHIN_MS = 10_000;

const { values } = parseArgs({ options: { points: { type: "string", default: "12" } } });

if (spawnSync("strace", ["-V"]).status !== 0) {
  process.stdout.write(`${JSON.stringify({ work: "sync points", skipped: "strace is missing" })}\n`);
  process.exit(1);
}

await using project = await createProject({ "workflows/work.yaml": "trigger: { request: {} }\nsteps: []\n" });
const accepted = new Set<string>();
let refused = 0;
let unrecovered = 0;
for (let point = 1; point <= Number(values.points); point++) {
  await underFault(`signal=KILL:when=${point}`, false);
  await underFault(`error=EIO:when=${point}`, true);
  process.stderr.write(`point ${point}: ${accepted.size} accepted, ${refused} refused\n`);
}
await (await startServe(project.root)).end("SIGTERM");
const lost = await countLost();
const database = new DatabaseSync(join(project.root, ".wf", "wf.db"), { readOnly: true });
const { integrity_check: integrity } = database.prepare("PRAGMA integrity_check").get() as { integrity_check: string };
database.close();
const line = { points: 2 * Number(values.points), accepted: accepted.size, refused, lost, unrecovered, integrity };
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exitCode = lost === 0 && unrecovered === 0 && integrity === "ok" && accepted.size > 0 ? 0 : 1;

async function underFault(fault: string, recovers: boolean): Promise<void> {
  const trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"];
  let wf: ServeProcess;
  try {
    wf = await startServe(project.root, { wrap: [...trace, "-e", `inject=fdatasync:${fault}`] });
  } catch {
    // The fault met the opening of the store: nothing was accepted.
    return;
  }
  const server = Number(readFileSync(`/proc/${wf.pid}/task/${wf.pid}/children`, "latin1").trim().split(" ")[0]);
  const until = Date.now() + LOAD_MS;
  await Promise.all(Array.from({ length: CLIENTS }, () => post(wf.url, until)));
  if (recovers) {
    const deadline = Date.now() + RECOVERS_WITHIN_MS;
    while (!(await postOnce(wf.url)) && Date.now() < deadline) await pause(50);
    if (Date.now() >= deadline) unrecovered++;
  }
  try {
    process.kill(server, "SIGKILL");
  } catch {
    // The fault has ended it.
  }
  await wf.end("SIGCONT");
}

async function post(url: string, until: number): Promise<void> {
  while (Date.now() < until) if (!(await postOnce(url))) await pause(10);
}

/** @returns whether it was acknowledged */
async function postOnce(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/triggers/work`, { method: "POST" });
    const { executionId } = (await response.json()) as { executionId?: string };
    if (response.status === 202 && executionId !== undefined) accepted.add(executionId);
    else refused++;
    return response.status === 202;
  } catch {
    return false;
  }
}

async function countLost(): Promise<number> {
  const history = await openHistory(join(project.root, ".wf"));
  let missing = 0;
  for (const id of accepted) if ((await history.get(id))?.status !== "SUCCEEDED") missing++;
  history.close();
  return missing;
}
