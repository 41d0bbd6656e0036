/** A server on a project: its files watched, its store open, its state told to other commands. */
import { randomBytes } from "node:crypto";
import type { DeploymentStore } from "../engine/deployments.ts";
import { openDeployments } from "../engine/embedded/deployments.ts";
import { openUsers } from "../engine/embedded/users.ts";
import type { UserStore } from "../engine/users.ts";
import { createLog, type Log } from "../log.ts";
import { createServer, type Server } from "../server/server.ts";
import { SourceReader } from "../workflow/check-sources.ts";
import type { Definition } from "../workflow/definition.ts";
import type { LoadedSet } from "../workflow/load.ts";
import type { Problem } from "../workflow/problem.ts";
import { loadSettings, type Settings } from "../workflow/settings.ts";
import { type ProjectChange, watchProject, type ProjectWatch } from "../workflow/watch.ts";
import { openAuthentication, type OpenAuthentication, unmetAuth } from "./authentication.ts";
import { LiveDeployment, type LiveSet } from "./live-deployment.ts";
import { LiveSecrets } from "./live-secrets.ts";
import { findRoot } from "./project.ts";
import { refuseBroken } from "./refuse-broken.ts";
import { openRuntime, type Runtime } from "./runtime.ts";
import type { ServeReport } from "./serve-report.ts";
import { removeServerState, type ServerState, writeServerState } from "./server-state.ts";
import { storeDirectory } from "./store-directory.ts";

export interface SessionOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly dir?: string | undefined;
  readonly store?: string | undefined;
  readonly allowUnauthenticated?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** Serves what was deployed, and no file. @defaultValue false */
  readonly deployed?: boolean | undefined;
}

export class ServeSession {
  readonly #root: string;
  readonly #settings: Settings;
  readonly #store: string;
  readonly #report: ServeReport;
  readonly #secrets: LiveSecrets;
  readonly #warned = new Set<string>();
  #definitions: ReadonlyMap<string, Definition> = new Map();
  #watch: ProjectWatch | undefined;
  #deployment: LiveDeployment | undefined;
  #deployments: DeploymentStore | undefined;
  #users: UserStore | undefined;
  #runtime: Runtime | undefined;
  #authentication: OpenAuthentication | undefined;
  #server: Server | undefined;
  #state: ServerState | undefined;

  private constructor(root: string, settings: Settings, store: string, report: ServeReport) {
    this.#root = root;
    this.#settings = settings;
    this.#store = store;
    this.#report = report;
    this.#secrets = new LiveSecrets(root);
  }

  static async open(options: SessionOptions, report: ServeReport): Promise<ServeSession> {
    const root = findRoot(options.dir);
    const { settings, problems, source } = await loadSettings(root);
    for (const problem of problems) report.problem(problem, source);
    refuseBroken(problems);
    const chosen = { ...settings, host: options.host ?? settings.host, port: options.port ?? settings.port };
    const store = await storeDirectory(root, options.store);
    const session = new ServeSession(root, chosen, store, report);
    try {
      await session.#start(options);
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  get secrets(): LiveSecrets {
    return this.#secrets;
  }

  get running(): number {
    return this.#runtime?.engine.running ?? 0;
  }

  async #start(options: SessionOptions): Promise<void> {
    const log = createLog({
      json: options.json === true || options.deployed === true || !process.stderr.isTTY,
      level: "info",
      scrub: (text) => this.#secrets.scrub(text),
    });
    if (options.deployed === true) this.#followDeployment(log);
    else await this.#followFiles();
    const { execution } = this.#report;
    this.#runtime = await openRuntime({
      root: this.#root,
      directory: this.#store,
      secrets: this.#secrets,
      find: (id) => this.#definitions.get(id),
      allowPrivate: this.#settings.allowPrivate,
      retentionMs: this.#settings.retentionMs,
      captures: this.#settings.captures,
      log,
      onResumed: (count) => this.#report.resumed(count),
      onEnd: execution
        ? ({ execution: { id, workflowId, startedAt } }, end) =>
            execution({
              id,
              workflowId,
              status: end.status,
              durationMs: Math.max(0, Date.now() - Date.parse(startedAt)),
              ...(end.status === "FAILED"
                ? { error: { code: end.error.code, message: this.#secrets.scrub(end.error.message) } }
                : {}),
            })
        : undefined,
    });
    this.#authentication = openAuthentication({
      root: this.#root,
      store: this.#store,
      settings: this.#settings,
      secrets: this.#secrets,
      log,
    });
    const localToken = randomBytes(32).toString("base64url");
    this.#server = createServer({
      engine: this.#runtime.engine,
      ...(options.deployed === true ? {} : { captures: this.#runtime.captures }),
      definitions: () => this.#definitions,
      isBroken: (id) => this.#watch?.set.ids.has(id) === true && !this.#definitions.has(id),
      settings: { ...this.#settings, allowUnauthenticated: options.allowUnauthenticated ?? false },
      localToken,
      log,
      authenticate: this.#authentication.authenticate,
      findApiKey: this.#authentication.findApiKey,
      verifyUser: this.#authentication.verifyUser,
      users: () => (this.#users ??= openUsers(this.#store)),
      deployments: {
        store: () => this.#deployment?.store ?? (this.#deployments ??= openDeployments(this.#store)),
        reader: this.#deployment?.reader ?? new SourceReader(),
        changed: () => this.#deployment?.refresh(),
      },
      deployed: options.deployed ?? false,
    });
    this.#state = {
      pid: process.pid,
      url: "",
      token: localToken,
      project: this.#settings.project,
      store: this.#store,
      startedAt: new Date().toISOString(),
    };
  }

  async #followFiles(): Promise<void> {
    const watch = await watchProject(this.#root, (change) => this.#change(change));
    this.#watch = watch;
    this.#adopt(watch.set.definitions);
    for (const problem of watch.set.problems) this.#showProblem(problem, watch.set.sources);
    this.#showUnmet(watch.set.auth, watch.set.sources);
  }

  #followDeployment(log: Log): void {
    this.#deployment = new LiveDeployment(this.#store, {
      changed: (set) => this.#changeDeployment(set, log),
      failed: (error) => log.error({ err: error }, "What is deployed could not be read; the earlier set stays live"),
    });
    if (this.#definitions.size === 0) this.#report.note("Nothing is deployed yet; run `wf deploy`.");
  }

  #changeDeployment({ deployment, definitions, auth }: LiveSet, log: Log): void {
    const before = this.#definitions;
    this.#adopt(definitions);
    this.#showUnmet(auth, new Map([...definitions.values()].map(({ source }) => [source.file, source.yaml])));
    log.info({ deployment: deployment.id, workflows: definitions.size }, "A deployment is live");
    if (this.#state === undefined) return;
    this.#report.reloaded({
      changed: [...definitions.values()].filter(({ id, hash }) => before.get(id)?.hash !== hash).map(({ id }) => id),
      removed: [...before.keys()].filter((id) => !definitions.has(id)),
    });
  }

  /** @returns How other commands reach it. */
  async listen(): Promise<ServerState> {
    if (!this.#server || !this.#state) throw new Error("The session is closed.");
    const { url } = await this.#server.listen();
    const state = (this.#state = { ...this.#state, url });
    writeServerState(this.#root, state);
    // Also when a second signal ends the process in the middle of the drain.
    process.once("exit", this.#forget);
    this.#report.ready(url, this.#definitions);
    return state;
  }

  readonly #forget = (): void => {
    if (this.#state) removeServerState(this.#root, this.#state);
  };

  #change(change: ProjectChange): void {
    if (change.settingsChanged.includes(".env")) {
      this.#secrets.reload();
      this.#warned.clear();
    }
    if (change.settingsChanged.includes("wf.yaml")) {
      this.#report.note("wf.yaml has changed; start `wf serve` again to use it.");
    }
    this.#adopt(change.set.definitions);
    if (change.changed.length + change.removed.length > 0) {
      this.#report.reloaded({ changed: change.changed, removed: change.removed });
    }
    for (const problem of change.problems) this.#showProblem(problem, change.set.sources);
    this.#showUnmet(change.set.auth, change.set.sources);
  }

  #showUnmet(auth: LoadedSet["auth"], sources: LoadedSet["sources"]): void {
    for (const problem of unmetAuth(auth, this.#settings, this.#secrets)) {
      const key = `${problem.file} ${problem.message}`;
      if (this.#warned.has(key)) continue;
      this.#warned.add(key);
      this.#showProblem(problem, sources);
    }
  }

  #adopt(definitions: ReadonlyMap<string, Definition>): void {
    this.#secrets.adopt(definitions.values());
    this.#definitions = definitions;
    for (const definition of definitions.values()) {
      for (const name of this.#secrets.missing(definition)) {
        const { file } = definition.source;
        if (this.#warned.has(`${file} ${name}`)) continue;
        this.#warned.add(`${file} ${name}`);
        this.#report.note(`${file} reads secrets.${name}, which is set neither in the environment nor in .env.`);
      }
    }
  }

  #showProblem(problem: Problem, sources: ReadonlyMap<string, string>): void {
    this.#report.problem(problem, sources.get(problem.file) ?? "");
  }

  async close(): Promise<void> {
    await this.#watch?.close();
    await this.#server?.close();
    this.#deployment?.close();
    this.#deployments?.close();
    this.#users?.close();
    this.#authentication?.close();
    await this.#runtime?.close();
    this.#forget();
    process.off("exit", this.#forget);
    this.#deployment = this.#deployments = this.#users = undefined;
    this.#watch = this.#server = this.#runtime = undefined;
  }
}
