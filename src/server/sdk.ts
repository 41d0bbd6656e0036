/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers and sends what they throw to the error handler. */
/** What an SDK in a user's browser calls, beside the triggers. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { UserStore } from "../engine/users.ts";
import { WfError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Definition } from "../workflow/definition.ts";
import { addEventRoute } from "./sdk-events.ts";
import { guardUsers, userOf } from "./auth/user-guard.ts";
import { corsFields, preflightFields } from "./cors.ts";
import { RequestInvalidError } from "./reply-error.ts";
import { shapeIntegrations, shapeUser, workflowsOfUsers } from "./sdk-shapes.ts";
import type { ServerContext } from "./server-context.ts";

const METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS";
const MAX_META_BYTES = 65_536;

interface OneWorkflow {
  readonly Params: { readonly id: string };
}

/** Adds the routes below `/projects/{projectId}/sdk`. */
export function addSdkRoutes(app: FastifyInstance, users: () => UserStore, context: ServerContext): void {
  const { project, corsOrigins = [] } = context.settings;
  const workflows = (): readonly Definition[] => workflowsOfUsers(context.definitions());
  const me = (userId: string): JsonObject => shapeUser(project, userId, users().get(userId), workflows());

  // Before the guard: a page has to be able to read why it was refused.
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers(corsFields(request.headers, corsOrigins));
  });
  guardUsers(app, context);

  app.options("/*", async (request, reply) => {
    void reply.code(204).headers({ Allow: METHODS, ...preflightFields(request.headers, corsOrigins, METHODS) });
  });

  addEventRoute(app, users, context);

  app.get("/me", async (request) => me(userOf(request)));

  app.patch("/me", async (request) => {
    const userId = userOf(request);
    const meta = { ...users().get(userId).meta, ...readMeta(request) };
    if (Buffer.byteLength(JSON.stringify(meta)) > MAX_META_BYTES) {
      throw new WfError("BODY_TOO_LARGE", "`meta` is larger than 64 KB with what is known already.", {
        hint: "Keep large data in your own application.",
      });
    }
    users().setMeta(userId, meta);
    return me(userId);
  });

  app.get("/integrations", async () => shapeIntegrations(project, workflows()));

  const setEnabled = (request: FastifyRequest<OneWorkflow>, enabled: boolean): JsonObject => {
    const { id } = request.params;
    if (!workflows().some((workflow) => workflow.id === id)) {
      throw new WfError("WORKFLOW_NOT_FOUND", "There is no such workflow for users.", {
        hint: "It needs `auth: user-token` or none.",
      });
    }
    users().setEnabled(userOf(request), id, enabled);
    return { workflowId: id, enabled };
  };
  app.post<OneWorkflow>("/workflows/:id", async (request, reply) => {
    void reply.code(201);
    return setEnabled(request, true);
  });
  app.delete<OneWorkflow>("/workflows/:id", async (request) => setEnabled(request, false));
}

function readMeta({ body }: FastifyRequest): JsonObject {
  const meta = (body as { readonly meta?: unknown } | null | undefined)?.meta;
  if (typeof meta === "object" && meta !== null && !Array.isArray(meta)) return meta as JsonObject;
  throw new RequestInvalidError([
    { in: "body", path: "meta", rule: "type: object", message: "`meta` must be an object" },
  ]);
}
