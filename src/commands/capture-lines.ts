/** Captures as JSON lines, for pipes and CI. */
import { isUtf8 } from "node:buffer";
import { nameProblem } from "../capture/test-data.ts";
import { listTestData } from "../capture/test-data-file.ts";
import { saveCapture } from "../capture/save-capture.ts";
import type { Capture } from "../engine/captures.ts";
import { WfError } from "../errors.ts";
import { loadProject } from "../workflow/load.ts";
import type { CaptureLink } from "./capture-link.ts";
import { secretsUsed } from "./live-secrets.ts";
import { note, print } from "./terminal.ts";

const EXIT_NOTHING_CAME = 3;
const EXIT_INTERRUPTED = 130;

export interface CaptureRun {
  readonly count: number | undefined;
  readonly timeoutMs: number | undefined;
  /** Name of the test data to save as. */
  readonly save: string | undefined;
  readonly redact: boolean;
  /** Resolves when the user wants it to end. */
  readonly signal: Promise<unknown>;
}

/** Prints `ready` once nothing can be missed any more, then each capture once it is answered. @returns The exit code. */
export async function printCaptures(link: CaptureLink, run: CaptureRun): Promise<number> {
  const problem = run.save === undefined ? undefined : nameProblem(run.save);
  if (problem !== undefined) throw new WfError("USAGE", `--save: "${run.save}" ${problem}.`);
  const { client, workflowId, server } = link;
  const printed = new Set<string>();
  const { promise: ended, resolve: end, reject } = Promise.withResolvers<number>();
  let work: Promise<void> = Promise.resolve();
  let newest: string | undefined;

  const show = async (capture: Capture): Promise<void> => {
    if (printed.has(capture.id) || (run.count !== undefined && printed.size >= run.count)) return;
    printed.add(capture.id);
    newest = capture.id;
    await printCapture(link, capture, run);
    if (printed.size === run.count) end(0);
  };
  const onCapture = (capture: Capture): void => {
    if (capture.answer !== null) work = work.then(() => show(capture)).catch(reject);
  };
  let wasReady = false;
  const onLink = (isUp: boolean): void => {
    if (!isUp) return note(`The server of ${server.url} is gone; waiting for it.\n`);
    if (wasReady) {
      work = work.then(() => catchUp(link, newest, show)).catch(reject);
      return;
    }
    wasReady = true;
    print(`${JSON.stringify({ event: "ready", workflow: workflowId, url: server.url, testUrl: client.testUrl })}\n`);
    note(`Waiting for requests at ${client.testUrl}\n`);
  };
  const unsubscribe = client.subscribe(onCapture, onLink);
  const timer =
    run.timeoutMs === undefined
      ? undefined
      : setTimeout(() => end(isEnough(printed.size, run.count) ? 0 : EXIT_NOTHING_CAME), run.timeoutMs);
  void run.signal.then(() => end(EXIT_INTERRUPTED));
  try {
    const code = await ended;
    await work;
    if (code === EXIT_NOTHING_CAME) note(`${printed.size} of ${run.count ?? "any"} requests came in time.\n`);
    return code;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}

function isEnough(seen: number, wanted: number | undefined): boolean {
  return wanted === undefined ? seen > 0 : seen >= wanted;
}

/** What came while the server could not be heard. */
async function catchUp(
  { client }: CaptureLink,
  newest: string | undefined,
  show: (capture: Capture) => Promise<void>,
): Promise<void> {
  const missed: Capture[] = [];
  for (let cursor: string | undefined, more = newest !== undefined; more;) {
    const page = await client.list(cursor);
    for (const capture of page.items) {
      if (newest !== undefined && capture.id <= newest) more = false;
      else if (capture.answer !== null) missed.unshift(capture);
    }
    cursor = page.next;
    more &&= cursor !== undefined;
  }
  for (const capture of missed) await show(capture);
}

async function printCapture(link: CaptureLink, capture: Capture, run: CaptureRun): Promise<void> {
  const bytes = await link.client.body(capture.id);
  const saved = run.save === undefined || bytes === undefined ? undefined : await save(link, capture, bytes, run);
  const line = {
    event: "capture",
    ...capture,
    ...(saved && { savedAs: saved.name, file: saved.file }),
    body: bytes === undefined ? null : decoded(bytes, capture),
  };
  print(`${JSON.stringify(line)}\n`);
}

async function save(
  { root, client }: CaptureLink,
  capture: Capture,
  bytes: Buffer,
  { save: base = "", redact }: CaptureRun,
): Promise<{ name: string; file: string }> {
  const taken = new Set(await listTestData(root, capture.workflowId));
  let name = base;
  for (let next = 2; taken.has(name); next++) name = `${base}-${next}`;
  const secrets = secretsUsed(root, await loadProject(root));
  const saved = await saveCapture(root, capture, bytes, name, secrets, { credentials: redact });
  await client.markSaved(capture.id, name);
  note(`Saved ${saved.file}\n`);
  if (saved.credentials.length > 0) {
    note(`It holds credentials of the sender (${saved.credentials.join(", ")}); --redact leaves them out.\n`);
  }
  return { name, file: saved.file };
}

function decoded(bytes: Buffer, { headers }: Capture): { json: unknown } | { text: string } | { base64: string } {
  if (!isUtf8(bytes)) return { base64: bytes.toString("base64") };
  const text = bytes.toString("utf8");
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (/^[^;]*[/+]json/i.test(type)) {
    try {
      return { json: JSON.parse(text) as unknown };
    } catch {
      // As it came, then.
    }
  }
  return { text };
}
