import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import xterm from "@xterm/headless";

const DOWN_MS = 30_000;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A program on a real pseudo-terminal (that of `script`), its screen read by a terminal emulator. */
export class TestTerminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #emulator: xterm.Terminal;
  readonly #folder: string;
  /** Every byte that the program wrote. */
  raw = "";
  #written: Promise<void> = Promise.resolve();

  private constructor(child: ChildProcess, folder: string, { columns: cols, rows }: TerminalSize) {
    this.#child = child;
    this.#folder = folder;
    this.#emulator = new xterm.Terminal({ cols, rows, allowProposedApi: true });
    this.#emulator.loadAddon(new Unicode11Addon());
    this.#emulator.unicode.activeVersion = "11";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.raw += text;
      this.#written = new Promise((resolve) => this.#emulator.write(text, resolve));
    });
  }

  static async start(
    command: readonly string[],
    size: TerminalSize,
    options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
  ): Promise<TestTerminal> {
    const folder = await mkdtemp(join(tmpdir(), "wf-terminal-"));
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    // The shell stays, to tell the program's end and what it left of the terminal's settings.
    const shell = `tty > ${folder}/tty; stty rows ${size.rows} cols ${size.columns}; stty -a > ${folder}/before; ${quoted}; echo "exit $?"; stty -a > ${folder}/after`;
    const child = spawn("script", ["-qfc", shell, "/dev/null"], {
      cwd: options.cwd,
      env: { ...process.env, TERM: "xterm-256color", SHELL: "/bin/sh", CI: "", ...options.env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    return new TestTerminal(child, folder, size);
  }

  /** The screen's rows, without the spaces at their ends. */
  async screen(): Promise<string[]> {
    // More may come while it waits, and nobody would tell of it again.
    for (let known: Promise<void> | undefined; known !== this.#written;) {
      known = this.#written;
      await known;
    }
    const { buffer, rows } = this.#emulator;
    return Array.from({ length: rows }, (_, row) => {
      const line = buffer.active.getLine(buffer.active.viewportY + row);
      return line?.translateToString(true) ?? "";
    });
  }

  /** Whether the program shows its own screen, over the one of the shell. */
  async isAlternate(): Promise<boolean> {
    await this.#written;
    return this.#emulator.buffer.active.type === "alternate";
  }

  /** Resolves with the screen once it fits. */
  async until(fits: string | RegExp | ((screen: string) => boolean)): Promise<string> {
    const test =
      typeof fits === "string"
        ? (screen: string) => screen.includes(fits)
        : fits instanceof RegExp
          ? (screen: string) => fits.test(screen)
          : fits;
    const signal = AbortSignal.timeout(DOWN_MS);
    for (;;) {
      const screen = (await this.screen()).join("\n");
      if (test(screen)) return screen;
      const arrived = this.#child.stdout && once(this.#child.stdout, "data", { signal });
      try {
        await arrived;
      } catch {
        throw new Error(`The screen never showed ${String(fits)}:\n${screen}`);
      }
    }
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** As a window that is dragged: the kernel tells the program by SIGWINCH. */
  async resize({ columns, rows }: TerminalSize): Promise<void> {
    const tty = (await readFile(join(this.#folder, "tty"), "utf8")).trim();
    this.#emulator.resize(columns, rows);
    await promisify(execFile)("stty", ["-F", tty, "rows", String(rows), "cols", String(columns)]);
  }

  /** Signals the program, as another one would. */
  async signal(name: NodeJS.Signals): Promise<void> {
    const tty = (await readFile(join(this.#folder, "tty"), "utf8")).trim().replace("/dev/", "");
    const { stdout } = await promisify(execFile)("ps", ["-t", tty, "-o", "pid=,stat=,comm="]);
    // The foreground's, without the shell that waits for it.
    const pids = stdout
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, stat = "", command = ""]) => stat.includes("+") && !/^(?:sh|dash|bash|script)$/.test(command));
    for (const [pid] of pids) process.kill(Number(pid), name);
  }

  /** Waits for the program's end. @returns The shell's `$?` */
  async exit(): Promise<number> {
    const screen = await this.until(/exit \d+/);
    if (this.#child.exitCode === null) await once(this.#child, "close");
    return Number(/exit (\d+)/.exec(screen)?.[1]);
  }

  /** The terminal's settings (`stty -a`) before and after the program. */
  async settings(): Promise<{ readonly before: string; readonly after: string }> {
    const [before, after] = await Promise.all(
      ["before", "after"].map((name) => readFile(join(this.#folder, name), "utf8")),
    );
    return { before: before ?? "", after: after ?? "" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      // The program itself keeps the pipes open, should it outlive its terminal.
      await this.signal("SIGKILL").catch(() => undefined);
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    this.#emulator.dispose();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
