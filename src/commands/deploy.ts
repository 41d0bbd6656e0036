/** `wf deploy`, `wf deployments`, `wf rollback`: what a server with `--deployed` serves. */
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { deploySources, type DeployResult, rollBack } from "../engine/deploy.ts";
import type { Deployment, DeploymentStore } from "../engine/deployments.ts";
import { openDeployments } from "../engine/embedded/deployments.ts";
import { SourceReader } from "../workflow/check-sources.ts";
import type { HistoryPlace } from "./history-store.ts";
import { readCount } from "./options.ts";
import { findRoot } from "./project.ts";
import { collectSources } from "./deploy-sources.ts";
import { type RemotePlace, RemoteDeployments } from "./deploy-remote.ts";
import { readServerState } from "./server-state.ts";
import { storeDirectory } from "./store-directory.ts";
import { layOut, note, paint, print, printJson, safeLine } from "./terminal.ts";

export interface DeployOptions extends HistoryPlace, RemotePlace {
  readonly json?: boolean;
}

const HASH_SHOWN = 12;
const NONE = "No deployments. `wf deploy` makes the first.\n";

/** `wf deploy`: all workflows as one set, or the named ones beside what is live. @returns The exit code. */
export async function deploy(workflows: readonly string[], options: DeployOptions): Promise<number> {
  const root = findRoot(options.dir);
  const remote = await RemoteDeployments.open(root, options);
  const sources = await collectSources(root, workflows, options.json ?? false);
  const keepOthers = workflows.length > 0;
  const result =
    remote === undefined
      ? await withStore(root, options, (store) =>
          deploySources(store, { reader: new SourceReader(), sources, keepOthers, by: whoami() }),
        )
      : await remote.deploy({ sources, keepOthers });
  if (options.json) printJson(result);
  else showResult(result);
  if ("serving" in result && result.serving === false) {
    note("That server runs its working copy; it serves deployments when started with `wf serve --deployed`.\n");
  }
  return 0;
}

/** `wf deployments`. @returns The exit code. */
export async function listDeployments(options: DeployOptions): Promise<number> {
  const root = findRoot(options.dir);
  const remote = await RemoteDeployments.open(root, options);
  const found = remote === undefined ? await listLocal(root, options) : await remote.list();
  if (options.json) for (const deployment of found) printJson(deployment);
  else if (found.length === 0) note(NONE);
  else {
    const header = ["", "deployment", "time", "by", "workflows"];
    const rows = found.map((one) => [
      one.live === null ? "" : "live",
      String(one.id),
      one.createdAt,
      safeLine(one.createdBy),
      one.versions.map(({ workflowId, hash }) => `${workflowId}@${hash.slice(0, HASH_SHOWN)}`).join(" "),
    ]);
    print(
      layOut([header, ...rows], (cell, column, row) =>
        row === 0 ? paint("dim", cell) : column === 0 ? paint("green", cell) : cell,
      ),
    );
  }
  return 0;
}

/** `wf rollback`: an earlier set is live again, as a whole. @returns The exit code. */
export async function rollback(deployment: string | undefined, options: DeployOptions): Promise<number> {
  const id =
    deployment === undefined ? undefined : readCount("The deployment", deployment, { min: 1, max: 999_999_999 });
  const root = findRoot(options.dir);
  const remote = await RemoteDeployments.open(root, options);
  const live =
    remote === undefined
      ? await withStore(root, options, (store) => rollBack(store, { reader: new SourceReader(), id, by: whoami() }))
      : await remote.rollBack(id);
  if (options.json) printJson(live);
  else note(`${paint("green", "live", process.stderr)} deployment ${live.id} of ${live.createdAt}\n`);
  return 0;
}

async function listLocal(root: string, options: DeployOptions): Promise<readonly Deployment[]> {
  // A look at the deployments makes no store.
  if (!existsSync(join(await storeOf(root, options), "wf.db"))) return [];
  return withStore(root, options, (store) => store.list());
}

/** Works beside a running server, on whose store it opens the same tables. */
async function withStore<T>(root: string, place: HistoryPlace, use: (store: DeploymentStore) => T): Promise<T> {
  const store = openDeployments(await storeOf(root, place));
  try {
    return use(store);
  } finally {
    store.close();
  }
}

async function storeOf(root: string, place: HistoryPlace): Promise<string> {
  const running = place.store === undefined ? readServerState(root)?.store : undefined;
  return running ?? (await storeDirectory(root, place.store));
}

function whoami(): string {
  try {
    return `user ${userInfo().username}`;
  } catch {
    // Containers run as numbers that have no name.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

function showResult({ deployment, changed, removed }: DeployResult): void {
  if (changed.length + removed.length === 0) {
    note(`Nothing has changed since deployment ${deployment.id}, which stays live.\n`);
    return;
  }
  const rows = deployment.versions.map(({ workflowId, hash }) => [
    workflowId,
    hash.slice(0, HASH_SHOWN),
    changed.includes(workflowId) ? "changed" : "as before",
  ]);
  print(layOut([...rows, ...removed.map((id) => [id, "", "removed"])], (cell) => cell));
  note(`${paint("green", "live", process.stderr)} deployment ${deployment.id}\n`);
}
