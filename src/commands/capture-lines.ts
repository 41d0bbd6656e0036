/** Captures as JSON lines, for pipes and CI. */
import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { nameProblem } from "../capture/test-data.ts";
import { listTestData } from "../capture/test-data-file.ts";
import { saveCapture } from "../capture/save-capture.ts";
import type { Capture } from "../engine/captures.ts";
import { recordValue } from "../engine/record.ts";
import { WfError } from "../errors.ts";
import type { Json } from "../json.ts";
import { decodeBody, decodersOf } from "../server/body-encoding.ts";
import type { Value } from "../value.ts";
import type { CaptureLink } from "./capture-link.ts";
import { note, print } from "./terminal.ts";

const EXIT_NOTHING_CAME = 3;
const EXIT_INTERRUPTED = 130;
/** Of a body whose content encoding is undone to show it. */
const MAX_DECODED_BYTES = 100_000_000;

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

  const show = async (capture: Capture): Promise<void> => {
    if (printed.has(capture.id) || (run.count !== undefined && printed.size >= run.count)) return;
    printed.add(capture.id);
    await printCapture(link, capture, run);
    if (printed.size === run.count) end(0);
  };
  const onCapture = (capture: Capture): void => {
    if (capture.answer !== null) work = work.then(() => show(capture)).catch(reject);
  };
  let wasReady = false;
  const onLink = (isUp: boolean): void => {
    if (!isUp) return note(`The server of ${server.url} is gone; waiting for it.\n`);
    if (wasReady) return note(`The server of ${server.url} is back.\n`);
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

async function printCapture(link: CaptureLink, capture: Capture, run: CaptureRun): Promise<void> {
  const bytes = await link.client.body(capture.id);
  const saved = run.save === undefined || bytes === undefined ? undefined : await save(link, capture, bytes, run);
  const line = {
    event: "capture",
    ...capture,
    ...(saved && { savedAs: saved.name, file: saved.file }),
    body: bytes === undefined ? null : await decoded(bytes, capture),
  };
  const { json } = recordValue(line as unknown as Value, (text) => link.secrets.scrub(text), Infinity);
  // A reader that is slower than the requests holds them up here, not in memory.
  if (!process.stdout.write(`${json}\n`) && !process.stdout.destroyed) await once(process.stdout, "drain");
}

async function save(
  { root, client, secrets }: CaptureLink,
  capture: Capture,
  bytes: Buffer,
  { save: base = "", redact }: CaptureRun,
): Promise<{ name: string; file: string }> {
  const taken = new Set(await listTestData(root, capture.workflowId));
  let name = base;
  for (let next = 2; taken.has(name); next++) name = `${base}-${next}`;
  const saved = await saveCapture(root, capture, bytes, name, secrets.used, { credentials: redact });
  await client.markSaved(capture.id, name);
  note(`Saved ${saved.file}\n`);
  if (saved.credentials.length > 0) {
    note(`It holds credentials of the sender (${saved.credentials.join(", ")}); --redact leaves them out.\n`);
  }
  return { name, file: saved.file };
}

type Decoded = { readonly json: Json } | { readonly text: string } | { readonly base64: string };

/** As a program can use it best, without its content encoding; `base64` is of the bytes as received. */
async function decoded(received: Buffer, { headers }: Capture): Promise<Decoded> {
  const header = (wanted: string): string =>
    headers.find(([name]) => name.toLowerCase() === wanted)?.[1].toLowerCase() ?? "";
  const base64 = (): Decoded => ({ base64: received.toString("base64") });
  let bytes: Buffer;
  try {
    bytes = await decodeBody(received, decodersOf(header("content-encoding")), MAX_DECODED_BYTES);
  } catch {
    return base64();
  }
  if (!isUtf8(bytes)) return base64();
  const text = bytes.toString("utf8");
  if (/^[^;]*[/+]json/.test(header("content-type"))) {
    try {
      return { json: JSON.parse(text) as Json };
    } catch {
      // As it came, then.
    }
  }
  return { text };
}
