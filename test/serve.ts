import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const WF = fileURLToPath(new URL("../bin/wf.js", import.meta.url));

/** A running `wf serve` of the built program. */
export interface ServeProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Sends a signal and resolves with the exit code, or the signal's name when that ended it. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** Starts `wf serve` and resolves once it accepts requests. */
export async function startServe(
  root: string,
  options: {
    readonly args?: readonly string[];
    readonly wrap?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<ServeProcess> {
  const command = [...(options.wrap ?? []), process.execPath, WF];
  const args = [...command.slice(1), "serve", "--json", "--port", "0", "--dir", root, ...(options.args ?? [])];
  const child = spawn(command[0] ?? process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const url = await ready(child, () => stderr);
  return {
    url,
    pid: child.pid ?? 0,
    stderr: () => stderr,
    end: (signal) => end(child, signal),
    async [Symbol.asyncDispose]() {
      await end(child, "SIGKILL");
    },
  };
}

async function ready(child: ChildProcess, stderr: () => string): Promise<string> {
  if (child.stdout === null) throw new Error("no stdout");
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string; url?: string };
    if (event.event !== "ready" || event.url === undefined) continue;
    child.stdout.resume();
    return event.url;
  }
  throw new Error(`wf serve ended before it was ready: ${stderr()}`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, "exit");
  }
  return child.exitCode ?? child.signalCode ?? "unknown";
}
