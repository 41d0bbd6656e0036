import { replaceFile } from "../capture/test-data-file.ts";
import { inferFrom, type Inference } from "../capture/infer-rules.ts";
import { findViolations } from "../capture/rules-drift.ts";
import { type RuleDifference, writeRules, type WrittenRules } from "../capture/write-rules.ts";
import { WfError } from "../errors.ts";
import { parseRules } from "../workflow/parse-rules.ts";
import type { RequestRules } from "../workflow/rule.ts";
import { readWorkflow } from "../workflow/parse.ts";
import { loadSettings } from "../workflow/settings.ts";
import { openCaptures } from "./capture-reader.ts";
import { readCount } from "./options.ts";
import { findRoot } from "./project.ts";
import { readSamples, type Sample, type SampleChoice, type Samples } from "./request-samples.ts";
import { showProblem } from "./show-problem.ts";
import { layOut, note, paint, print, printJson, safeLine } from "./terminal.ts";
import { showDiff } from "./text-diff.ts";
import { readWorkflowText, type WorkflowText } from "./workflow-file.ts";

export interface InferRulesOptions {
  readonly write?: boolean;
  readonly replace?: boolean;
  readonly from?: string;
  readonly name?: readonly string[];
  readonly capture?: readonly string[];
  readonly limit?: string;
  readonly levels?: string;
  readonly dir?: string;
  readonly store?: string;
  readonly json?: boolean;
}

const MAX_SHOWN_NAMES = 8;
const MAX_SHOWN_DIFFERENCES = 20;

/**
 * `wf rules infer`: prints the rules that requests show, and with `--write` adds them to the workflow's file.
 *
 * @returns The exit code.
 * @throws {@link WfError} `NO_SAMPLES`; `WORKFLOW_INVALID` where the file cannot take the rules, or would be wrong with
 * them: nothing is written then
 */
export async function inferWorkflowRules(workflowId: string, options: InferRulesOptions): Promise<number> {
  const root = findRoot(options.dir);
  const levels = options.levels === undefined ? 16 : readCount("--levels", options.levels, { min: 1, max: 16 });
  const choice = await readChoice(root, workflowId, options);
  const workflow = await readWorkflowText(root, workflowId);
  const samples = await collectSamples(root, choice, options.store);
  if (!options.json) showSkipped(samples);
  if (samples.used.length === 0) throw noSamples(workflowId);
  const requests = samples.used.map(({ request }) => request);
  const inference = inferFrom(requests, { levels });
  const broken = options.replace ? findViolations(requests, parseRules(workflow.file, workflow.text).rules) : [];
  const replace = new Set(broken.map(({ path }) => path));
  const written = writeRules(workflow.file, workflow.text, inference.rules, { replace });
  if (options.write && written.text !== workflow.text) {
    refuseNewProblems(workflowId, workflow, written.text);
    await replaceFile(workflow.path, written.text);
  }
  if (options.json) printJson(toJson(workflow, samples, inference, written, options.write === true));
  else if (options.write) showWritten(workflow, samples, written, options.replace === true);
  else showInference(workflow, samples, inference, written, options.replace === true);
  return 0;
}

export async function collectSamples(root: string, choice: SampleChoice, store: string | undefined): Promise<Samples> {
  const captures = choice.captures === null ? undefined : await openCaptures(root, store);
  try {
    return await readSamples(root, captures, choice);
  } finally {
    captures?.close();
  }
}

export function noSamples(workflowId: string): WfError {
  return new WfError("NO_SAMPLES", `Workflow ${workflowId} has no request to learn from.`);
}

async function readChoice(root: string, workflowId: string, options: InferRulesOptions): Promise<SampleChoice> {
  const { from = "both", name, capture } = options;
  if (!["captures", "testdata", "both"].includes(from)) {
    throw new WfError("USAGE", `--from is captures, testdata or both, not "${from}".`);
  }
  const isNamed = name !== undefined || capture !== undefined;
  if (isNamed && options.from !== undefined) {
    throw new WfError(
      "USAGE",
      "--from chooses all of a kind; --name and --capture name single ones. Use one or the other.",
    );
  }
  return {
    workflowId,
    names: isNamed ? (name ?? null) : from === "captures" ? null : undefined,
    captures: isNamed ? (capture ?? null) : from === "testdata" ? null : undefined,
    limit: options.limit === undefined ? 1_000 : readCount("--limit", options.limit, { min: 1, max: 100_000 }),
    refused: options.replace === true,
    maxBodyBytes: (await loadSettings(root)).settings.maxBodyBytes,
  };
}

/** A save that breaks a file would leave the last good version live, and the author puzzled. */
export function refuseNewProblems(workflowId: string, { file, text }: WorkflowText, after: string): void {
  const errors = (of: string) =>
    readWorkflow(workflowId, file, of).problems.filter(({ severity }) => severity === "error");
  const before = new Set(errors(text).map(({ message }) => message));
  const added = errors(after).filter(({ message }) => !before.has(message));
  if (added.length === 0) return;
  const shown = added.map((problem) => showProblem(problem, after, process.stderr).replaceAll(/^/gm, "  ")).join("\n");
  throw new WfError(
    "WORKFLOW_INVALID",
    `With these rules ${file} would have mistakes, so it stays as it was:\n${shown}`,
    {
      hint: "Mend the expressions, or put the rules in by hand.",
    },
  );
}

function showInference(
  workflow: WorkflowText,
  samples: Samples,
  inference: Inference,
  written: WrittenRules,
  replace: boolean,
): void {
  print(paint("dim", `# from ${nameSamples(samples.used)}\n`));
  print(inference.yaml === "" ? paint("dim", "# these requests show no rules\n") : inference.yaml);
  const count = written.added.length;
  if (count > 0)
    note(
      `${plural(count, "field")} without a rule in ${workflow.file}; --write adds ${count === 1 ? "it" : "them"}.\n`,
    );
  else if (inference.yaml !== "") note(`Every field has a rule in ${workflow.file}.\n`);
  showDifferences("with another rule in the file:", written.kept);
  showDifferences("whose rule in the file gives way with --write:", written.replaced);
  showBroken(samples, parseRules(workflow.file, written.text).rules, replace);
  showFewSamples(samples);
}

function showWritten(workflow: WorkflowText, samples: Samples, written: WrittenRules, replace: boolean): void {
  if (written.text === workflow.text) note(`${workflow.file} stays as it is: every field has a rule.\n`);
  else {
    print(showDiff(workflow.file, workflow.text, written.text));
    const counts = [
      ...(written.added.length > 0 ? [`${plural(written.added.length, "rule")} added`] : []),
      ...(written.replaced.length > 0 ? [`${plural(written.replaced.length, "rule")} replaced`] : []),
    ];
    note(
      `${paint("green", counts.join(", "), process.stderr)} in ${workflow.file}, from ${nameSamples(samples.used)}.\n`,
    );
  }
  showDifferences("kept as the file has it:", written.kept);
  showBroken(samples, parseRules(workflow.file, written.text).rules, replace);
  showFewSamples(samples);
}

/** The file's own rules may be narrower than the requests: whoever infers rules should hear of it now. */
function showBroken({ used }: Samples, rules: RequestRules, replace: boolean): void {
  const broken = findViolations(
    used.map(({ request }) => request),
    rules,
  );
  if (broken.length === 0) return;
  const title = replace
    ? "These requests still break rules of the file:"
    : "These requests break rules of the file, which --replace widens:";
  note(`${paint("yellow", title, process.stderr)}\n`);
  const rows = broken
    .slice(0, MAX_SHOWN_DIFFERENCES)
    .map(({ path, message, requests }) => [`  ${safeLine(path)}`, safeLine(message), `${requests} of ${used.length}`]);
  note(layOut(rows));
}

function showFewSamples({ used }: Samples): void {
  if (used.length === 1)
    note("From a single request every field looks required; a few more tell what may be absent.\n");
}

function showDifferences(title: string, differences: readonly RuleDifference[]): void {
  if (differences.length === 0) return;
  note(`${plural(differences.length, "field")} ${title}\n`);
  const rows = differences
    .slice(0, MAX_SHOWN_DIFFERENCES)
    .map(({ path, inFile, inferred }) => [`  ${safeLine(path)}`, short(inFile), `requests: ${short(inferred)}`]);
  note(layOut(rows));
  const more = differences.length - MAX_SHOWN_DIFFERENCES;
  if (more > 0) note(`  and ${more} more\n`);
}

function short(text: string): string {
  const line = safeLine(text);
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}

export function showSkipped({ skipped }: Samples): void {
  for (const { name, reason } of skipped.slice(0, MAX_SHOWN_NAMES))
    note(paint("dim", `${name} is left out: ${safeLine(reason)}\n`, process.stderr));
  const more = skipped.length - MAX_SHOWN_NAMES;
  if (more > 0) note(paint("dim", `and ${more} more are left out\n`, process.stderr));
}

/** `14 requests: real, order-2 (test data), 12 captures` */
function nameSamples(samples: readonly Sample[]): string {
  const names = samples.filter(({ from }) => from === "test data").map(({ name }) => name);
  const captures = samples.length - names.length;
  const more = names.length - MAX_SHOWN_NAMES;
  const shown = `${names.slice(0, MAX_SHOWN_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""} (test data)`;
  const parts = [...(names.length > 0 ? [shown] : []), ...(captures > 0 ? [plural(captures, "capture")] : [])];
  return `${plural(samples.length, "request")}: ${parts.join(", ")}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

function toJson(
  workflow: WorkflowText,
  samples: Samples,
  inference: Inference,
  written: WrittenRules,
  write: boolean,
): object {
  const { added, replaced, kept, text } = written;
  return {
    file: workflow.file,
    written: write && text !== workflow.text,
    samples: samples.used.map(({ from, name }) => ({ from, name })),
    skipped: samples.skipped,
    yaml: inference.yaml,
    added,
    replaced,
    kept,
  };
}
