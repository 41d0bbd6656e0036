/** One owner for a folder: a lock that the operating system takes back when the process ends, however it ends. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WfError } from "../../errors.ts";
import { failureKind, storeError } from "./failure.ts";

/** Held until {@link FolderLock.release}, or until the process ends. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process.
 *
 * @remarks A transaction left open on an SQLite file of its own: SQLite locks files on every system that it runs on.
 * @throws {@link WfError} `STORE_LOCKED` with the owner's process id
 */
export function lockFolder(directory: string): FolderLock {
  const file = join(directory, "lock.db");
  const ownerFile = join(directory, "owner");
  let database: DatabaseSync | undefined;
  try {
    // Only where it is missing: closing another descriptor of a locked file would give up this process's own lock.
    makeFile(file);
    database = new DatabaseSync(file);
    database.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (failureKind(error) !== "busy") throw storeError(error, file);
    const owner = readOwner(ownerFile);
    throw new WfError(
      "STORE_LOCKED",
      `${directory} is in use by another process${owner === undefined ? "" : ` (pid ${owner})`}.`,
      { cause: error },
    );
  }
  const held = database;
  writeFileSync(ownerFile, `${process.pid}\n`, { mode: 0o600 });
  return {
    release(): void {
      rmSync(ownerFile, { force: true });
      held.close();
    },
  };
}

function makeFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readOwner(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
