/** The tables of `.wf/wf.db`, and how older files become current ones. */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { WfError } from "../../errors.ts";
import type { ExecutionStatus, StepExecution } from "../engine.ts";
import { storeError } from "./failure.ts";

/** Marks the file as ours ("wf" and a 1), so that another program's database is never taken for one. */
export const APPLICATION_ID = 0x77_66_00_01;

/**
 * An execution's steps and marks have keys `seq * STEPS_PER_EXECUTION + n`: one range of one table, no index beside it.
 * Keys stay exact in a double up to 2^31 executions.
 */
export const STEPS_PER_EXECUTION: number = 2 ** 22;

export const STATUSES: readonly ExecutionStatus[] = ["EXECUTING", "DELAYED", "SUCCEEDED", "FAILED", "CANCELLED"];
/** Positions in {@link STATUSES}: what the column `status` holds. */
export const STATUS: Readonly<Record<ExecutionStatus, number>> = {
  EXECUTING: 0,
  DELAYED: 1,
  SUCCEEDED: 2,
  FAILED: 3,
  CANCELLED: 4,
};
export const STEP_STATUSES: readonly StepExecution["status"][] = ["SUCCEEDED", "FAILED", "SKIPPED"];
export const STEP_STATUS: { readonly succeeded: 0; readonly failed: 1; readonly skipped: 2 } = {
  succeeded: 0,
  failed: 1,
  skipped: 2,
};
/** What a row of `marks` holds. */
export const MARK: { readonly now: 0; readonly delay: 1 } = { now: 0, delay: 1 };

/** Entry n leads from version n to n + 1; entries are never edited once released. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE definitions (
    key INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, source TEXT NOT NULL, used INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE executions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, definition INTEGER NOT NULL,
    user_id TEXT, status INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER, wake INTEGER,
    tasks INTEGER NOT NULL, error TEXT, error_files TEXT, replay_of TEXT, parent TEXT
  ) STRICT;
  CREATE INDEX executions_started ON executions (started);
  CREATE INDEX executions_workflow ON executions (workflow, started);
  CREATE INDEX executions_workflow_status ON executions (workflow, status, started);
  CREATE INDEX executions_status ON executions (status, started);
  CREATE INDEX executions_user ON executions (user_id, started) WHERE user_id IS NOT NULL;
  CREATE INDEX executions_wake ON executions (wake) WHERE wake IS NOT NULL;
  CREATE TABLE inputs (
    seq INTEGER PRIMARY KEY, json TEXT NOT NULL, files TEXT
  ) STRICT;
  CREATE TABLE replies (
    seq INTEGER PRIMARY KEY, path TEXT NOT NULL, json TEXT NOT NULL, files TEXT
  ) STRICT;
  CREATE TABLE steps (
    key INTEGER PRIMARY KEY, path TEXT NOT NULL, attempt INTEGER NOT NULL, step_id TEXT NOT NULL, kind TEXT NOT NULL,
    name TEXT, status INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
    retryable INTEGER NOT NULL, retry_after INTEGER,
    input TEXT, input_files TEXT, output TEXT, output_files TEXT, logs TEXT
  ) STRICT;
  CREATE TABLE marks (
    key INTEGER PRIMARY KEY, kind INTEGER NOT NULL, path TEXT NOT NULL, at INTEGER NOT NULL,
    started INTEGER NOT NULL, step_id TEXT, name TEXT
  ) STRICT;
  CREATE TABLE idempotency (
    workflow TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, started INTEGER NOT NULL,
    PRIMARY KEY (workflow, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_started ON idempotency (started);
  CREATE TABLE file_uses (
    seq INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (seq, hash)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX file_uses_hash ON file_uses (hash);
  `,
  `
  CREATE TABLE api_keys (
    hash BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, hint TEXT NOT NULL, scopes TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
  // Lists without a status are put together from one range a status: two indexes less for each start to write.
  `
  DROP INDEX executions_started;
  DROP INDEX executions_workflow;
  `,
  `
  CREATE TABLE captures (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, received INTEGER NOT NULL,
    method TEXT NOT NULL, url TEXT NOT NULL, headers TEXT NOT NULL, size INTEGER NOT NULL, hash TEXT NOT NULL,
    verdict TEXT, answer TEXT, signature TEXT, execution TEXT, saved TEXT, replay_of TEXT
  ) STRICT;
  CREATE INDEX captures_workflow ON captures (workflow, seq);
  CREATE TABLE capture_bodies (
    seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE versions (
    hash TEXT PRIMARY KEY, workflow TEXT NOT NULL, source TEXT NOT NULL
  ) STRICT;
  CREATE TABLE deployments (
    id INTEGER PRIMARY KEY, created INTEGER NOT NULL, by TEXT NOT NULL
  ) STRICT;
  CREATE TABLE deployment_versions (
    deployment INTEGER NOT NULL, workflow TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (deployment, workflow)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE live_deployment (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), deployment INTEGER NOT NULL, since INTEGER NOT NULL,
    by TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE users (
    id TEXT PRIMARY KEY, meta TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE users_disabled (
    user_id TEXT NOT NULL, workflow TEXT NOT NULL, PRIMARY KEY (user_id, workflow)
  ) STRICT, WITHOUT ROWID;
  `,
];

/**
 * Opens the database for its owner, and makes it current.
 *
 * @throws {@link WfError} `STORE_VERSION` for a file of a newer wf, `STORE_FAILED` for what is no database of wf; both
 * leave the file as it is
 */
export function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // Made before SQLite does, so that its side files inherit the mode.
    closeSync(openSync(file, "a", 0o600));
    database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
    // Short, because it blocks the whole process; the group commit waits longer, without blocking.
    database.exec("PRAGMA busy_timeout = 20");
    const version = checkVersion(database, file);
    // The group commit syncs the log itself, without blocking the process, and makes checkpoints when all is synced.
    // Of new files only: half the pages for each commit to write, and fewer bytes left over beside inputs of a kilobyte.
    database.exec("PRAGMA page_size = 8192");
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
    database.exec("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; PRAGMA trusted_schema = OFF");
    migrate(database, version);
    // What a process left that had not synced it is made durable before anything is done on the strength of it.
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return database;
  } catch (error) {
    database?.close();
    throw storeError(error, file);
  }
}

/**
 * Opens the database to read beside its owner.
 *
 * @throws {@link WfError} as {@link openDatabase} does; also `STORE_VERSION` for an older file, which only the owner mends
 */
export function openDatabaseToRead(file: string): DatabaseSync {
  return openBeside(file, true);
}

/** As {@link openDatabaseToRead}, to write a few rows that the owner does not keep in its memory. */
export function openDatabaseBeside(file: string): DatabaseSync {
  return openBeside(file, false);
}

/** False for a file that its owner has yet to bring up to date. */
export function isCurrent(file: string): boolean {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    database.exec("PRAGMA busy_timeout = 2000");
    return checkVersion(database, file) === MIGRATIONS.length;
  } finally {
    database.close();
  }
}

function openBeside(file: string, readOnly: boolean): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly });
    database.exec("PRAGMA busy_timeout = 2000; PRAGMA trusted_schema = OFF");
    // Checkpoints are its owner's; what is written here is synced before the command says so.
    database.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    const version = checkVersion(database, file);
    if (version > 0 && version < MIGRATIONS.length) {
      throw new WfError("STORE_VERSION", `${file} was written by an older wf.`, {
        hint: "Start `wf serve` once; it brings the file up to date.",
      });
    }
    return database;
  } catch (error) {
    database?.close();
    throw storeError(error, file);
  }
}

/** False for a file that its owner has only just made. */
export function hasTables(database: DatabaseSync): boolean {
  return readPragma(database, "user_version") > 0;
}

function checkVersion(database: DatabaseSync, file: string): number {
  const version = readPragma(database, "user_version");
  const application = readPragma(database, "application_id");
  const objects = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number };
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0 || objects.n > 0)) {
    throw new WfError("STORE_FAILED", `${file} is another program's database.`, {
      hint: "Move it away, or give wf another folder with --dir.",
    });
  }
  if (version > MIGRATIONS.length) {
    throw new WfError(
      "STORE_VERSION",
      `${file} has version ${version}; this wf knows versions up to ${MIGRATIONS.length}.`,
    );
  }
  return version;
}

function migrate(database: DatabaseSync, from: number): void {
  for (let version = from; version < MIGRATIONS.length; version++) {
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(MIGRATIONS[version] as string);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

function readPragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  return (database.prepare(`PRAGMA ${name}`).get() as { [name: string]: number })[name] as number;
}
