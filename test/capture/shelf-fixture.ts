import { vi } from "vitest";
import { screenLines } from "../../src/capture/shelf-screen.ts";
import { ShelfSession } from "../../src/capture/shelf-session.ts";
import { FakeShelfSource } from "./fake-shelf-source.ts";

/** A shelf without a terminal: its lines as they would be drawn, its keys as they would be pressed. */
export class Screen {
  readonly source: FakeShelfSource = new FakeShelfSource();
  readonly copied: string[] = [];
  quits = 0;
  suspended = 0;
  readonly session: ShelfSession;

  constructor(columns: number, rows: number) {
    this.session = new ShelfSession(
      this.source,
      { columns, rows },
      {
        quit: () => void this.quits++,
        suspend: (run) => {
          this.suspended++;
          return run();
        },
        copy: (text) => void this.copied.push(text),
      },
    );
  }

  /** Starts, and waits until what the source has is there. */
  async start(): Promise<this> {
    this.session.start();
    await this.until((text) => !text.includes("Loading"));
    return this;
  }

  press(...keys: readonly string[]): this {
    for (const key of keys) this.session.dispatch({ kind: "key", key });
    return this;
  }

  get lines(): string[] {
    const { state, view } = this.session.snapshot;
    return screenLines(state, view).map(({ spans }) => spans.map(({ text }) => text).join(""));
  }

  get text(): string {
    return this.lines.map((line) => line.trimEnd()).join("\n");
  }

  async until(fits: string | ((text: string) => boolean)): Promise<string> {
    const test = typeof fits === "string" ? (text: string) => text.includes(fits) : fits;
    return vi.waitFor(
      () => {
        const { text } = this;
        if (!test(text)) throw new Error(`The screen does not show ${String(fits)}:\n${text}`);
        return text;
      },
      { timeout: 5000, interval: 5 },
    );
  }
}

const screens: Screen[] = [];

export function screenOf(columns: number, rows: number): Screen {
  const screen = new Screen(columns, rows);
  screens.push(screen);
  return screen;
}

/** For `afterEach`. */
export function closeScreens(): void {
  for (const { session } of screens.splice(0)) session.close();
}
