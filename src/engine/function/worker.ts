/** Runs in a worker thread: loads one module and calls its default export, one call at a time. */
import { AsyncLocalStorage } from "node:async_hooks";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerSetup } from "./message.ts";
import { createReads, GivenFile, giveFiles, takeOutput } from "./transfer.ts";

type Call = Extract<ToWorker, { kind: "call" }>;
type Log = (...values: readonly unknown[]) => void;

const port = parentPort;
if (!port) throw new Error("This module runs in a worker thread.");
const setup = workerData as WorkerSetup;
const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => {
  port.postMessage(message, transfer);
};
const reads = createReads(post);
/** Which call's code is running: a timer that an earlier call left behind must not write into a later call's log. */
const current = new AsyncLocalStorage<Log>();
const log: Log = (...values) => current.getStore()?.(...values);
const aborts = new Map<number, AbortController>();
let loaded: Promise<{ readonly default?: unknown }> | undefined;

captureOutput();
if (setup.isOffline) (await import("./offline.ts")).refuseConnections();
port.on("message", (message: ToWorker) => {
  if (message.kind === "call") void run(message);
  else if (message.kind === "abort") aborts.get(message.call)?.abort(new Error(message.reason));
  else reads.settle(message);
});

async function run(call: Call): Promise<void> {
  const abort = new AbortController();
  aborts.set(call.call, abort);
  let phase: Extract<FromWorker, { kind: "failed" }>["phase"] = "load";
  try {
    const own = logOf(call.call);
    const output = await current.run(own, async () => {
      loaded ??= import(pathToFileURL(setup.module).href) as Promise<{ readonly default?: unknown }>;
      const module = await loaded;
      if (typeof module.default !== "function") {
        throw new TypeError("the module has no default export that is a function");
      }
      phase = "throw";
      const entry = module.default as (given: object) => unknown;
      const input = giveFiles(JSON.parse(call.json), call.files, (given) => new GivenFile(call, given, reads));
      return entry({ input, execution: call.execution, signal: abort.signal, log: own });
    });
    phase = "output";
    const { json, files, transfer } = await takeOutput(output, call.call, setup.maxOutputBytes);
    post({ kind: "result", call: call.call, json, files }, transfer);
  } catch (error) {
    post({ kind: "failed", call: call.call, phase, ...describe(error) });
  } finally {
    aborts.delete(call.call);
  }
}

function describe(error: unknown): { message: string; stack: string } {
  try {
    if (error instanceof Error) {
      const name = error.name === "Error" ? "" : `${error.name}: `;
      // "fetch failed" alone says nothing.
      const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
      return { message: `${name}${error.message}${cause}`, stack: error.stack ?? "" };
    }
    return { message: format("%o was thrown, which is no Error", error), stack: "" };
  } catch {
    return { message: "something was thrown that cannot be shown", stack: "" };
  }
}

function logOf(call: number): Log {
  let lines = 0;
  return (...values) => {
    for (const line of format(...values).split("\n")) {
      lines += 1;
      if (lines > setup.maxLogLines) return;
      const cut = line.length > setup.maxLineLength ? `${line.slice(0, setup.maxLineLength)}…` : line;
      post({ kind: "log", call, line: lines === setup.maxLogLines ? "… more was logged than is kept" : cut });
    }
  };
}

/** `console` and what is written to stdout belong to the step: in a server they would mix with its own output. */
function captureOutput(): void {
  for (const method of ["log", "info", "debug", "warn", "error", "trace"] as const) console[method] = log;
  console.dir = (value: unknown) => log("%o", value);
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
      log("%s", (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString()).replace(/\n$/, ""));
      const done = rest.at(-1);
      if (typeof done === "function") queueMicrotask(() => (done as () => void)());
      return true;
    };
  }
}
