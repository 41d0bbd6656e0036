import { vi } from "vitest";

/** Runs a command's action in this process. @returns What it wrote, and its exit code. */
export async function capture(
  run: () => Promise<number>,
): Promise<{ readonly exit: number; readonly stdout: string; readonly stderr: string }> {
  let stdout = "";
  let stderr = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  try {
    const exit = await run();
    return { exit, stdout, stderr };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
