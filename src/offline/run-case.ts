/** Runs one case: a saved request through the real request path into an engine in memory, answered by mocks. */
import type { CapturedRequest } from "../engine/captures.ts";
import type { Effects } from "../engine/effects.ts";
import type { Engine, ExecutionWithSteps } from "../engine/engine.ts";
import { interpret } from "../engine/interpret.ts";
import { createHttpEffect } from "../engine/steps/http.ts";
import { createWorkflowEffect } from "../engine/sub-workflow.ts";
import type { Definition } from "../workflow/definition.ts";
import { compileRules } from "../workflow/rules.ts";
import { VirtualClock } from "./clock.ts";
import { MemoryEngine } from "./memory-engine.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { type Fallback, type MockGap, MockTransport, type SentRequest } from "./mock-transport.ts";
import type { Mocks } from "./mocks.ts";

/** What the caller got. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: { readonly [name: string]: string };
  readonly body: Buffer;
}

/** The request path in front of one engine. */
export interface Connection {
  send(request: CapturedRequest): Promise<Answer>;
  close(): Promise<void>;
}

/** What all cases of a run share. */
export interface OfflineWorld {
  readonly find: (workflowId: string) => Definition | undefined;
  readonly files: MemoryFiles;
  readonly functions: Effects["function"];
  readonly secrets: { readonly [name: string]: string };
  readonly scrub: (text: string) => string;
  /** Private hosts that expressions may name. */
  readonly allowPrivate: readonly string[];
  /** Puts the server in front of an engine, without a port. */
  readonly connect: (engine: Engine) => Connection;
}

export interface Case {
  readonly request: CapturedRequest;
  readonly mocks: Mocks;
  /** Where the case's clock begins, in ms since 1970. */
  readonly at: number;
  /** Answers what no mock does. */
  readonly fallback?: Fallback | undefined;
}

export interface CaseRun {
  readonly answer: Answer;
  /** In the order in which they started: the request's own, then those of `workflow` steps; none when it was refused. */
  readonly executions: readonly ExecutionWithSteps[];
  readonly sent: readonly SentRequest[];
  readonly gaps: readonly MockGap[];
  /** Defects that the answer does not tell. */
  readonly defects: readonly unknown[];
  /** Of the case's own clock. */
  readonly virtualMs: number;
}

export async function runCase(one: Case, world: OfflineWorld): Promise<CaseRun> {
  const clock = new VirtualClock(one.at);
  const transport = new MockTransport(one.mocks, clock, one.fallback);
  const http = createHttpEffect({
    files: world.files,
    allowPrivate: world.allowPrivate,
    now: () => clock.now,
    detour: transport,
  });
  const defects: unknown[] = [];
  const engine = new MemoryEngine({
    clock,
    files: world.files,
    walk: (definition, context) => interpret(definition, context, effects),
    scrub: world.scrub,
    newId: counted(one.at),
    onDefect: (error) => defects.push(error),
  });
  const child = createWorkflowEffect({
    engine: {
      start: (start) => engine.start(start),
      get: (id) => engine.get(id),
      waitResponse: (id, timeoutMs) => engine.waitResponse(id, timeoutMs),
      // A child ends in its own time, however long that is.
      waitEnd: (id) => engine.waitEnd(id, Infinity),
    },
    find: world.find,
    validate: (definition, input) => compileRules(definition.request.rules).validate(input),
  });
  const effects: Effects = {
    secrets: world.secrets,
    http: (step, call) => clock.work(() => http.http(step, call)),
    function: (step, input, call) => clock.work(() => world.functions(step, input, call)),
    workflow: child,
  };
  const connection = world.connect(engine);
  try {
    const answer = await connection.send(one.request);
    const executions = await allEnded(engine);
    const { sent, gaps } = transport;
    return { answer, executions, sent, gaps, defects, virtualMs: clock.now - one.at };
  } finally {
    await connection.close();
    await engine.close();
    await http.close();
  }
}

/** Those too that a `workflow` step did not wait for. */
async function allEnded(engine: MemoryEngine): Promise<ExecutionWithSteps[]> {
  for (;;) {
    const { items } = await engine.list({ order: "ASC", limit: 1_000 });
    const open = items.filter(({ dateEnded }) => dateEnded === null);
    if (open.length === 0) {
      const found = await Promise.all(items.map(({ id }) => engine.get(id)));
      return found.filter((execution) => execution !== undefined);
    }
    await Promise.all(open.map(({ id }) => engine.waitEnd(id, Infinity)));
  }
}

/** Ids that are the same in every run: UUIDv7 of the case's beginning, counted. */
function counted(at: number): () => string {
  let count = 0;
  const time = at.toString(16).padStart(12, "0");
  return () => {
    const number = (++count).toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number}`;
  };
}
