/** Collects the modules of functions: the file itself and all that it imports by relative paths. */
import { readFile, realpath, stat } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join, posix, sep } from "node:path";
import { parse } from "es-module-lexer";
import type { Mention } from "./parse.ts";
import type { Place, Problem } from "./problem.ts";

const MAX_MODULE_BYTES = 1_000_000;
/** Modules that one workflow may include. */
const MAX_MODULES = 500;

export interface CollectedModules {
  /** Source text by path relative to the root; those of broken modules too. */
  readonly modules: { readonly [path: string]: string };
  readonly problems: readonly Problem[];
  /** Every path that was looked for, missing ones included: a change of any may change the result. */
  readonly watched: readonly string[];
}

interface ReadModule {
  readonly text: string;
  readonly imports: readonly { readonly path: string; readonly specifier: string; readonly place: Place }[];
  readonly hasDefault: boolean;
  readonly error?: { readonly message: string; readonly place: Place };
}

/** Reads modules and keeps what it parsed for as long as their text stays the same. */
export class ModuleReader {
  readonly #root: string;
  readonly #parsed = new Map<string, ReadModule>();
  /** What this pass over the project has read: most workflows share their modules. */
  #pass = new Map<string, Promise<ReadModule | string>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Begins a new pass: files are read again. */
  begin(): void {
    this.#pass = new Map();
  }

  /** @param file - The workflow file that names the functions; problems with them stand in it. */
  async collect(file: string, functions: readonly Mention[]): Promise<CollectedModules> {
    const modules = new Map<string, string>();
    const problems: Problem[] = [];
    const watched = new Set<string>();
    const report = (where: string, place: Place, check: string, message: string, hint?: string): void => {
      const problem = { severity: "error" as const, check, file: where, place, message };
      problems.push(hint === undefined ? problem : { ...problem, hint });
    };
    const queue = functions.map(({ name, place }) => ({ path: name, from: file, place, isFunction: true }));
    for (let at = 0; at < queue.length; at++) {
      const wanted = queue[at];
      if (wanted === undefined) break;
      const { path, from, place, isFunction } = wanted;
      const known = modules.has(path);
      if (!known && modules.size >= MAX_MODULES) {
        report(from, place, "too-many-modules", `the functions import more than ${MAX_MODULES} modules`);
        break;
      }
      watched.add(path);
      const reading = this.#pass.get(path) ?? this.#read(path);
      this.#pass.set(path, reading);
      const read = await reading;
      if (typeof read === "string") {
        report(from, place, isFunction ? "function-missing" : "import-missing", read, await this.#hint(path));
        continue;
      }
      if (isFunction && !read.error && !read.hasDefault) {
        const hint = "Add `export default ({ input }) => …`.";
        report(from, place, "function-no-default", `${path} has no default export`, hint);
      }
      if (known) continue;
      modules.set(path, read.text);
      if (read.error) report(path, read.error.place, "function-syntax", read.error.message);
      for (const one of read.imports) {
        if (one.path === ".." || one.path.startsWith("../")) {
          report(path, one.place, "import-outside", `\`${one.specifier}\` lies outside the project's folder`);
        } else {
          queue.push({ path: one.path, from: path, place: one.place, isFunction: false });
        }
      }
    }
    return { modules: Object.fromEntries(modules), problems, watched: [...watched] };
  }

  /** @returns What is wrong, as a text, when the file cannot be read. */
  async #read(path: string): Promise<ReadModule | string> {
    let text: string;
    try {
      const file = await realpath(join(this.#root, path));
      if (!file.startsWith((await realpath(this.#root)) + sep)) return `${path} leads out of the project's folder`;
      const about = await stat(file);
      if (!about.isFile()) return `${path} is no file`;
      if (about.size > MAX_MODULE_BYTES) return `${path} is larger than 1 MB`;
      text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return `there is no file ${path}`;
      return code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? `${path} is not UTF-8` : `${path} cannot be read (${code})`;
    }
    const before = this.#parsed.get(path);
    if (before?.text === text) return before;
    const read = await readModule(path, text);
    this.#parsed.set(path, read);
    return read;
  }

  async #hint(path: string): Promise<string | undefined> {
    for (const other of [`${path}.ts`, `${path}.js`, path.replace(/\.js$/, ".ts"), `${path}/index.ts`]) {
      const about = await stat(join(this.#root, other)).catch(() => undefined);
      if (other !== path && about?.isFile()) return `There is ${other}; paths are written in full.`;
    }
    return undefined;
  }
}

async function readModule(path: string, text: string): Promise<ReadModule> {
  const nothing = { text, imports: [], hasDefault: false };
  if (!/\.(?:ts|mts|js|mjs)$/.test(path)) return nothing;
  try {
    const isTypeScript = /\.m?ts$/.test(path);
    // Blanks take the place of types, so that offsets stay those of the file.
    const code = isTypeScript ? stripTypes(text) : text;
    const [imports, exports] = parse(code, path);
    const relative = imports.flatMap((one) => {
      const specifier = "specifier" in one ? one.specifier : undefined;
      if (typeof specifier !== "string" || !/^\.{1,2}(?:\/|$)/.test(specifier)) return [];
      const target = posix.join(posix.dirname(path), specifier);
      return [{ path: target, specifier, place: placeOf(text, one.start, one.end - one.start) }];
    });
    return { text, imports: relative, hasDefault: exports.some((one) => "name" in one && one.name === "default") };
  } catch (error) {
    return { ...nothing, error: syntaxErrorOf(error, text) };
  }
}

/** The lexer gives up at once and tells no place, also for JavaScript that Node's parser of types can place. */
function syntaxErrorOf(error: unknown, text: string): NonNullable<ReadModule["error"]> {
  const told = placed(error) ?? placed(tryStrip(text));
  if (told) return told;
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  const { idx } = error as { idx?: number };
  return { message: message.replace(/^Parse error.*$/, "this is no valid module"), place: placeOf(text, idx ?? 0, 1) };
}

function tryStrip(text: string): unknown {
  try {
    stripTypes(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Node tells the place only in the stack: `:4`, source lines, a line with a caret. */
function placed(error: unknown): ReadModule["error"] {
  if (!(error instanceof Error)) return undefined;
  const frame = /^[^\n]*:(\d+)\n(?:[^\n]*\n)*?([ \t]*)(\^+)\n/.exec(error.stack ?? "");
  if (!frame) return undefined;
  const [, line = "1", indent = "", carets = "^"] = frame;
  const message = `this is no valid module: ${error.message.split("\n")[0] ?? ""}`;
  return { message, place: { line: Number(line), column: indent.length + 1, length: carets.length } };
}

/** Blanks the types out. Node warns that its own function is experimental; the authors of workflows cannot act on that. */
function stripTypes(text: string): string {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(text, { mode: "strip" });
  } finally {
    process.emitWarning = emitWarning;
  }
}

function placeOf(text: string, offset: number, length: number): Place {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - start + 1, length: Math.max(1, length) };
}
