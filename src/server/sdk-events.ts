/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers and sends what they throw to the error handler. */
/** Events: one request of a user that starts every workflow of its name. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { TriggerInput } from "../engine/engine.ts";
import { newExecutionId } from "../engine/id.ts";
import type { UserStore } from "../engine/users.ts";
import type { Value } from "../value.ts";
import type { Definition } from "../workflow/definition.ts";
import { userOf } from "./auth/user-guard.ts";
import { RequestInvalidError } from "./reply-error.ts";
import type { ServerContext } from "./server-context.ts";
import { admit, keyOf } from "./trigger.ts";

/** What the framework reads is held whole, outside of the budget that triggers share. */
const MAX_EVENT_BYTES = 1_000_000;

/** Adds `POST …/sdk/events/trigger`. */
export function addEventRoute(app: FastifyInstance, users: () => UserStore, context: ServerContext): void {
  const bodyLimit = Math.min(MAX_EVENT_BYTES, context.settings.maxBodyBytes);
  app.post("/events/trigger", { bodyLimit }, async (request, reply) => {
    admit(context);
    const { name, payload } = readEvent(request);
    const userId = userOf(request);
    const { disabled } = users().get(userId);
    const input: TriggerInput = { method: "POST", url: request.url, query: {}, headers: {}, body: payload, userId };
    const header = request.headers["idempotency-key"];
    // All keys before the first start: an event that cannot start everything starts nothing.
    const starts = listenersOf(context, name)
      .filter(({ id }) => !disabled.has(id))
      .map((definition) => ({
        id: newExecutionId(),
        definition,
        input,
        ...keyOf(definition, input, typeof header === "string" ? header : undefined, undefined, context),
      }));
    const executions = [];
    for (const start of starts) {
      const { id } = await context.engine.start(start);
      executions.push({ workflowId: start.definition.id, executionId: id });
    }
    void reply.code(201);
    return { executions };
  });
}

function listenersOf({ definitions }: ServerContext, name: string): readonly Definition[] {
  return [...definitions().values()].filter(({ event }) => event === name);
}

/** @throws {@link RequestInvalidError} */
function readEvent({ body }: FastifyRequest): { readonly name: string; readonly payload: Value } {
  const { name, payload = null } = (body ?? {}) as { readonly name?: unknown; readonly payload?: Value };
  if (typeof name === "string" && name !== "") return { name, payload };
  throw new RequestInvalidError([
    { in: "body", path: "name", rule: "type: string", message: "`name` must be the name of an event" },
  ]);
}
