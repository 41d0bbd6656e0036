/** The test shelf on a terminal. Loads Ink: import it only where there is one. */
import { Box, render, Text, useApp, useInput, usePaste } from "ink";
import { type ReactElement, useCallback, useEffect, useSyncExternalStore } from "react";
import { keysOf } from "./shelf-input.ts";
import type { Size } from "./shelf-layout.ts";
import { paintLine } from "./shelf-paint.ts";
import { screenLines } from "./shelf-screen.ts";
import type { ShelfHost } from "./shelf-effects.ts";
import { ShelfSession } from "./shelf-session.ts";
import type { ShelfSource } from "./shelf-source.ts";

export interface ShelfTerminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** What is written to it while the shelf shows is held back, and comes afterwards: it would tear the screen. */
  readonly stderr: NodeJS.WriteStream;
}

/** Lines never wrap by themselves: a terminal that finds a character wider than Ink does must not break the layout. */
const WRAP_OFF = "\u001b[?7l";
const WRAP_ON = "\u001b[?7h";

/**
 * Shows the shelf until the user leaves or a signal comes, and gives the terminal back as it was.
 *
 * @param signal - Resolves when the shelf is to end.
 * @returns The signal that ended it, undefined when the user left.
 */
export async function runShelf(
  source: ShelfSource,
  { stdin, stdout, stderr }: ShelfTerminal,
  signal: Promise<NodeJS.Signals>,
): Promise<NodeJS.Signals | undefined> {
  const { promise: left, resolve: leave } = Promise.withResolvers<undefined>();
  let suspend: ShelfHost["suspend"] = (run) => run();
  const session = new ShelfSession(source, sizeOf(stdout), {
    quit: () => leave(undefined),
    suspend: (run) => suspend(run),
    copy: (text) => stdout.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`),
  });
  const onResize = (): void => session.dispatch({ kind: "resize", size: sizeOf(stdout) });
  // Before Ink's own listener, which draws at once.
  stdout.on("resize", onResize);
  const release = holdBack(stderr);
  const app = render(
    <Shelf
      session={session}
      coloured={(process.env["NO_COLOR"] ?? "") === ""}
      onSuspend={(give) => {
        suspend = give;
      }}
    />,
    { stdin, stdout, exitOnCtrlC: false, interactive: true, alternateScreen: true, incrementalRendering: true },
  );
  const restore = (): void => {
    app.cleanup();
    stdout.write(WRAP_ON);
    release();
  };
  // What ends the process by a throw is told on the screen that stays.
  process.on("uncaughtExceptionMonitor", restore);
  stdout.write(WRAP_OFF);
  session.start();
  try {
    return await Promise.race([left, signal, app.waitUntilExit().then(() => undefined)]);
  } finally {
    session.close();
    restore();
    process.off("uncaughtExceptionMonitor", restore);
    stdout.off("resize", onResize);
  }
}

/** @returns Writes what was held back, and ends it. */
function holdBack(stream: NodeJS.WriteStream): () => void {
  if (!stream.isTTY) return () => undefined;
  const held: (string | Uint8Array)[] = [];
  const write = stream.write.bind(stream);
  stream.write = (chunk: string | Uint8Array, ...more: unknown[]): boolean => {
    held.push(chunk);
    const done = more.at(-1);
    if (typeof done === "function") done();
    if (held.length > MAX_HELD) held.shift();
    return true;
  };
  return () => {
    stream.write = write;
    for (const chunk of held.splice(0)) stream.write(chunk);
  };
}

/** Of what is held back, the last so many writes are kept. */
const MAX_HELD = 500;

function sizeOf({ columns, rows }: NodeJS.WriteStream): Size {
  return { columns: Math.max(1, columns || 80), rows: Math.max(1, rows || 24) };
}

interface ShelfProps {
  readonly session: ShelfSession;
  readonly coloured: boolean;
  readonly onSuspend: (give: ShelfHost["suspend"]) => void;
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
