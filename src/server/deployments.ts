/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers and sends what they throw to the error handler. */
/** Deployments over HTTP, for programs with a key of scope `deploy`. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { deploySources, rollBack } from "../engine/deploy.ts";
import { WfError } from "../errors.ts";
import type { Definition, DefinitionSource } from "../workflow/definition.ts";
import { callerOf } from "./auth/api-guard.ts";
import type { DeploymentAccess, ServerContext } from "./server-context.ts";

/** A set holds the text of all workflows and of their functions. */
const MAX_SET_BYTES = 64_000_000;

/** Adds the routes below `/projects/{projectId}/deployments`. */
export function addDeploymentRoutes(app: FastifyInstance, access: DeploymentAccess, context: ServerContext): void {
  app.get("/", async () => ({ deployments: access.store().list() }));

  app.post("/", { bodyLimit: MAX_SET_BYTES }, async (request, reply) => {
    const { sources, keepOthers } = readSet(request.body);
    const by = await nameOf(request, context);
    const result = deploySources(access.store(), {
      reader: access.reader,
      sources,
      keepOthers,
      by,
      refuse: (definition) => refusal(definition, context),
    });
    access.changed();
    const { deployment, changed, removed } = result;
    context.log.info({ deployment: deployment.id, by, changed, removed }, "Deployed");
    void reply.code(changed.length + removed.length > 0 ? 201 : 200);
    return { ...result, serving: context.deployed };
  });

  app.post("/rollback", async (request) => {
    const by = await nameOf(request, context);
    const deployment = rollBack(access.store(), {
      reader: access.reader,
      id: readId(request.body),
      by,
      refuse: (definition) => refusal(definition, context),
    });
    access.changed();
    context.log.info({ deployment: deployment.id, by }, "Rolled back");
    return deployment;
  });
}

async function nameOf(request: FastifyRequest, context: ServerContext): Promise<string> {
  const caller = await callerOf(request, context);
  return caller === undefined || caller === "local" ? "local" : `key ${caller.name}`;
}

function refusal({ request }: Definition, { anonymousRefused, deployed }: ServerContext): string | undefined {
  return deployed && anonymousRefused && request.auth.kind === "none"
    ? "it has no `auth`, and this server refuses to run a workflow for anyone"
    : undefined;
}

/** @throws {@link WfError} `BODY_MALFORMED` */
function readSet(body: unknown): { readonly sources: readonly DefinitionSource[]; readonly keepOthers: boolean } {
  const { sources, keepOthers = false } = (body ?? {}) as { sources?: unknown; keepOthers?: unknown };
  if (!Array.isArray(sources) || !sources.every(isSource) || typeof keepOthers !== "boolean") {
    throw new WfError("BODY_MALFORMED", "The body is no set of workflows.", {
      hint: "`wf deploy --to` sends `{ sources: [{ workflowId, file, yaml, modules }], keepOthers }`.",
    });
  }
  return {
    sources: sources.map(({ workflowId, file, yaml, modules }) => ({ workflowId, file, yaml, modules })),
    keepOthers,
  };
}

function isSource(value: unknown): value is DefinitionSource {
  if (typeof value !== "object" || value === null) return false;
  const { workflowId, file, yaml, modules } = value as { readonly [key: string]: unknown };
  return (
    [workflowId, file, yaml].every((text) => typeof text === "string") &&
    typeof modules === "object" &&
    modules !== null &&
    !Array.isArray(modules) &&
    Object.values(modules).every((text) => typeof text === "string")
  );
}

/** @throws {@link WfError} `BODY_MALFORMED` */
function readId(body: unknown): number | undefined {
  const { deployment = null } = (body ?? {}) as { deployment?: unknown };
  if (deployment === null) return undefined;
  if (typeof deployment !== "number" || !Number.isSafeInteger(deployment)) {
    throw new WfError("BODY_MALFORMED", "`deployment` is to be a deployment's number, or null for the one before.");
  }
  return deployment;
}
