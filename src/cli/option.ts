/** Options and help that several commands share. */
import { Option } from "commander";

export async function finish(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}

export function dirOption(): Option {
  return new Option("--dir <dir>", "folder of the project (default: this one or the nearest above with a wf.yaml)");
}

export function storeOption(): Option {
  return new Option("--store <path>", "folder that keeps the executions (default: the running server's)");
}

export function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}

export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
