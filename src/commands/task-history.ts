/** The running server's Task History API, as commands of the same user call it. */
import type { ExecutionWithSteps } from "../engine/engine.ts";
import { ERRORS, WfError, type ErrorCode } from "../errors.ts";
import { send } from "./send.ts";
import type { ServerState } from "./server-state.ts";

/** @throws {@link WfError} `EXECUTION_NOT_FOUND`, `SERVER_UNREACHABLE` */
export async function fetchDetails(server: ServerState, id: string): Promise<ExecutionWithSteps> {
  return (await call(server, "GET", `${id}/details`)) as ExecutionWithSteps;
}

/** @returns The API's answer: what became of the execution */
export async function requestCancel(server: ServerState, id: string): Promise<unknown> {
  return call(server, "POST", `${id}/cancel`);
}

/** @returns The new execution */
export async function requestReplay(
  server: ServerState,
  id: string,
  definition: "same" | "current",
): Promise<{ readonly id: string; readonly workflowId: string; readonly status: string }> {
  return (await call(server, "POST", `${id}/replay?definition=${definition}`)) as {
    id: string;
    workflowId: string;
    status: string;
  };
}

async function call(server: ServerState, method: string, path: string): Promise<unknown> {
  const base = `/projects/${encodeURIComponent(server.project)}/task-history/workflow-executions/`;
  const answer = await send({
    method,
    url: new URL(base + path, server.url),
    headers: [
      ["authorization", `Bearer ${server.token}`],
      ["accept", "application/json"],
    ],
    timeoutMs: 30_000,
  });
  const body = parseAnswer(answer.body);
  if (answer.status >= 200 && answer.status < 300) return body;
  const { code, message, hint } = (body ?? {}) as { code?: unknown; message?: unknown; hint?: unknown };
  const known = typeof code === "string" && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "INTERNAL";
  throw new WfError(
    known,
    typeof message === "string" ? message : `The server answered ${answer.status} ${answer.statusText}.`,
    typeof hint === "string" ? { hint } : {},
  );
}

function parseAnswer(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
