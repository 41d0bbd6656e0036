/** Keeps a project's workflows live while their files change. */
import { join, relative, resolve, sep } from "node:path";
import { watch, type FSWatcher } from "chokidar";
import type { Definition } from "./definition.ts";
import { type LoadedSet, ProjectLoader, WORKFLOWS_FOLDER } from "./load.ts";
import type { Problem } from "./problem.ts";

/** Files beside the workflows whose change matters to a server. */
const SETTINGS_FILES = ["wf.yaml", ".env"];
/** How long a file may be missing or broken before it counts: editors write in several moves. */
const SETTLE_MS = 80;

export interface ProjectChange {
  /** What is live now: where a file is broken, its last good definition. */
  readonly set: LoadedSet;
  /** Ids whose definition is new or another one. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Of the files that changed or whose problems did; all problems are in `set`. */
  readonly problems: readonly Problem[];
  /** `wf.yaml`, `.env` */
  readonly settingsChanged: readonly string[];
}

export interface ProjectWatch {
  /** What is live now. */
  readonly set: LoadedSet;
  /** After it resolves, no change is told any more. */
  close(): Promise<void>;
}

/**
 * Loads a project and tells every change of it, whole: a saved file becomes live at once, a broken one leaves its last
 * good definition live.
 *
 * @param onChange - Called after each change; never at the same time as another.
 */
export async function watchProject(root: string, onChange: (change: ProjectChange) => void): Promise<ProjectWatch> {
  const watched = new WatchedProject(resolve(root), onChange);
  await watched.open();
  return watched;
}

class WatchedProject implements ProjectWatch {
  set: LoadedSet = {
    definitions: new Map(),
    problems: [],
    sources: new Map(),
    ids: new Set(),
    modules: new Map(),
    auth: new Map(),
    count: 0,
  };
  readonly #root: string;
  readonly #onChange: (change: ProjectChange) => void;
  readonly #loader: ProjectLoader;
  readonly #settings = new Set<string>();
  /** Files that the next pass reads anew; undefined for all. */
  #stale: Set<string> | undefined;
  #modules = new Set<string>();
  #watcher: FSWatcher | undefined;
  #pass: Promise<void> | undefined;
  #again = false;
  #settle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(root: string, onChange: (change: ProjectChange) => void) {
    this.#root = root;
    this.#onChange = onChange;
    this.#loader = new ProjectLoader(root);
  }

  async open(): Promise<void> {
    this.set = await this.#loader.load();
    this.#watcher = watch(this.#root, { ignored: (path) => !this.#matters(path), ignoreInitial: true });
    this.#watchModules(this.set.modules);
    this.#watcher.on("all", (_event, path) => this.#onEvent(path));
    // A watcher that fails on one path still tells of the others.
    this.#watcher.on("error", () => this.#scheduleAll());
    await new Promise<void>((ready) => this.#watcher?.once("ready", () => ready()));
    // What changed between loading and watching is told by nobody.
    this.#scheduleAll();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#settle);
    await this.#watcher?.close();
    await this.#pass;
  }

  #relative(path: string): string {
    return relative(this.#root, path).split(sep).join("/");
  }

  #matters(path: string): boolean {
    const name = this.#relative(path);
    if (name === "" || name === WORKFLOWS_FOLDER || SETTINGS_FILES.includes(name) || this.#modules.has(name))
      return true;
    if ([...this.#modules].some((module) => module.startsWith(`${name}/`))) return true;
    const inside = name.startsWith(`${WORKFLOWS_FOLDER}/`) ? name.slice(WORKFLOWS_FOLDER.length + 1) : undefined;
    return inside !== undefined && !inside.includes("/") && /\.ya?ml$/.test(inside);
  }

  #watchModules(modules: LoadedSet["modules"]): void {
    const added = [...new Set([...modules.values()].flat())].filter((module) => !this.#modules.has(module));
    for (const module of added) this.#modules.add(module);
    if (added.length > 0) this.#watcher?.add(added.map((module) => join(this.#root, module)));
  }

  #onEvent(path: string): void {
    const name = this.#relative(path);
    if (SETTINGS_FILES.includes(name)) this.#settings.add(name);
    this.#stale?.add(name);
    this.#schedule();
  }

  #scheduleAll(): void {
    this.#stale = undefined;
    this.#schedule();
  }

  /** One pass for all events of a turn; those that come during a pass cause one more. */
  #schedule(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#pass ??= this.#run().finally(() => {
      this.#pass = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      await new Promise((next) => setImmediate(next));
      this.#again = false;
      const stale = this.#stale;
      this.#stale = new Set();
      const loaded = await this.#loader.load(stale).catch(() => undefined);
      // A folder that cannot be read for a moment changes nothing; the settle pass looks again, at everything.
      if (loaded === undefined) this.#later();
      else if (!this.#closed) this.#apply(loaded);
    }
  }

  #later(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      this.#settle = undefined;
      this.#settled = true;
      this.#scheduleAll();
    }, SETTLE_MS);
  }

  /** True for the pass that takes broken and missing files as they are. */
  #settled = false;

  #apply(loaded: LoadedSet): void {
    this.#watchModules(loaded.modules);
    const before = this.set;
    const definitions = new Map<string, Definition>(loaded.definitions);
    const settled = this.#settled;
    this.#settled = false;
    let unsettled = newProblems(before, loaded).some(({ severity }) => severity === "error");
    const removed: string[] = [];
    for (const [id, definition] of before.definitions) {
      if (definitions.has(id)) continue;
      const gone = !loaded.ids.has(id);
      if (gone && settled) {
        removed.push(id);
      } else {
        definitions.set(id, definition);
        unsettled ||= gone;
      }
    }
    const wait = unsettled && !settled;
    if (wait) this.#later();
    const changed = [...definitions]
      .filter(([id, one]) => before.definitions.get(id)?.hash !== one.hash)
      .map(([id]) => id);
    // Until a broken file has settled, its problems are not told; the rest of the change is live at once.
    const held = wait ? before.problems : loaded.problems;
    const problems = wait ? [] : newProblems(before, loaded);
    this.set = { ...loaded, definitions, problems: held };
    const settingsChanged = [...this.#settings];
    this.#settings.clear();
    const mended = !wait && before.problems.length > loaded.problems.length;
    if (changed.length + removed.length + problems.length + settingsChanged.length === 0 && !mended) return;
    this.#onChange({ set: this.set, changed, removed, problems, settingsChanged });
  }
}

/** Problems that were not there before, and those beside them in the same file, since a caller shows a file whole. */
function newProblems(before: LoadedSet, now: LoadedSet): Problem[] {
  const known = new Set(before.problems.map((problem) => JSON.stringify(problem)));
  const files = new Set(now.problems.filter((problem) => !known.has(JSON.stringify(problem))).map(({ file }) => file));
  for (const [file, text] of now.sources) if (before.sources.get(file) !== text) files.add(file);
  return now.problems.filter(({ file }) => files.has(file));
}
