/** Loads the workflow files of a project. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkCalls, type Caller } from "./check-calls.ts";
import type { Definition } from "./definition.ts";
import { MAX_FILE_LENGTH } from "./parse/document.ts";
import { WORKFLOW_ID } from "./parse/kinds.ts";
import { ModuleReader } from "./modules.ts";
import { type AuthMention, defineWorkflow, readWorkflow, type WorkflowFile } from "./parse.ts";
import type { Problem } from "./problem.ts";
import type { SeenData } from "./seen.ts";

export const WORKFLOWS_FOLDER = "workflows";
/** Files that are read at the same time. */
const READ_AT_ONCE = 64;

/** The workflows of a project at one moment. */
export interface LoadedSet {
  /** Those without errors, by id. */
  readonly definitions: ReadonlyMap<string, Definition>;
  /** By file, in the order of each file. */
  readonly problems: readonly Problem[];
  /** The text of every file that a problem may point into, by path relative to the root. */
  readonly sources: ReadonlyMap<string, string>;
  /** Ids of all files, those with errors too. */
  readonly ids: ReadonlySet<string>;
  /** Modules that each workflow file uses or would use if they existed, all relative to the root. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  /** How each workflow file authenticates its callers; files without `auth` are left out. */
  readonly auth: ReadonlyMap<string, AuthMention>;
  /** Number of workflow files. */
  readonly count: number;
}

/**
 * Loads every workflow of a project; a missing folder is an empty project.
 *
 * @param seen - Test data, for warnings of names that no request had.
 */
export async function loadProject(root: string, seen?: SeenData): Promise<LoadedSet> {
  return new ProjectLoader(root, seen).load();
}

interface KnownFile {
  readonly text: string;
  readonly parsed: WorkflowFile;
  readonly definition?: Definition;
}

/** Loads again and again; a file is parsed only when its text has changed. */
export class ProjectLoader {
  readonly #root: string;
  readonly #seen: SeenData | undefined;
  readonly #modules: ModuleReader;
  #files = new Map<string, KnownFile>();
  /** Files parsed since the loader was made. */
  parses = 0;

  constructor(root: string, seen?: SeenData) {
    this.#root = root;
    this.#seen = seen;
    this.#modules = new ModuleReader(root);
  }

  /**
   * @param stale - Workflow files, relative to the root, that may have changed since the last load; others are taken as
   * they were then. All are read when absent.
   */
  async load(stale?: ReadonlySet<string>): Promise<LoadedSet> {
    this.#modules.begin();
    const problems = new Map<string, Problem[]>();
    const report = (file: string, found: readonly Problem[]): void => {
      problems.set(file, [...(problems.get(file) ?? []), ...found]);
    };
    const sources = new Map<string, string>();
    const callers = new Map<string, Caller>();
    const definitions = new Map<string, Definition>();
    const modules = new Map<string, readonly string[]>();
    const auth = new Map<string, AuthMention>();
    const known = new Map<string, KnownFile>();
    const names = await listFiles(join(this.#root, WORKFLOWS_FOLDER));
    const texts = await readAll(names, (name) => this.#read(`${WORKFLOWS_FOLDER}/${name}`, stale));
    for (const [index, name] of names.entries()) {
      const file = `${WORKFLOWS_FOLDER}/${name}`;
      const text = texts[index];
      if (text === undefined) continue;
      const id = basename(name).replace(/\.ya?ml$/, "");
      if ("reason" in text) {
        // It exists, so that workflows which start it are not blamed.
        callers.set(id, { file, calls: [] });
        report(file, [problemAtTop(file, text.check, text.reason)]);
        continue;
      }
      sources.set(file, text.text);
      const named = nameProblem(file, id, callers.get(id)?.file);
      if (named) {
        report(file, [named]);
        continue;
      }
      const before = this.#files.get(file);
      const parsed = before?.text === text.text ? before.parsed : this.#parse(id, file, text.text);
      callers.set(id, { file, calls: parsed.calls });
      if (parsed.auth) auth.set(file, parsed.auth);
      const collected = await this.#modules.collect(file, parsed.functions);
      modules.set(file, collected.watched);
      for (const [path, source] of Object.entries(collected.modules)) sources.set(path, source);
      report(file, [...parsed.problems, ...collected.problems]);
      const definition = define(parsed, before, { workflowId: id, file, yaml: text.text, modules: collected.modules });
      known.set(file, definition ? { text: text.text, parsed, definition } : { text: text.text, parsed });
      if (definition && collected.problems.length === 0) definitions.set(id, definition);
    }
    this.#files = known;
    for (const problem of checkCalls(callers)) {
      report(problem.file, [problem]);
      definitions.delete(basename(problem.file).replace(/\.ya?ml$/, ""));
    }
    const sorted = [...problems.values()].flatMap((found) => found.toSorted(byPlace));
    const ids = new Set(callers.keys());
    return { definitions, problems: sorted, sources, ids, modules, auth, count: names.length };
  }

  #read(file: string, stale: ReadonlySet<string> | undefined): Promise<ReadText | undefined> | ReadText {
    const known = stale === undefined || stale.has(file) ? undefined : this.#files.get(file);
    return known ?? readText(join(this.#root, file));
  }

  #parse(id: string, file: string, text: string): WorkflowFile {
    this.parses++;
    return readWorkflow(id, file, text, this.#seen?.get(id));
  }
}

/** Keeps the definition itself where nothing has changed, so that what others hang on it stays. */
function define(
  parsed: WorkflowFile,
  before: KnownFile | undefined,
  source: Definition["source"],
): Definition | undefined {
  const known = before?.parsed === parsed ? before.definition : undefined;
  return known && sameModules(known.source.modules, source.modules) ? known : defineWorkflow(parsed, source);
}

function sameModules(a: Definition["source"]["modules"], b: Definition["source"]["modules"]): boolean {
  const paths = Object.keys(a);
  return paths.length === Object.keys(b).length && paths.every((path) => a[path] === b[path]);
}

function byPlace(a: Problem, b: Problem): number {
  return a.file === b.file ? a.place.line - b.place.line || a.place.column - b.place.column : 0;
}

function nameProblem(file: string, id: string, other: string | undefined): Problem | undefined {
  if (!WORKFLOW_ID.test(id)) {
    const hint =
      "Lower-case letters, digits and -, at most 64, before .yaml: the name is the workflow's id and part of its URL.";
    return { ...problemAtTop(file, "bad-file-name", `\`${id}\` cannot be a workflow's id`), hint };
  }
  if (other === undefined) return undefined;
  return problemAtTop(file, "duplicate-workflow", `${other} has the same id, \`${id}\``);
}

function problemAtTop(file: string, check: string, message: string): Problem {
  return { severity: "error", check, file, place: { line: 1, column: 1, length: 1 }, message };
}

/** Names of the workflow files in a folder, sorted; subfolders hold test data and functions. */
async function listFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.ya?ml$/.test(name) && !name.startsWith(".")).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Ids of the workflows of a project, sorted, without reading their files. */
export async function listWorkflowIds(root: string): Promise<string[]> {
  const names = await listFiles(join(root, WORKFLOWS_FOLDER));
  const ids = names.map((name) => name.replace(/\.ya?ml$/, "")).filter((id) => WORKFLOW_ID.test(id));
  return [...new Set(ids)];
}

export type ReadText = { readonly text: string } | { readonly check: string; readonly reason: string };

async function readAll(
  names: readonly string[],
  read: (name: string) => Promise<ReadText | undefined> | ReadText,
): Promise<(ReadText | undefined)[]> {
  const texts: (ReadText | undefined)[] = [];
  for (let at = 0; at < names.length; at += READ_AT_ONCE) {
    texts.push(...(await Promise.all(names.slice(at, at + READ_AT_ONCE).map(async (name) => read(name)))));
  }
  return texts;
}

/** Reads a file under limits. @returns undefined when it has gone meanwhile */
export async function readText(path: string): Promise<ReadText | undefined> {
  try {
    const about = await stat(path);
    if (!about.isFile()) return { check: "unreadable", reason: "this is no regular file" };
    // A character takes at most three bytes a unit, so this never refuses what the parser would read.
    if (about.size > MAX_FILE_LENGTH * 3) {
      const size = (about.size / 1_000_000).toFixed(1);
      return { check: "file-too-large", reason: `the file has ${size} MB; at most 1 MB is read` };
    }
    const bytes = await readFile(path);
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return { check: "not-utf8", reason: "the file is not UTF-8" };
    if (code !== "ENOENT") return { check: "unreadable", reason: `the file cannot be read (${code})` };
    return undefined;
  }
}
