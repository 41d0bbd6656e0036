/** What each route below `/projects/{projectId}` asks of a key, in one place. No I/O. */
import type { ApiKey, ApiScope } from "../engine/api-keys.ts";

/** `local`: only the commands of the user who started the server. */
type RouteScope = ApiScope | "local";

const CAPTURES = "/captures";
const DEPLOYMENTS = "/deployments";
const HISTORY = "/task-history/workflow-executions";

/** By method and path; a route that is not here is not served. */
const ROUTE_SCOPES: ReadonlyMap<string, RouteScope> = new Map<string, RouteScope>([
  [`GET ${HISTORY}`, "history:read"],
  [`GET ${HISTORY}/:id`, "history:read"],
  [`GET ${HISTORY}/:id/details`, "history:read"],
  [`GET ${HISTORY}/:id/step-executions/:stepExecutionId`, "history:read"],
  [`POST ${HISTORY}/:id/replay`, "history:write"],
  [`POST ${HISTORY}/:id/cancel`, "history:write"],
  [`GET ${DEPLOYMENTS}`, "deploy"],
  [`POST ${DEPLOYMENTS}`, "deploy"],
  [`POST ${DEPLOYMENTS}/rollback`, "deploy"],
  // Captures hold requests as they came, their credentials too.
  [`GET ${CAPTURES}`, "local"],
  [`GET ${CAPTURES}/stream`, "local"],
  [`GET ${CAPTURES}/:id`, "local"],
  [`GET ${CAPTURES}/:id/body`, "local"],
  [`POST ${CAPTURES}/:id/saved`, "local"],
  [`POST ${CAPTURES}/:id/replay`, "local"],
]);

/**
 * @param path - As routes are written, below `/projects/{projectId}`.
 * @returns undefined for a route that the table does not know
 */
export function scopeOf(method: string, path: string): RouteScope | undefined {
  // HEAD answers what GET does, without the body.
  const verb = method === "HEAD" ? "GET" : method;
  return ROUTE_SCOPES.get(`${verb} ${path.replace(/(?<=.)\/$/, "")}`);
}

export function opens({ scopes }: ApiKey, scope: RouteScope): boolean {
  return scope !== "local" && scopes.includes(scope);
}
