import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { EffectCall } from "../../src/engine/effects.ts";
import type { StepOutcome } from "../../src/engine/context.ts";
import { FolderFiles } from "../../src/engine/embedded/files.ts";
import { createHttpEffect } from "../../src/engine/steps/http.ts";
import type { HttpEffect } from "../../src/engine/steps/http.ts";
import type { Value } from "../../src/value.ts";
import type { HttpRequest, HttpStep } from "../../src/workflow/definition.ts";
import type { Expression, Scope, Template } from "../../src/workflow/expression.ts";

/** A value of the file without expressions. */
export function literal(value: Value): Template {
  return { constant: true, expressions: [], evaluate: () => value };
}

export function computed(evaluate: (scope: Scope) => Value): Template & Expression {
  return { constant: false, expressions: [], source: "test", references: [], evaluate };
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "wf-effect-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

const HASH: string = createHash("sha256").update("definition").digest("hex");

export function effectCall(more: Partial<EffectCall> = {}): EffectCall {
  return {
    execution: { id: "e-1", workflowId: "w", definitionHash: HASH, startedAt: "2026-01-01T00:00:00.000Z" },
    path: "call",
    attempt: 1,
    scope: {},
    signal: new AbortController().signal,
    ...more,
  };
}

const STEP = { id: "call", named: true, onError: "fail", line: 1 } as const;

export function httpStep(url: string | Template, more: Partial<HttpRequest> = {}): HttpStep {
  return {
    ...STEP,
    kind: "http",
    http: {
      method: "GET",
      url: typeof url === "string" ? literal(url) : url,
      hostIsLiteral: typeof url === "string",
      maxRedirects: 5,
      maxResponseBytes: 10_000_000,
      response: "auto",
      ...more,
    },
  };
}

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Peer {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
}

/** A server on loopback that keeps what it received. */
export async function startPeer(answer: (request: Received, response: ServerResponse) => void): Promise<Peer> {
  const received: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers, rawHeaders } = request;
      const whole = { method, url, headers, rawHeaders, body: Buffer.concat(chunks) };
      received.push(whole);
      answer(whole, response);
    });
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received };
}

export interface Http extends HttpEffect {
  readonly files: FolderFiles;
}

export function openHttp(options: { allowPrivate?: readonly string[]; now?: () => number } = {}): Http {
  const files = new FolderFiles(temporaryFolder());
  const effect = createHttpEffect({ files, allowPrivate: [], ...options });
  onTestFinished(() => effect.close());
  return { ...effect, files };
}

export function outputOf(outcome: StepOutcome): { statusCode: number; headers: Record<string, Value>; body: Value } {
  if (outcome.kind !== "succeeded") throw new Error(`not succeeded: ${JSON.stringify(outcome)}`);
  return outcome.output as { statusCode: number; headers: Record<string, Value>; body: Value };
}

export function failureFrom(outcome: StepOutcome): Extract<StepOutcome, { kind: "failed" }> {
  if (outcome.kind !== "failed") throw new Error(`not failed: ${JSON.stringify(outcome)}`);
  return outcome;
}
