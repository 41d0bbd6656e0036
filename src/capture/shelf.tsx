/** The test shelf on a terminal. Loads Ink: import it only where there is one. */
import { Box, render, Text, useApp, useInput, usePaste } from "ink";
import { type ReactElement, useCallback, useEffect, useSyncExternalStore } from "react";
import { keysOf } from "./shelf-input.ts";
import type { Size } from "./shelf-layout.ts";
import { paintLine } from "./shelf-paint.ts";
import { screenLines } from "./shelf-screen.ts";
import { ShelfSession } from "./shelf-session.ts";
import type { ShelfSource } from "./shelf-source.ts";

export interface ShelfTerminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** @defaultValue Colours, unless NO_COLOR is set. */
  readonly coloured?: boolean;
}

/** Lines never wrap by themselves: a terminal that finds a character wider than Ink does must not break the layout. */
const WRAP_OFF = "\u001b[?7l";
const WRAP_ON = "\u001b[?7h";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Shows the shelf until the user leaves or a signal comes, and gives the terminal back as it was.
 *
 * @returns The signal that ended it, undefined when the user left.
 */
export async function runShelf(source: ShelfSource, terminal: ShelfTerminal): Promise<NodeJS.Signals | undefined> {
  const { stdin, stdout } = terminal;
  const { promise: left, resolve: leave } = Promise.withResolvers<NodeJS.Signals | undefined>();
  let suspend: (run: () => Promise<void>) => Promise<void> = (run) => run();
  const session = new ShelfSession(source, sizeOf(stdout), {
    quit: () => leave(undefined),
    suspend: (run) => suspend(run),
    copy: (text) => stdout.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`),
  });
  const onSignal = (signal: NodeJS.Signals): void => leave(signal);
  const onResize = (): void => session.dispatch({ kind: "resize", size: sizeOf(stdout) });
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // Before Ink's own listener, which draws at once.
  stdout.on("resize", onResize);
  const app = render(
    <Shelf
      session={session}
      coloured={terminal.coloured ?? (process.env["NO_COLOR"] ?? "") === ""}
      onSuspend={(give) => (suspend = give)}
    />,
    { stdin, stdout, exitOnCtrlC: false, interactive: true, alternateScreen: true, incrementalRendering: true },
  );
  // What ends the process by a throw is printed on the screen that stays.
  const onCrash = (): void => restore();
  const restore = (): void => {
    app.cleanup();
    stdout.write(WRAP_ON);
  };
  process.on("uncaughtExceptionMonitor", onCrash);
  stdout.write(WRAP_OFF);
  session.start();
  try {
    return await Promise.race([left, app.waitUntilExit().then(() => left)]);
  } finally {
    session.close();
    restore();
    await app.waitUntilExit().catch(() => undefined);
    process.off("uncaughtExceptionMonitor", onCrash);
    stdout.off("resize", onResize);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

function sizeOf({ columns, rows }: NodeJS.WriteStream): Size {
  return { columns: Math.max(1, columns || 80), rows: Math.max(1, rows || 24) };
}

interface ShelfProps {
  readonly session: ShelfSession;
  readonly coloured: boolean;
  readonly onSuspend: (give: (run: () => Promise<void>) => Promise<void>) => void;
}

function Shelf({ session, coloured, onSuspend }: ShelfProps): ReactElement {
  const subscribe = useCallback((listener: () => void) => session.subscribe(listener), [session]);
  const { state, view } = useSyncExternalStore(subscribe, () => session.snapshot);
  const { suspendTerminal } = useApp();
  useEffect(() => onSuspend((run) => suspendTerminal(run)), [onSuspend, suspendTerminal]);
  useInput((input, key) => {
    for (const pressed of keysOf(input, key)) session.dispatch({ kind: "key", key: pressed });
  });
  usePaste((text) => session.dispatch({ kind: "paste", text }));
  const { columns, rows } = state.size;
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      {screenLines(state, view).map((line, row) => (
        // Rows are places on the screen: they neither move nor come and go.
        // oxlint-disable-next-line react/no-array-index-key
        <Text key={row} wrap="truncate-end">
          {paintLine(line, coloured) || " "}
        </Text>
      ))}
    </Box>
  );
}
