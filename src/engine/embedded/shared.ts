/** Tables that several processes use at once, beside the engine that owns the store. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { storeError } from "./failure.ts";
import { lockFolder } from "./lock.ts";
import { isCurrent, openDatabase, openDatabaseBeside } from "./schema.ts";

/**
 * Opens a store's database beside its owner, if there is one.
 *
 * @param directory - The store's folder; made, with an empty store in it, when it is missing.
 * @throws {@link WfError} `STORE_VERSION`, `STORE_FAILED`; `STORE_LOCKED` while another process has a store that must
 * first be brought up to date
 */
export function openShared(directory: string): { readonly database: DatabaseSync; readonly file: string } {
  const file = join(directory, "wf.db");
  try {
    if (!existsSync(file) || !isCurrent(file)) makeCurrent(directory, file);
    return { database: openDatabaseBeside(file), file };
  } catch (error) {
    throw storeError(error, file);
  }
}

function makeCurrent(directory: string, file: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = lockFolder(directory);
  try {
    openDatabase(file).close();
  } finally {
    lock.release();
  }
}
