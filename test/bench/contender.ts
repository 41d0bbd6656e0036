/** A server under measurement, pinned to one core, and the load that comes from another. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const SERVER_CORE = "0";
const LOAD_CORE = "1";
/** `getconf CLK_TCK`: 100 on every Linux of today. */
const TICKS_PER_SECOND = 100;

/** What one burst of load came to. */
export interface Sample {
  readonly accepted: number;
  readonly perSecond: number;
  /** User and system time of the server's process, all threads. */
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface Contender extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** @param args - Of Node; the process tells its address in the first line that has one. */
export async function startContender(args: readonly string[], path: string): Promise<Contender> {
  const child = spawn("taskset", ["-c", SERVER_CORE, process.execPath, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const address = /\bready\b.*?(http:\/\/[\d.]+:\d+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
    void exit.then(() => reject(new Error(`${args.join(" ")} ended before it was ready`)));
  });
  return {
    url: (await ready) + path,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exit;
    },
  };
}

const run = promisify(execFile);

export async function load(
  { url, pid }: Contender,
  options: { readonly script: string; readonly connections: string; readonly seconds: string },
): Promise<Sample> {
  const { script, connections, seconds } = options;
  const before = cpuTicks(pid);
  const args = ["-c", LOAD_CORE, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url];
  const { stdout } = await run("taskset", args);
  const cpuUs = ((cpuTicks(pid) - before) * 1e6) / TICKS_PER_SECOND;
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`wrk printed no summary: ${stdout}`);
  const { accepted, failed, duration, p50Us, p99Us } = JSON.parse(line) as { [name: string]: number };
  if (failed !== 0) throw new Error(`${failed} requests to ${url} were not answered with 2xx`);
  if (!accepted || !duration || p50Us === undefined || p99Us === undefined) throw new Error(`wrk printed ${line}`);
  return { accepted, perSecond: accepted / duration, cpuUs: cpuUs / accepted, p50Us, p99Us };
}

/** Counts what a process syncs while `work` runs. */
export async function countSyncs<T>(pid: number, work: () => Promise<T>): Promise<{ syncs: number; result: T }> {
  const strace = spawn("strace", ["-f", "-p", String(pid), "-e", "trace=fdatasync,fsync"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let syncs = 0;
  const exit = once(strace, "close");
  const lines = createInterface({ input: strace.stderr });
  const attached = once(lines, "line");
  // A call that another thread's line interrupts is told of twice, the second time as resumed.
  lines.on("line", (line) => (syncs += /\b(?:fdatasync|fsync)\(/.test(line) ? 1 : 0));
  await attached;
  const result = await work();
  strace.kill("SIGINT");
  await exit;
  return { syncs, result };
}

/** Fields 14 and 15 of proc_pid_stat(5), counted after the name, which may hold anything. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
