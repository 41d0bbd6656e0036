/** `.wf/server.json`: how commands find the server that runs on this project. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WfError } from "../errors.ts";

export interface ServerState {
  readonly pid: number;
  /** For example `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Opens the server's task history to commands of the user who started it. */
  readonly token: string;
  readonly project: string;
  /** The folder with the server's records. */
  readonly store: string;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
}

/** @returns undefined when no server runs on the project, a stale file included */
export function readServerState(root: string): ServerState | undefined {
  const state = readState(stateFile(root));
  return state !== undefined && isAlive(state.pid) ? state : undefined;
}

/** @throws {@link WfError} `SERVER_UNREACHABLE` */
export function requireServerState(root: string): ServerState {
  const state = readServerState(root);
  if (state === undefined) {
    throw new WfError("SERVER_UNREACHABLE", `No server runs for the project in ${root}.`);
  }
  return state;
}

/** Readable by its owner alone, because the token is in it. */
export function writeServerState(root: string, state: ServerState): void {
  const file = stateFile(root);
  mkdirSync(join(root, ".wf"), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

/** Leaves the file of a server that has started since. */
export function removeServerState(root: string, state: ServerState): void {
  const file = stateFile(root);
  if (readState(file)?.token === state.token) rmSync(file, { force: true });
}

function stateFile(root: string): string {
  return join(root, ".wf", "server.json");
}

function readState(file: string): ServerState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
  const state = value as Partial<Record<keyof ServerState, unknown>> | null;
  const whole =
    typeof state === "object" &&
    state !== null &&
    Number.isSafeInteger(state.pid) &&
    (state.pid as number) > 0 &&
    typeof state.url === "string" &&
    URL.canParse(state.url) &&
    typeof state.token === "string" &&
    typeof state.project === "string" &&
    typeof state.store === "string";
  return whole ? (state as ServerState) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
