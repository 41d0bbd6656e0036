/** What SQLite's errors mean to the engine. No I/O. */
import { WfError } from "../../errors.ts";

/** `busy` and `full` pass; `failed` is the disk or the file; `refused` is one statement's own fault. */
export type FailureKind = "busy" | "full" | "failed" | "refused" | "exists";

const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const PROTOCOL = 15;
const NOTADB = 26;
const CONSTRAINT_UNIQUE = 2067;

const WHOLE_STORE: ReadonlySet<number> = new Set([NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOTADB]);

export function failureKind(error: unknown): FailureKind {
  const extended = errorNumber(error);
  if (extended === undefined) return "refused";
  if (extended === CONSTRAINT_UNIQUE) return "exists";
  const primary = extended & 0xff;
  if (primary === BUSY || primary === LOCKED) return "busy";
  if (primary === FULL) return "full";
  return WHOLE_STORE.has(primary) ? "failed" : "refused";
}

/** The error that callers see: what went wrong with which file, and how to mend it. */
export function storeError(error: unknown, file: string): WfError {
  if (error instanceof WfError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  switch (failureKind(error)) {
    case "busy":
      return new WfError("STORE_BUSY", `${file} is held by another program.`, { cause: error });
    case "full":
      return new WfError("STORE_FULL", `There is no room left to write ${file}.`, { cause: error });
    default:
      return new WfError("STORE_FAILED", `${file} could not be read or written: ${detail}.`, {
        cause: error,
        ...(isDamaged(error)
          ? { hint: "The file is damaged or no database; restore it from a backup, or move it away to begin anew." }
          : {}),
      });
  }
}

/** What callers get who come too late. */
export function closedError(): WfError {
  return new WfError("DRAINING", "The engine is closed.");
}

function isDamaged(error: unknown): boolean {
  const primary = (errorNumber(error) ?? 0) & 0xff;
  return primary === NOTADB || primary === CORRUPT;
}

function errorNumber(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === "number" ? errcode : undefined;
}
