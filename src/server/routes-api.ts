/** Everything that is no trigger: Fastify without a listener of its own, loaded on the first such request. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { fastify } from "fastify";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { WfError } from "../errors.ts";
import { callerOf, guardRoutes } from "./auth/api-guard.ts";
import { addCaptureRoutes } from "./captures.ts";
import { addDeploymentRoutes } from "./deployments.ts";
import { addHistoryRoutes } from "./history.ts";
import { answerOf } from "./reply-error.ts";
import type { ErrorAnswer } from "./reply-error.ts";
import { addSdkRoutes } from "./sdk.ts";
import { isOwnHost } from "./server-address.ts";
import type { ServerContext } from "./server-context.ts";

export interface Api {
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

/** None of these routes takes more than a few options. */
const MAX_API_BODY_BYTES = 65_536;
/** A step execution's id holds its whole path through nested loops. */
const MAX_PARAMETER_LENGTH = 2_000;

/** Makes the handler of the routes that are not triggers. */
export async function createApi(context: ServerContext): Promise<Api> {
  const { log, settings } = context;
  const app = fastify({
    logger: false,
    bodyLimit: MAX_API_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    exposeHeadRoutes: true,
  });

  const project = `/projects/${settings.project}`;
  const isSdkRoute = ({ routeOptions: { url = "" } }: FastifyRequest): boolean =>
    url.startsWith(`${project}/sdk/`) || url.startsWith(`/v2${project}/sdk/`);

  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    // A client that always names its type and sends nothing means no options.
    if (body === "") return done(null, null);
    return app.getDefaultJsonParser("error", "error")(_request, body as string, done);
  });
  app.addHook("onRequest", async (request) => {
    // No page makes a browser add a key that it does not know itself; programs elsewhere call the server by its public name.
    // Nor a user's token; pages of other origins are what the routes of users are for.
    if (isSdkRoute(request)) return;
    const caller = await callerOf(request, context);
    if (caller === undefined || caller === "local") refuseForeign(request, settings.host);
  });
  app.setNotFoundHandler(() => {
    throw new WfError("ROUTE_NOT_FOUND", "There is nothing at this path.");
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => send(reply, answerOfApi(error, context)));

  await app.register(
    async (routes: FastifyInstance) => {
      guardRoutes(routes, context);
      addHistoryRoutes(routes, context);
    },
    { prefix: `${project}/task-history/workflow-executions` },
  );
  const { captures, deployments, users } = context;
  if (users !== undefined) {
    const sdk = async (routes: FastifyInstance): Promise<void> => addSdkRoutes(routes, users, context);
    await app.register(sdk, { prefix: `${project}/sdk` });
    await app.register(sdk, { prefix: `/v2${project}/sdk` });
  }
  if (deployments !== undefined) {
    await app.register(
      async (routes: FastifyInstance) => {
        guardRoutes(routes, context);
        addDeploymentRoutes(routes, deployments, context);
      },
      { prefix: `${project}/deployments` },
    );
  }
  if (captures !== undefined) {
    await app.register(
      async (routes: FastifyInstance) => {
        guardRoutes(routes, context);
        addCaptureRoutes(routes, captures, context);
      },
      { prefix: `${project}/captures` },
    );
  }
  await app.ready();
  log.debug({}, "API routes loaded");
  return { handle: (request, response) => app.routing(request, response), close: () => app.close() };
}

/**
 * Pages of other sites may not use a browser on this machine to talk to this server.
 *
 * @throws {@link WfError} `FORBIDDEN`
 */
function refuseForeign(request: FastifyRequest, boundHost: string): void {
  const { host, origin } = request.headers;
  if (!isOwnHost(host, boundHost, request.raw.socket.localAddress)) {
    throw new WfError("FORBIDDEN", "The `Host` header names another server.");
  }
  if (origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase() ?? ""}`) {
    throw new WfError("FORBIDDEN", "The request comes from a page of another origin.");
  }
}

function answerOfApi(error: FastifyError, { log }: ServerContext): ErrorAnswer {
  if (error instanceof WfError || error.statusCode === undefined || error.statusCode >= 500)
    return answerOf(error, log);
  if (error.statusCode === 413)
    return answerOf(new WfError("BODY_TOO_LARGE", "The body is too large for this route."), log);
  if (error.statusCode === 415) {
    return answerOf(
      new WfError("ENCODING_UNSUPPORTED", "The body is not JSON.", { hint: "Send application/json." }),
      log,
    );
  }
  return answerOf(new WfError("BODY_MALFORMED", "The request cannot be read.", { cause: error }), log);
}

function send(reply: FastifyReply, { status, headers, body }: ErrorAnswer): void {
  void reply.code(status).headers(headers).send(body);
}
