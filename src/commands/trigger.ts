import type { ExecutionWithSteps } from "../engine/engine.ts";
import { WfError } from "../errors.ts";
import { formatDuration } from "../duration.ts";
import { renderExecution } from "./execution-tree.ts";
import { readCount, readDuration, readUrl } from "./options.ts";
import { findRoot } from "./project.ts";
import { send, type Received } from "./send.ts";
import { readServerState, requireServerState, type ServerState } from "./server-state.ts";
import { fetchDetails } from "./task-history.ts";
import { note, paint, print, printJson, safeLine, safeText, terminalWidth } from "./terminal.ts";
import { buildRequest, type TriggerRequest, type TriggerRequestOptions } from "./trigger-request.ts";
import { untilEnded } from "./watch-execution.ts";

export interface TriggerOptions extends TriggerRequestOptions {
  readonly url?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly json?: boolean;
  readonly repeat?: string;
  readonly concurrency?: string;
}

/** Longer than any server makes a caller wait by default (55 s). */
const ANSWER_TIMEOUT_MS = 120_000;

/** `wf trigger`: sends one request, or many, to a workflow. @returns The exit code. */
export async function runTrigger(workflow: string, options: TriggerOptions): Promise<number> {
  const repeat =
    options.repeat === undefined ? undefined : readCount("--repeat", options.repeat, { min: 1, max: 10_000_000 });
  const concurrency = readCount("--concurrency", options.concurrency ?? "10", { min: 1, max: 1000 });
  if (options.concurrency !== undefined && repeat === undefined) {
    throw new WfError(
      "USAGE",
      "--concurrency says how many requests of --repeat are open at once; --repeat is missing.",
    );
  }
  if (repeat !== undefined && options.wait) throw new WfError("USAGE", "--wait and --repeat do not go together.");
  const timeoutMs = options.timeout === undefined ? undefined : readDuration("--timeout", options.timeout);
  const { base, server } = findServer(options);
  if (options.wait && server === undefined) {
    throw new WfError(
      "USAGE",
      "--wait reads the task history of the project's own server, which --url does not name.",
      {
        hint: "Leave --url away, or run the command in the project whose server that is.",
      },
    );
  }
  const request = await buildRequest(base, workflow, options);
  if (repeat !== undefined) {
    const { repeatRequest } = await import("./trigger-repeat.ts");
    return repeatRequest(request, {
      repeat,
      concurrency,
      timeoutMs: timeoutMs ?? ANSWER_TIMEOUT_MS,
      json: options.json ?? false,
    });
  }
  const answer = await send({ ...request, timeoutMs: timeoutMs ?? ANSWER_TIMEOUT_MS });
  const executionId = findExecutionId(answer);
  if (!options.json) showAnswer(request, answer, executionId);
  const accepted = answer.status >= 200 && answer.status < 300;
  let end: ExecutionWithSteps | undefined;
  // 542: the workflow goes on without its caller, so its end can be waited for like that of a 202.
  if (
    options.wait &&
    server &&
    executionId !== undefined &&
    (accepted || answer.status === 542 || answer.status >= 500)
  ) {
    end = await waitForEnd(server, executionId, timeoutMs);
  }
  if (options.json) printJson(describe(answer, executionId, end));
  else if (end) note(`\n${renderExecution(end, { width: terminalWidth(), full: false })}`);
  if (end) return end.status === "SUCCEEDED" ? 0 : 1;
  return accepted ? 0 : 1;
}

function findServer(options: TriggerOptions): { base: URL; server: ServerState | undefined } {
  if (options.url === undefined) {
    const server = requireServerState(findRoot(options.dir));
    return { base: new URL(server.url), server };
  }
  const base = readUrl("--url", options.url);
  const server = readServerStateIfProject(options.dir);
  return { base, server: server && new URL(server.url).origin === base.origin ? server : undefined };
}

function readServerStateIfProject(dir: string | undefined): ServerState | undefined {
  try {
    return readServerState(findRoot(dir));
  } catch {
    // --url works outside of any project.
    return undefined;
  }
}

async function waitForEnd(server: ServerState, id: string, timeoutMs: number | undefined): Promise<ExecutionWithSteps> {
  const goesOn = (): void => note(`\nThe execution goes on; \`wf history show ${id} --follow\` waits for it.\n`);
  process.prependOnceListener("SIGINT", goesOn);
  const end = await untilEnded(() => fetchDetails(server, id), { timeoutMs });
  process.off("SIGINT", goesOn);
  if (end) return end;
  throw new WfError("SERVER_UNREACHABLE", `Execution ${id} did not end within ${formatDuration(timeoutMs ?? 0)}.`, {
    hint: `It goes on; \`wf history show ${id} --follow\` waits for it.`,
  });
}

function findExecutionId(answer: Received): string | undefined {
  const location = /\/workflow-executions\/([\w-]{1,64})$/.exec(String(answer.headers["location"] ?? ""))?.[1];
  const named = answer.headers["x-execution-id"];
  const body = parseJson(answer);
  const inBody = (body as { executionId?: unknown } | null | undefined)?.executionId;
  // A workflow's own answer may hold any "executionId"; only wf's own answers are believed.
  const own = [202, 500, 542].includes(answer.status) && typeof inBody === "string" ? inBody : undefined;
  return (typeof named === "string" ? named : undefined) ?? location ?? own;
}

function showAnswer(request: TriggerRequest, answer: Received, executionId: string | undefined): void {
  const good = answer.status >= 200 && answer.status < 300;
  const line = `HTTP ${answer.status} ${safeLine(answer.statusText)}`.trimEnd();
  const took = formatDuration(answer.durationMs);
  note(`${paint(good ? "green" : "red", line, process.stderr)} ${paint("dim", `in ${took}`, process.stderr)}\n`);
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
    const name = paint("dim", `${safeLine(answer.rawHeaders[at] ?? "")}:`, process.stderr);
    note(`${name} ${safeLine(answer.rawHeaders[at + 1] ?? "")}\n`);
  }
  note("\n");
  showBody(request, answer);
  if (executionId !== undefined) note(`\nexecution ${paint("bold", safeLine(executionId), process.stderr)}\n`);
}

function showBody(request: TriggerRequest, answer: Received): void {
  if (answer.body.byteLength === 0 || request.method === "HEAD") return;
  if (!process.stdout.isTTY) {
    process.stdout.write(answer.body);
    return;
  }
  const json = parseJson(answer);
  if (json !== undefined) print(`${safeText(JSON.stringify(json, null, 2))}\n`);
  else if (isText(answer)) print(`${safeText(answer.body.toString("utf8"))}\n`);
  else note(`(${answer.body.byteLength} bytes of ${contentType(answer)}; redirect stdout to keep them)\n`);
}

function describe(
  answer: Received,
  executionId: string | undefined,
  execution: ExecutionWithSteps | undefined,
): { readonly [key: string]: unknown } {
  const json = parseJson(answer);
  const text = isText(answer);
  return {
    status: answer.status,
    headers: answer.headers,
    body: json ?? (text ? answer.body.toString("utf8") : answer.body.toString("base64")),
    ...(json === undefined && !text ? { bodyEncoding: "base64" } : {}),
    executionId: executionId ?? null,
    durationMs: Math.round(answer.durationMs * 1000) / 1000,
    ...(execution ? { execution } : {}),
  };
}

function contentType(answer: Received): string {
  return safeLine(String(answer.headers["content-type"] ?? "unknown type"));
}

function isText(answer: Received): boolean {
  return answer.body.byteLength === 0 || /^text\/|[/+](?:json|xml|yaml)\b|urlencoded/i.test(contentType(answer));
}

function parseJson(answer: Received): unknown {
  if (!/[/+]json\b/i.test(String(answer.headers["content-type"] ?? ""))) return undefined;
  try {
    return JSON.parse(answer.body.toString("utf8"));
  } catch {
    return undefined;
  }
}
