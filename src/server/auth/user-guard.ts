/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its hooks and sends what they throw to the error handler. */
/** Who may call the routes of users: whoever has a user token, each for itself alone. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { WfError } from "../../errors.ts";
import type { ServerContext } from "../server-context.ts";
import { bearerOf } from "./credentials.ts";

const users = new WeakMap<FastifyRequest, string>();

/** Puts the check before every route of a plugin but those that answer preflights, which carry no token. */
export function guardUsers(routes: FastifyInstance, { verifyUser, log }: ServerContext): void {
  routes.addHook("onRequest", async (request, reply) => {
    if (request.method === "OPTIONS") return;
    void reply.header("Cache-Control", "no-store");
    const token = bearerOf(request.headers);
    const outcome = token === undefined ? undefined : await verifyUser(token);
    if (outcome?.ok === true) {
      users.set(request, outcome.userId);
      return;
    }
    const reason = outcome?.reason ?? "there is no user token";
    log.warn({ path: request.routeOptions.url, reason }, "A user's request was not authenticated");
    void reply.header("WWW-Authenticate", 'Bearer realm="wf"');
    throw new WfError("UNAUTHORIZED", "The request is not authenticated.", {
      hint: "Send `Authorization: Bearer <user token>`.",
    });
  });
}

/** The user that {@link guardUsers} let in. */
export function userOf(request: FastifyRequest): string {
  const user = users.get(request);
  if (user === undefined) throw new Error("This route has no guard.");
  return user;
}
