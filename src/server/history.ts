/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers and sends what they throw to the error handler. */
/** The Task History API, and what the commands of this machine need beyond it. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Execution, ExecutionFilter, ExecutionWithSteps, Page } from "../engine/engine.ts";
import { newExecutionId } from "../engine/id.ts";
import { WfError } from "../errors.ts";
import type { Definition } from "../workflow/definition.ts";
import { PAGE_SIZE, parseHistoryQuery } from "./history-query.ts";
import type { HistoryQuery } from "./history-query.ts";
import { shapeAll, shapeDetails, shapeExecution, shapeStepData } from "./history-shapes.ts";
import { RequestInvalidError } from "./reply-error.ts";
import type { ServerContext } from "./server-context.ts";
import { admit } from "./trigger.ts";

interface OneExecution {
  readonly Params: { readonly id: string };
}
interface OneStep {
  readonly Params: { readonly id: string; readonly stepExecutionId: string };
}

/** Adds the routes below `/projects/{projectId}/task-history/workflow-executions`. */
export function addHistoryRoutes(app: FastifyInstance, context: ServerContext): void {
  const { engine } = context;

  app.get("/", async (request) => {
    const query = parseHistoryQuery(request.query as Record<string, unknown>);
    const page = query.empty ? { items: [] } : await readPage(context, query);
    const isWhole = page.next === undefined && query.offset === 0 && query.filter.cursor === undefined;
    return {
      workflowExecutions: page.items.map(shapeExecution),
      nextLink: page.next === undefined ? null : nextLink(request, page.next),
      // Counting a filtered history would read all of it; only a list that fits on one page is known to its end.
      ...(isWhole && { total: page.items.length }),
    };
  });

  app.get<OneExecution>("/:id", async (request) => {
    const execution = await find(context, request.params.id);
    return shapeDetails(execution, await engine.definition(execution.definitionHash));
  });

  app.get<OneExecution>("/:id/details", async (request) => shapeAll(await find(context, request.params.id)));

  app.get<OneStep>("/:id/step-executions/:stepExecutionId", async (request) => {
    const execution = await find(context, request.params.id);
    const data = shapeStepData(execution, request.params.stepExecutionId);
    if (data === undefined) {
      throw new WfError("EXECUTION_NOT_FOUND", "The execution has no such step execution.", {
        hint: "`stepExecutions` of the execution lists their ids.",
      });
    }
    return data;
  });

  app.post<OneExecution>("/:id/replay", async (request, reply) => {
    admit(context);
    const first = await find(context, request.params.id);
    const definition = await definitionFor(context, first, readChoice(request));
    const id = newExecutionId();
    await engine.start({ id, definition, input: first.input, replayOf: first.id });
    const execution = await engine.get(id);
    void reply.code(201);
    return {
      id,
      userId: first.userId,
      workflowId: definition.id,
      status: "EXECUTING",
      dateStarted: execution?.dateStarted ?? new Date().toISOString(),
    };
  });

  app.post<OneExecution>("/:id/cancel", async (request) => {
    const cancelled = await engine.cancel(request.params.id);
    // What had ended already keeps its state, and the answer shows it.
    const { id, status } = await find(context, request.params.id);
    return { id, status, cancelled };
  });
}

async function find({ engine }: ServerContext, id: string): Promise<ExecutionWithSteps> {
  const execution = await engine.get(id);
  if (execution === undefined) throw new WfError("EXECUTION_NOT_FOUND", "There is no execution with this id.");
  return execution;
}

async function readPage({ engine }: ServerContext, { filter, offset }: HistoryQuery): Promise<Page<Execution>> {
  let at: ExecutionFilter = filter;
  for (let left = offset; left > 0;) {
    const limit = Math.min(left, 1_000);
    const skipped = await engine.list({ ...at, limit });
    if (skipped.next === undefined) return { items: [] };
    left -= limit;
    at = { ...at, cursor: skipped.next };
  }
  return engine.list({ ...at, limit: PAGE_SIZE });
}

/** The same request, from the next entry on; executions that start meanwhile move nothing. */
function nextLink(request: FastifyRequest, cursor: string): string {
  const mark = request.url.indexOf("?");
  const query = new URLSearchParams(mark === -1 ? "" : request.url.slice(mark + 1));
  query.delete("offset");
  query.set("cursor", cursor);
  const path = mark === -1 ? request.url : request.url.slice(0, mark);
  return `http://${request.headers.host ?? ""}${path}?${query.toString()}`;
}

/** `same`: the version that the execution ran, as in the reference; `current`: the live one. */
function readChoice(request: FastifyRequest): "same" | "current" {
  const body = request.body as { definition?: unknown } | null | undefined;
  const choice = (request.query as { definition?: unknown }).definition ?? body?.definition ?? "same";
  if (choice === "same" || choice === "current") return choice;
  throw new RequestInvalidError([
    { in: "query", path: "definition", rule: "enum: [same, current]", message: "`definition` must be same or current" },
  ]);
}

async function definitionFor(
  { engine, definitions }: ServerContext,
  { workflowId, definitionHash }: ExecutionWithSteps,
  choice: "same" | "current",
): Promise<Definition> {
  const definition = choice === "same" ? await engine.definition(definitionHash) : definitions().get(workflowId);
  if (definition === undefined) {
    throw new WfError("WORKFLOW_NOT_FOUND", `The ${choice} definition of workflow \`${workflowId}\` is gone.`, {
      hint: choice === "same" ? "Replay with `definition=current`." : "Replay with `definition=same`.",
    });
  }
  return definition;
}
