/** `wf capture`: what reaches a workflow's test URL, in the test shelf or as JSON lines. */
import { listWorkflowIds } from "../workflow/load.ts";
import { printCaptures } from "./capture-lines.ts";
import { openCaptureLink } from "./capture-link.ts";
import { readCount, readDuration } from "./options.ts";
import { findRoot } from "./project.ts";
import { listenForSignals } from "./signals.ts";
import { requireWorkflow } from "./workflow-id.ts";

export interface CaptureOptions {
  readonly count?: string;
  readonly timeout?: string;
  readonly save?: string;
  readonly redact?: boolean;
  readonly port?: string;
  readonly dir?: string;
  readonly json?: boolean;
}

const EXIT_INTERRUPTED = 130;

/** @returns The exit code. */
export async function runCapture(workflowId: string, options: CaptureOptions): Promise<number> {
  const { count, timeout, save, redact, port } = options;
  const limits = {
    count: count === undefined ? undefined : readCount("--count", count, { min: 1, max: 1_000_000 }),
    timeoutMs: timeout === undefined ? undefined : readDuration("--timeout", timeout),
  };
  const root = findRoot(options.dir);
  requireWorkflow(workflowId, await listWorkflowIds(root));
  const signal = listenForSignals();
  const link = await openCaptureLink(root, workflowId, {
    json: options.json,
    port: port === undefined ? undefined : readCount("--port", port, { min: 0, max: 65_535 }),
  });
  try {
    if (hasTerminal() && options.json !== true && count === undefined && timeout === undefined && save === undefined) {
      // Ink loads only here.
      const { showShelf } = await import("./capture-shelf.ts");
      return (await showShelf(link, signal)) ? 0 : EXIT_INTERRUPTED;
    }
    return await printCaptures(link, { ...limits, save, redact: redact ?? false, signal });
  } finally {
    await link.close();
  }
}

/** The shelf takes keys and draws; what only counts or saves is for scripts, on a terminal too. */
function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY && process.env["TERM"] !== "dumb";
}
