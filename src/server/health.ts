import type { IncomingMessage, ServerResponse } from "node:http";
import { JSON_TYPE, TEXT_TYPE } from "./static-headers.ts";

const ALIVE = '{"status":"ok"}';
const DRAINING = '{"status":"draining"}';

/**
 * Answers the probes of load balancers and process supervisors: `/healthz` while the process lives, `/readyz` while it takes
 * requests. They tell nothing about the project, so they need no credentials.
 */
export function answerProbe(request: IncomingMessage, response: ServerResponse, ready: boolean): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD", "Content-Type": TEXT_TYPE, "Content-Length": 0 });
    response.end();
    return;
  }
  const body = ready ? ALIVE : DRAINING;
  response.writeHead(ready ? 200 : 503, {
    "Content-Type": JSON_TYPE,
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    ...(ready ? {} : { "Retry-After": "1", Connection: "close" }),
  });
  response.end(body);
}
