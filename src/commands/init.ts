import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { WfError } from "../errors.ts";
import { askYesNo, canAsk } from "./ask.ts";
import { HELLO_WORKFLOW, IGNORED, settingsFile } from "./init-templates.ts";
import { note, paint } from "./terminal.ts";

export interface InitOptions {
  readonly yes?: boolean;
}

/** `wf init`: writes what is missing of a first project and leaves alone what is there. @returns The exit code. */
export async function initProject(dir: string | undefined, options: InitOptions): Promise<number> {
  const root = resolve(dir ?? ".");
  if (!options.yes && !(await confirm(root))) {
    note("Nothing written.\n");
    return 0;
  }
  await makeFolder(join(root, "workflows"));
  await makeSchema(root);
  const wrote = [
    await writeNew(root, "wf.yaml", settingsFile(projectName(root))),
    await writeNew(root, join("workflows", "hello.yaml"), HELLO_WORKFLOW),
    await addIgnored(root),
  ];
  if (wrote.includes(true)) showNextSteps(root);
  else note("Everything was there already.\n");
  return 0;
}

/** Asks only a person, and only when the folder has files of another purpose. */
async function confirm(root: string): Promise<boolean> {
  if (!canAsk()) return true;
  if (!existsSync(root) || existsSync(join(root, "wf.yaml")) || (await readdir(root)).length === 0) return true;
  return askYesNo(`${root} is not empty. Add a workflow to it?`, true);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST" && code !== "ENOTDIR") throw error;
    throw new WfError("USAGE", `${path} cannot be made: a file stands where a folder is needed.`, { cause: error });
  }
}

/** @returns false when the file was there already */
async function writeNew(root: string, path: string, text: string): Promise<boolean> {
  await makeFolder(dirname(join(root, path)));
  try {
    await writeFile(join(root, path), text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    note(`${paint("dim", "kept ", process.stderr)} ${path}\n`);
    return false;
  }
  note(`${paint("green", "wrote", process.stderr)} ${path}\n`);
  return true;
}

/** The editor's schema lies in the ignored folder: it belongs to the installed version, not to the project. */
async function makeSchema(root: string): Promise<void> {
  const { workflowSchemaText } = await import("./schema.ts");
  await mkdir(join(root, ".wf"), { recursive: true, mode: 0o700 });
  await writeFile(join(root, ".wf", "workflow.schema.json"), await workflowSchemaText());
}

async function addIgnored(root: string): Promise<boolean> {
  const file = join(root, ".gitignore");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const present = new Set(text.split(/\r?\n/).map(normalise));
  const missing = IGNORED.filter((line) => !present.has(normalise(line)));
  if (missing.length === 0) return false;
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" || text.endsWith("\n") ? "" : newline;
  await writeFile(file, text + gap + missing.map((line) => line + newline).join(""));
  note(`${paint("green", text === "" ? "wrote" : "added", process.stderr)} .gitignore: ${missing.join(", ")}\n`);
  return true;
}

/** `/.wf`, `.wf/` and `.wf` ignore the same folder at the root. */
function normalise(line: string): string {
  return line.trim().replace(/^\//, "").replace(/\/$/, "");
}

function projectName(root: string): string {
  const name = basename(root)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
  return /^[a-z][a-z0-9-]*$/.test(name) ? name : "default";
}

function showNextSteps(root: string): void {
  const path = relative(process.cwd(), root);
  const lines = [
    ...(path === "" ? [] : [`cd ${path}`]),
    "wf serve",
    `wf trigger hello --data '{"name": "Ada"}'   (in another terminal)`,
    "wf history",
  ];
  note(`\nNext:\n${lines.map((line) => `  ${line}\n`).join("")}`);
}
