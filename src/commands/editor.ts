/** Lets a person edit a text in their own editor. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WfError } from "../errors.ts";

/** A text in a temporary file that only its owner can read. */
export interface EditedFile extends AsyncDisposable {
  readonly path: string;
  /**
   * Opens the editor on the text and waits until it is closed.
   *
   * @returns The text as it was saved.
   * @throws {@link WfError} `USAGE` when the editor cannot be started or ends with another code than 0
   */
  edit(text: string): Promise<string>;
  /** As `edit`, for what need not be UTF-8. */
  editBytes(content: Uint8Array): Promise<Buffer>;
}

/** @param name - The file's name; its extension tells the editor the language. */
export async function openEditedFile(name: string): Promise<EditedFile> {
  const folder = await mkdtemp(join(tmpdir(), "wf-edit-"));
  const path = join(folder, name);
  const editBytes = async (content: Uint8Array): Promise<Buffer> => {
    await writeFile(path, content, { mode: 0o600 });
    await runEditor(path);
    return readFile(path);
  };
  return {
    path,
    editBytes,
    async edit(text) {
      return (await editBytes(Buffer.from(text))).toString("utf8");
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function runEditor(path: string): Promise<void> {
  const editor = process.env["VISUAL"] || process.env["EDITOR"] || (process.platform === "win32" ? "notepad" : "vi");
  // By the shell, since the variables hold options too: EDITOR="code --wait".
  const child =
    process.platform === "win32"
      ? spawn(`${editor} "${path}"`, { shell: true, stdio: "inherit" })
      : spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", path], { stdio: "inherit" });
  const code = await withoutInterrupts(async () => ((await once(child, "exit")) as [number | null])[0]);
  if (code === 0) return;
  throw new WfError("USAGE", `The editor \`${editor}\` ended with ${code ?? "a signal"}; nothing was saved.`, {
    hint: "Set EDITOR to the editor you want, for example EDITOR=nano or EDITOR='code --wait'.",
  });
}

/** Ctrl-C in the editor is the editor's: the terminal sends it to this process too. */
async function withoutInterrupts<T>(run: () => Promise<T>): Promise<T> {
  const listeners = process.listeners("SIGINT");
  process.removeAllListeners("SIGINT");
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  try {
    return await run();
  } finally {
    process.off("SIGINT", ignore);
    for (const listener of listeners) process.on("SIGINT", listener);
  }
}
