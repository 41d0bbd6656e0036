import { type Drift, type DriftKind, findDrift } from "../capture/rules-drift.ts";
import { WfError } from "../errors.ts";
import { parseRules } from "../workflow/parse-rules.ts";
import { loadSettings } from "../workflow/settings.ts";
import { readCount, readTime } from "./options.ts";
import { findRoot } from "./project.ts";
import type { SampleChoice } from "./request-samples.ts";
import { collectSamples, showSkipped } from "./rules-infer.ts";
import { layOut, note, paint, print, printJson, safeLine } from "./terminal.ts";
import { readWorkflowText } from "./workflow-file.ts";

export interface DiffOptions {
  readonly failOnDrift?: boolean;
  readonly after?: string;
  readonly limit?: string;
  readonly dir?: string;
  readonly store?: string;
  readonly json?: boolean;
}

const MARKS: { readonly [kind in DriftKind]: string } = { added: "+", missing: "-", type: "~", value: "~", rule: "~" };

/**
 * `wf rules diff`: prints where captures differ from the rules of the file and from the saved test data.
 *
 * @returns The exit code: 1 when something differs and `--fail-on-drift` is given.
 * @throws {@link WfError} `NO_SAMPLES` without a capture to compare
 */
export async function diffWorkflowRules(workflowId: string, options: DiffOptions): Promise<number> {
  const root = findRoot(options.dir);
  const after = options.after === undefined ? undefined : readTime("--after", options.after);
  const limit = options.limit === undefined ? 100 : readCount("--limit", options.limit, { min: 1, max: 100_000 });
  const { file, text } = await readWorkflowText(root, workflowId);
  const { rules, problems } = parseRules(file, text);
  const problem = problems.find(({ severity }) => severity === "error");
  if (problem) {
    const at = { file, line: problem.place.line, column: problem.place.column };
    throw new WfError("WORKFLOW_INVALID", `The rules of ${file} cannot be read: ${problem.message}.`, { at });
  }
  const { maxBodyBytes } = (await loadSettings(root)).settings;
  const choice: Omit<SampleChoice, "names" | "captures"> = { workflowId, after, limit, refused: true, maxBodyBytes };
  const fresh = await collectSamples(root, { ...choice, names: null, captures: undefined }, options.store);
  const saved = await collectSamples(root, { ...choice, names: undefined, captures: null }, options.store);
  if (!options.json) showSkipped(fresh);
  if (fresh.used.length === 0) throw noCaptures(workflowId, after !== undefined);
  const requests = fresh.used.map(({ request }) => request);
  const drift = findDrift(
    requests,
    rules,
    saved.used.map(({ request }) => request),
  );
  if (options.json) for (const one of drift) printJson(one);
  else show(drift, requests.length, saved.used.length);
  return options.failOnDrift && drift.length > 0 ? 1 : 0;
}

function noCaptures(workflowId: string, isLimited: boolean): WfError {
  const hint = isLimited ? { hint: "Look further back with --after." } : {};
  return new WfError(
    "NO_SAMPLES",
    `Workflow ${workflowId} has no ${isLimited ? "such " : ""}capture to compare.`,
    hint,
  );
}

function show(drift: readonly Drift[], requests: number, saved: number): void {
  const rows = drift.map(({ kind, path, against, message, requests: count }) => [
    MARKS[kind],
    safeLine(path),
    safeLine(message),
    `${against}${count === undefined ? "" : `, ${count} of ${requests} captures`}`,
  ]);
  const colours = { "+": "green", "-": "red", "~": "yellow" } as const;
  print(
    layOut(rows, (cell, column, row) => {
      if (column === 3) return paint("dim", cell);
      return column < 2 ? paint(colours[(rows[row]?.[0] ?? "~") as keyof typeof colours], cell) : cell;
    }),
  );
  const compared = `${requests} ${requests === 1 ? "capture" : "captures"} with the rules and ${saved} saved ${saved === 1 ? "request" : "requests"}`;
  note(
    drift.length === 0
      ? `No drift: compared ${compared}.\n`
      : `${drift.length} ${drift.length === 1 ? "difference" : "differences"}: compared ${compared}.\n`,
  );
}
