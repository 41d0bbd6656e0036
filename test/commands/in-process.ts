import { afterEach, vi } from "vitest";

export interface CommandResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

afterEach(() => vi.restoreAllMocks());

/** Runs a command's function in this process and keeps what it writes: a spawned one takes 0.3 s and more. */
export async function run(command: () => Promise<number>): Promise<CommandResult> {
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const stream of ["stdout", "stderr"] as const) {
    vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
      written[stream].push(Buffer.from(chunk as string));
      return true;
    });
  }
  try {
    const exit = await command();
    return { exit, stdout: String(Buffer.concat(written.stdout)), stderr: String(Buffer.concat(written.stderr)) };
  } finally {
    vi.restoreAllMocks();
  }
}
