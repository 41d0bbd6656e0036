import { WfError } from "../errors.ts";
import { note, paint, safeLine, safeText } from "./terminal.ts";

/**
 * Tells the user why a command ended, on stderr.
 *
 * @param json - As one line of JSON, for programs.
 * @returns The exit code.
 */
export function reportFailure(error: unknown, json: boolean): number {
  const failure = error instanceof WfError ? error : unexpected(error);
  if (json) {
    const { code, message, hint, at } = failure;
    note(`${JSON.stringify({ error: { code, message, hint, ...(at === undefined ? {} : { at }) } })}\n`);
  } else {
    note(`${paint("red", "error:", process.stderr)} ${safeText(failure.message)}\n`);
    if (failure.at) note(`  at ${safeLine(failure.at.file)}:${failure.at.line}:${failure.at.column}\n`);
    note(`${paint("cyan", "hint:", process.stderr)} ${safeText(failure.hint)}\n`);
  }
  return failure.exit;
}

function unexpected(error: unknown): WfError {
  const system = error as NodeJS.ErrnoException;
  // The system's own words say what happened ("EACCES: permission denied, open 'wf.yaml'"); a stack would say less.
  if (error instanceof Error && typeof system.code === "string" && typeof system.syscall === "string") {
    return new WfError("INTERNAL", system.message, { hint: "Check the path and its permissions.", cause: error });
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new WfError("INTERNAL", process.env["WF_DEBUG"] ? stack : `Internal error: ${stack.split("\n", 1)[0]}`, {
    hint: "This is a defect in wf. Set WF_DEBUG=1 to see where it happened.",
    cause: error,
  });
}
