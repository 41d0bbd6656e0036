/** Deployments in the embedded store, beside the engine that owns it. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DefinitionSource } from "../../workflow/definition.ts";
import type { Deployment, DeploymentStore, NewDeployment, Version } from "../deployments.ts";
import { storeError } from "./failure.ts";
import { openShared } from "./shared.ts";

interface DeploymentRow {
  readonly id: number;
  readonly created: number;
  readonly by: string;
  readonly since: number | null;
  readonly live_by: string | null;
}

const COLUMNS = "d.id, d.created, d.by, live.since, live.by AS live_by";
const JOINED = "deployments AS d LEFT JOIN live_deployment AS live ON live.deployment = d.id";

/**
 * Opens the deployments of a store, also while a server runs on it.
 *
 * @param directory - The store's folder; made, with an empty store in it, when it is missing.
 * @throws {@link WfError} `STORE_VERSION`, `STORE_FAILED`; `STORE_LOCKED` while another process has a store that must
 * first be brought up to date
 */
export function openDeployments(directory: string): DeploymentStore {
  const { database, file } = openShared(directory);
  return new DeploymentTables(database, file);
}

class DeploymentTables implements DeploymentStore {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #live: StatementSync;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
    this.#live = database.prepare("SELECT deployment AS id FROM live_deployment");
  }

  list(): readonly Deployment[] {
    return this.#try(() => {
      const rows = this.#database.prepare(`SELECT ${COLUMNS} FROM ${JOINED} ORDER BY d.id DESC`).all();
      return (rows as unknown as DeploymentRow[]).map((row) => this.#deploymentOf(row));
    });
  }

  get(id: number): Deployment | undefined {
    return this.#try(() => {
      const row = this.#database.prepare(`SELECT ${COLUMNS} FROM ${JOINED} WHERE d.id = ?`).get(id);
      return row && this.#deploymentOf(row as unknown as DeploymentRow);
    });
  }

  liveId(): number | undefined {
    return this.#try(() => (this.#live.get() as { id: number } | undefined)?.id);
  }

  sources(id: number): readonly DefinitionSource[] {
    return this.#try(() => {
      const rows = this.#database
        .prepare(
          "SELECT v.source FROM deployment_versions AS dv JOIN versions AS v ON v.hash = dv.hash " +
            "WHERE dv.deployment = ? ORDER BY dv.workflow",
        )
        .all(id);
      return (rows as { source: string }[]).map(({ source }) => JSON.parse(source) as DefinitionSource);
    });
  }

  deploy({ definitions, by, over }: NewDeployment): Deployment | undefined {
    return this.#write(() => {
      if (this.liveId() !== over) return undefined;
      const now = Date.now();
      const { lastInsertRowid } = this.#database
        .prepare("INSERT INTO deployments (created, by) VALUES (?, ?)")
        .run(now, by);
      const id = Number(lastInsertRowid);
      const version = this.#database.prepare(
        "INSERT INTO versions (hash, workflow, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      );
      const member = this.#database.prepare(
        "INSERT INTO deployment_versions (deployment, workflow, hash) VALUES (?, ?, ?)",
      );
      for (const definition of definitions) {
        version.run(definition.hash, definition.id, JSON.stringify(definition.source));
        member.run(id, definition.id, definition.hash);
      }
      this.#makeLive(id, now, by);
      return this.get(id);
    });
  }

  activate(id: number, by: string): Deployment | undefined {
    return this.#write(() => {
      const found = this.get(id);
      if (found === undefined || found.live !== null) return found;
      this.#makeLive(id, Date.now(), by);
      return this.get(id);
    });
  }

  close(): void {
    this.#database.close();
  }

  #makeLive(id: number, since: number, by: string): void {
    this.#database
      .prepare("INSERT OR REPLACE INTO live_deployment (only_row, deployment, since, by) VALUES (1, ?, ?, ?)")
      .run(id, since, by);
  }

  #deploymentOf({ id, created, by, since, live_by }: DeploymentRow): Deployment {
    const versions = this.#database
      .prepare("SELECT workflow AS workflowId, hash FROM deployment_versions WHERE deployment = ? ORDER BY workflow")
      .all(id) as unknown as Version[];
    return {
      id,
      createdAt: new Date(created).toISOString(),
      createdBy: by,
      versions: versions.map(({ workflowId, hash }) => ({ workflowId, hash })),
      live: since === null || live_by === null ? null : { since: new Date(since).toISOString(), by: live_by },
    };
  }

  #write<T>(change: () => T): T {
    return this.#try(() => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = change();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  #try<T>(use: () => T): T {
    try {
      return use();
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }
}
