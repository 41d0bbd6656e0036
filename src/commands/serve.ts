import { readCount } from "./options.ts";
import { createDeployedReport, createServeReport } from "./serve-report.ts";
import { ServeSession } from "./serve-session.ts";
import { listenForSignals } from "./signals.ts";

export interface ServeOptions {
  readonly host?: string;
  readonly port?: string;
  readonly dir?: string;
  readonly store?: string;
  readonly allowUnauthenticated?: boolean;
  readonly deployed?: boolean;
  readonly json?: boolean;
}

const LEFTOVERS_MS = 2_000;

/** `wf serve`: runs until a signal ends it. @returns The exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const port = options.port === undefined ? undefined : readCount("--port", options.port, { min: 0, max: 65_535 });
  const stop = listenForSignals();
  const report = options.deployed ? createDeployedReport() : createServeReport(options.json ?? false);
  // A reader of the output that goes away ends the output, not the server.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const session = await ServeSession.open({ ...options, port }, report);
  try {
    await session.listen();
    const signal = await stop;
    report.note(`${signal}: no new requests; waiting for ${session.running} running. Once more ends it at once.`);
  } finally {
    await session.close();
  }
  report.stopped();
  // Everything is recorded and closed; a function that left a timer or a socket open must not keep the process.
  setTimeout(() => process.exit(0), LEFTOVERS_MS).unref();
  return 0;
}
