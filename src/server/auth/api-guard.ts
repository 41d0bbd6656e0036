/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its hooks and sends what they throw to the error handler. */
/** Who may call the API: the commands of this machine, and the project's keys by their scopes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiKey } from "../../engine/api-keys.ts";
import { WfError } from "../../errors.ts";
import { opens, scopeOf } from "../scopes.ts";
import type { ServerContext } from "../server-context.ts";
import { bearerOf, isOneOf } from "./credentials.ts";

/**
 * Puts the check before every route of a plugin; `src/server/scopes.ts` says what each asks for.
 *
 * @throws Error for a route that the table does not know, when it is added: such a route would be open to nobody
 */
export function guardRoutes(routes: FastifyInstance, context: ServerContext): void {
  const root = `/projects/${context.settings.project}`;
  const scopeOfRoute = (method: string, url: string): ReturnType<typeof scopeOf> =>
    url.startsWith(`${root}/`) ? scopeOf(method, url.slice(root.length)) : undefined;

  routes.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) {
      if (scopeOfRoute(one, url) === undefined) throw new Error(`${one} ${url} has no scope`);
    }
  });
  routes.addHook("onRequest", async (request, reply) => {
    void reply.header("Cache-Control", "no-store");
    const key = await callerOf(request, context);
    if (key === "local") return;
    if (key === undefined) throw unauthorized(context, request, reply);
    const scope = scopeOfRoute(request.method, request.routeOptions.url ?? "");
    if (scope !== undefined && opens(key, scope)) return;
    context.log.warn({ key: key.name, scope, path: request.routeOptions.url }, "An API key lacks a scope");
    throw new WfError("FORBIDDEN", `This needs a key with the scope ${scope ?? "local"}.`, {
      hint: `\`wf keys create <name> --scope ${scope ?? "history:read"}\` makes one.`,
    });
  });
}

const callers = new WeakMap<FastifyRequest, Caller>();

/** The commands of this machine, the owner of a key, or nobody that is known. */
type Caller = "local" | ApiKey | undefined;

/** Looked up once a request. */
export async function callerOf(request: FastifyRequest, context: ServerContext): Promise<Caller> {
  if (callers.has(request)) return callers.get(request);
  const given = bearerOf(request.headers);
  const isLocal = given !== undefined && isOneOf(given, [context.localToken]);
  const caller = isLocal ? "local" : given === undefined ? undefined : await context.findApiKey(given);
  callers.set(request, caller);
  return caller;
}

function unauthorized({ log }: ServerContext, request: FastifyRequest, reply: FastifyReply): WfError {
  const wasGiven = bearerOf(request.headers) !== undefined;
  const reason = wasGiven ? "there is no such key: it is wrong, revoked or expired" : "there is no key";
  log.warn({ path: request.routeOptions.url, reason }, "An API request was not authenticated");
  void reply.header("WWW-Authenticate", 'Bearer realm="wf"');
  return new WfError("UNAUTHORIZED", "The API needs a key.", { hint: "Send `Authorization: Bearer <key>`." });
}
