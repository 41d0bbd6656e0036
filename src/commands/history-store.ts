import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Execution, ExecutionFilter, History } from "../engine/engine.ts";
import { openHistory } from "../engine/embedded/history.ts";
import { WfError } from "../errors.ts";
import { findRoot } from "./project.ts";
import { readServerState } from "./server-state.ts";

export interface HistoryPlace {
  readonly dir?: string;
  readonly store?: string;
}

/** Records as commands read them, beside a running server or without one. */
export interface OpenHistory extends History {
  close(): void;
}

/** @returns undefined when nothing has ever been recorded */
export async function openRecords(place: HistoryPlace): Promise<OpenHistory | undefined> {
  const root = findRoot(place.dir);
  const store =
    (place.store === undefined ? readServerState(root)?.store : undefined) ?? (await settledStore(root, place));
  return existsSync(join(store, "wf.db")) ? openHistory(store) : undefined;
}

async function settledStore(root: string, place: HistoryPlace): Promise<string> {
  const { storeDirectory } = await import("./store-directory.ts");
  return storeDirectory(root, place.store);
}

/** Walks all pages, `limit` items at most. */
export async function* eachExecution(
  history: History,
  filter: Omit<ExecutionFilter, "cursor" | "limit">,
  limit: number,
): AsyncGenerator<Execution> {
  let left = limit;
  let cursor: string | undefined;
  while (left > 0) {
    const page = await history.list({
      ...filter,
      limit: Math.min(left, 1000),
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield* page.items;
    left -= page.items.length;
    cursor = page.next;
    if (cursor === undefined) return;
  }
}

/** Clocks step back and ids are made a moment before the record: the window around a prefix's time is wider by this. */
const WINDOW_SLACK_MS = 60_000;

/**
 * Finds the one execution that a text names: a whole id, or the first characters of one.
 *
 * @throws {@link WfError} `USAGE` for what is no id or fits several, `EXECUTION_NOT_FOUND`
 */
export async function resolveId(history: History | undefined, text: string): Promise<string> {
  const id = text.toLowerCase();
  if (!/^[0-9a-f-]{8,36}$/.test(id)) {
    throw new WfError("USAGE", `"${text}" is no execution id.`, {
      hint: "Give the whole id, or at least its first 8 characters; `wf history` lists them.",
    });
  }
  if (id.length === 36) return id;
  const matches = history ? await findByPrefix(history, id) : [];
  const [match] = matches;
  if (match === undefined) throw new WfError("EXECUTION_NOT_FOUND", `No execution's id begins with ${id}.`);
  if (matches.length > 1) {
    throw new WfError(
      "USAGE",
      `Several executions' ids begin with ${id}: ${matches.slice(0, 3).join(", ")}${matches.length > 3 ? ", …" : ""}.`,
      {
        hint: "Give more characters.",
      },
    );
  }
  return match;
}

async function findByPrefix(history: History, prefix: string): Promise<string[]> {
  // The first 48 bits of an id are its time in milliseconds, so a prefix names a span of time.
  const digits = prefix.replaceAll("-", "").slice(0, 12);
  const from = Number.parseInt(digits.padEnd(12, "0"), 16);
  const to = Number.parseInt(digits.padEnd(12, "f"), 16);
  if (to > 8.64e15 - WINDOW_SLACK_MS) return [];
  const filter = {
    after: new Date(Math.max(0, from - WINDOW_SLACK_MS)).toISOString(),
    before: new Date(to + WINDOW_SLACK_MS).toISOString(),
  };
  const matches: string[] = [];
  for await (const execution of eachExecution(history, filter, Infinity)) {
    if (execution.id.startsWith(prefix) && matches.push(execution.id) > 3) break;
  }
  return matches;
}
