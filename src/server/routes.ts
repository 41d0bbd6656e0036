/** Every route on one screen. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { WfError } from "../errors.ts";
import type { Definition } from "../workflow/definition.ts";
import { corsFields, preflightFields } from "./cors.ts";
import { answerProbe } from "./health.ts";
import { sendError } from "./reply-error.ts";
import type { Api } from "./routes-api.ts";
import type { ServerContext } from "./server-context.ts";
import { keepUnrun, TestCapture } from "./test-url.ts";
import { answerTrigger } from "./trigger.ts";

export interface Router {
  route(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

const WORKFLOW_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * Makes the router. Paths match exactly, as sent: nothing is decoded, folded or normalized, so that no two spellings reach
 * one workflow.
 */
export function createRouter(context: ServerContext): Router {
  const shortForm = "/triggers/";
  const longForm = `/projects/${context.settings.project}/sdk/triggers/`;
  const testForm = "/test/";
  let api: Promise<Api> | undefined;

  function route(request: IncomingMessage, response: ServerResponse): void {
    try {
      dispatch(request, response);
    } catch (error) {
      // One bad request must not end the process for all others.
      sendError(response, error, context.log);
    }
  }

  function dispatch(request: IncomingMessage, response: ServerResponse): void {
    const target = request.url ?? "";
    const url = target.startsWith("/") ? target : originForm(target);
    const mark = url.indexOf("?");
    const path = mark === -1 ? url : url.slice(0, mark);
    const search = mark === -1 ? "" : url.slice(mark + 1);

    if (path.startsWith(shortForm)) return toWorkflow(path.slice(shortForm.length), search, false, request, response);
    if (path.startsWith(longForm)) return toWorkflow(path.slice(longForm.length), search, false, request, response);
    if (path.startsWith(testForm)) return toWorkflow(path.slice(testForm.length), search, true, request, response);
    if (path === "/healthz") return answerProbe(request, response, true);
    if (path === "/readyz") return answerProbe(request, response, !context.draining);
    // Everything else is worth a framework, and the framework is worth loading only then.
    void toApi(request, response);
  }

  function toWorkflow(
    id: string,
    search: string,
    isTest: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (isTest && context.deployed) return sendError(response, noTestUrls(), context.log);
    const { corsOrigins = [] } = context.settings;
    if (corsOrigins.length > 0 && !isTest) {
      for (const [name, value] of Object.entries(corsFields(request.headers, corsOrigins))) {
        response.setHeader(name, value);
      }
    }
    const definition = context.definitions().get(id);
    const test = isTest ? toCapture(id, definition !== undefined, request, response) : undefined;
    if (definition === undefined) {
      if (test === undefined) return sendError(response, unknownWorkflow(id, context.deployed), context.log);
      void keepUnrun(context, test, request, response, brokenWorkflow(id));
      return;
    }
    const takes = definition.request.methods.includes(request.method ?? "");
    if (takes || (isTest && !isAnsweredHere(request))) {
      void answerTrigger(context, definition, search, request, response, test);
      return;
    }
    const answer = (): void => answerWithoutRunning(definition, isTest, request, response);
    if (test === undefined) return answer();
    void keepUnrun(context, test, request, response, answer);
  }

  /** Also for a workflow whose file was never without errors: its author waits for requests already. */
  function toCapture(
    id: string,
    isLive: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): TestCapture | undefined {
    const { captures, isBroken } = context;
    if (captures === undefined || !(isLive || isBroken(id))) return undefined;
    return new TestCapture(context, captures, id, request, response);
  }

  function answerWithoutRunning(
    definition: Definition,
    isTest: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const allow = allowOf(definition, isTest);
    if (request.method === "OPTIONS") {
      const { corsOrigins = [] } = context.settings;
      const asks = !isTest && request.headers["access-control-request-method"] !== undefined;
      response.writeHead(204, { Allow: allow, ...(asks && preflightFields(request.headers, corsOrigins, allow)) });
      response.end();
    } else if (request.method === "HEAD" && (isTest || definition.request.methods.includes("GET"))) {
      // HEAD promises to change nothing, and every execution is a change.
      response.writeHead(200, { Allow: allow });
      response.end();
    } else {
      const error = notAllowed(definition, request.method);
      sendError(response, error, context.log, { headers: { Allow: allow } });
    }
  }

  async function toApi(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (context.draining) throw new WfError("DRAINING", "The server is shutting down.");
      api ??= import("./routes-api.ts").then((module) => module.createApi(context));
      (await api).handle(request, response);
    } catch (error) {
      sendError(response, error, context.log);
    }
  }

  return {
    route,
    async close() {
      if (api !== undefined) await (await api).close();
    },
  };
}

/** On the test URL any method runs the workflow, but for the two that ask about it: HEAD and a browser's preflight. */
function isAnsweredHere({ method, headers }: IncomingMessage): boolean {
  return method === "HEAD" || (method === "OPTIONS" && headers["access-control-request-method"] !== undefined);
}

function notAllowed({ id, event, request: { methods } }: Definition, method: string | undefined): WfError {
  return event === undefined
    ? new WfError("METHOD_NOT_ALLOWED", `Workflow \`${id}\` takes ${methods.join(", ")}, not ${method}.`)
    : new WfError("METHOD_NOT_ALLOWED", `An event starts workflow \`${id}\`, not a request.`, {
        hint: `Send the event \`${event}\` as a user, or a request to the workflow's test URL.`,
      });
}

function allowOf({ request: { methods } }: Definition, isTest: boolean): string {
  const all = isTest ? ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", ...methods] : [...methods];
  if (all.includes("GET")) all.push("HEAD");
  return [...new Set([...all, "OPTIONS"])].join(", ");
}

/** Proxies send whole URLs (RFC 9112 section 3.2.2); anything else has no route. */
function originForm(target: string): string {
  if (!target.startsWith("http://") && !target.startsWith("https://")) return "";
  const slash = target.indexOf("/", target.indexOf("://") + 3);
  return slash === -1 ? "/" : target.slice(slash);
}

function brokenWorkflow(id: string): WfError {
  return new WfError("WORKFLOW_INVALID", `Workflow \`${id}\` has errors and no earlier version to run.`);
}

function noTestUrls(): WfError {
  return new WfError("ROUTE_NOT_FOUND", "A server of deployed workflows has no test URLs.", {
    hint: "`wf serve` without --deployed has them.",
  });
}

function unknownWorkflow(id: string, deployed: boolean): WfError {
  if (deployed && WORKFLOW_ID.test(id)) {
    return new WfError("WORKFLOW_NOT_FOUND", `Workflow \`${id}\` is not deployed; run \`wf deploy\`.`, {
      hint: "`wf deployments` lists what is live.",
    });
  }
  return WORKFLOW_ID.test(id)
    ? new WfError("WORKFLOW_NOT_FOUND", `There is no live workflow \`${id}\`.`)
    : new WfError("WORKFLOW_NOT_FOUND", "The path does not name a workflow.", {
        hint: "A workflow's id has lower-case letters, digits and hyphens; the path ends with it, without a slash.",
      });
}
