const EXIT_INTERRUPTED = 130;

/** Resolves with the first signal; the second one ends the process where it stands. */
export function listenForSignals(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, (signal) => {
        if (stopping) process.exit(EXIT_INTERRUPTED);
        stopping = true;
        resolve(signal);
      });
    }
  });
}
