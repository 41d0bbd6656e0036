import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
/** Each command strips and compiles the same sources; kept, it takes a third of the time. */
const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/wf-tests", import.meta.url));
const ENVIRONMENT = { ...process.env, NO_COLOR: "1", NODE_COMPILE_CACHE: COMPILED };

export interface CliResult {
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line from source, without a terminal. */
export async function wf(
  args: readonly string[],
  options: { readonly cwd?: string; readonly stdin?: string | Uint8Array; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd,
    env: { ...ENVIRONMENT, ...options.env },
    stdio: "pipe",
  });
  // The command may end without reading what it is given.
  child.stdin.on("error", () => undefined).end(options.stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { exit: child.exitCode ?? child.signalCode ?? "unknown", stdout, stderr };
}

interface ServeEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A running `wf serve --json` on a free port. */
export interface RunningServe extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  stderr(): string;
  /** Resolves with the first event, seen already or still to come, that fits. */
  event(fits: (event: ServeEvent) => boolean): Promise<ServeEvent>;
  /** Resolves with the exit code, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

export async function serve(root: string, args: readonly string[] = []): Promise<RunningServe> {
  const child = spawn(process.execPath, [CLI, "serve", "--json", "--port", "0", "--dir", root, ...args], {
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const events: ServeEvent[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  createInterface({ input: child.stdout }).on("line", (line) => {
    events.push(JSON.parse(line) as ServeEvent);
    arrivals.emit("event");
  });
  const event = async (fits: (event: ServeEvent) => boolean): Promise<ServeEvent> => {
    for (;;) {
      const found = events.find(fits);
      if (found) return found;
      if (child.exitCode !== null) throw new Error(`wf serve ended with ${child.exitCode}: ${stderr}`);
      await Promise.race([once(arrivals, "event"), once(child, "exit")]);
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<number | string> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, "exit");
    }
    return child.exitCode ?? child.signalCode ?? "unknown";
  };
  const ready = await event(({ event: name }) => name === "ready");
  return {
    url: String(ready["url"]),
    child,
    stderr: () => stderr,
    event,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}
