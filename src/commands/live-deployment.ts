/** What is deployed, as a server serves it: followed while it runs, whoever deploys. */
import { SourceReader, type SourceSet } from "../workflow/check-sources.ts";
import type { Deployment, DeploymentStore } from "../engine/deployments.ts";
import { openDeployments } from "../engine/embedded/deployments.ts";
import { WfError } from "../errors.ts";

/** How long after its commit another process's deployment may be served. */
const LOOK_EVERY_MS = 250;

export interface LiveSet extends SourceSet {
  readonly deployment: Deployment;
}

export interface LiveDeploymentEvents {
  /** Another set is live. */
  readonly changed: (set: LiveSet) => void;
  /** The store could not be read, or holds what this wf cannot run; what was live goes on. */
  readonly failed: (error: unknown) => void;
}

export class LiveDeployment {
  readonly reader: SourceReader = new SourceReader();
  readonly #store: DeploymentStore;
  readonly #events: LiveDeploymentEvents;
  #seen: number | undefined;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes what is live, and follows it until {@link LiveDeployment.close}.
   *
   * @throws {@link WfError} `WORKFLOW_INVALID` when this wf cannot run what is live; what the store throws
   */
  constructor(directory: string, events: LiveDeploymentEvents) {
    this.#store = openDeployments(directory);
    this.#events = events;
    try {
      this.#take();
    } catch (error) {
      this.#store.close();
      throw error;
    }
    this.#timer = setInterval(() => this.refresh(), LOOK_EVERY_MS).unref();
  }

  get store(): DeploymentStore {
    return this.#store;
  }

  /** Looks at once. */
  refresh(): void {
    try {
      this.#take();
      this.#failing = false;
    } catch (error) {
      // Told once, not four times a second.
      if (!this.#failing) this.#events.failed(error);
      this.#failing = true;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#timer !== undefined) this.#store.close();
    this.#timer = undefined;
  }

  #take(): void {
    const id = this.#store.liveId();
    if (id === undefined || id === this.#seen) return;
    const deployment = this.#store.get(id);
    if (deployment === undefined) return;
    const set = this.reader.check(this.#store.sources(id));
    // Also when it cannot be served: it will not read otherwise at the next look.
    this.#seen = id;
    const problem = set.problems.find(({ severity }) => severity === "error");
    if (problem !== undefined) {
      const { file, place, message } = problem;
      throw new WfError("WORKFLOW_INVALID", `Deployment ${id} cannot be served: ${message}.`, {
        at: { file, line: place.line, column: place.column },
        hint: "It was deployed by another version of wf; deploy again, or `wf rollback`.",
      });
    }
    this.#events.changed({ ...set, deployment });
  }
}
