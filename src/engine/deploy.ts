/** Makes a set of workflows live, after holding it against what stays live beside it. */
import { WfError } from "../errors.ts";
import { type SourceReader } from "../workflow/check-sources.ts";
import type { Definition, DefinitionSource } from "../workflow/definition.ts";
import type { Problem } from "../workflow/problem.ts";
import type { Deployment, DeploymentStore, Version } from "./deployments.ts";

interface Change {
  /** Spares what it has read before. */
  readonly reader: SourceReader;
  readonly by: string;
  /** @returns Why this workflow may not become live here */
  readonly refuse?: (definition: Definition) => string | undefined;
}

export interface DeployRequest extends Change {
  readonly sources: readonly DefinitionSource[];
  /** True: workflows that are live and not in `sources` stay as they are; false: they go. */
  readonly keepOthers: boolean;
}

export interface RollbackRequest extends Change {
  /** The one before the live one when undefined. */
  readonly id: number | undefined;
}

export interface DeployResult {
  /** What is live now: the earlier deployment where nothing differs. */
  readonly deployment: Deployment;
  /** Ids of workflows whose version is new or another one. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

const SHOWN_PROBLEMS = 5;
/** Others that deploy at the same moment win at most so often. */
const MAX_ATTEMPTS = 5;

/** @throws {@link WfError} `DEPLOYMENT_INVALID`, with nothing changed; what the store throws */
export function deploySources(store: DeploymentStore, request: DeployRequest): DeployResult {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const liveId = store.liveId();
    const live = liveId === undefined ? undefined : store.get(liveId);
    const definitions = check(
      [...request.sources, ...(live && request.keepOthers ? othersOf(store, live, request.sources) : [])],
      request,
    );
    const { changed, removed } = difference(live?.versions ?? [], definitions);
    if (live !== undefined && changed.length + removed.length === 0) return { deployment: live, changed, removed };
    const deployment = store.deploy({ definitions, by: request.by, over: liveId });
    if (deployment !== undefined) return { deployment, changed, removed };
  }
  throw new WfError("STORE_BUSY", "Others are deploying at the same time.");
}

/**
 * Makes an earlier set live again.
 *
 * @throws {@link WfError} `DEPLOYMENT_NOT_FOUND`; `DEPLOYMENT_INVALID` for a set that this wf cannot run any more
 */
export function rollBack(store: DeploymentStore, request: RollbackRequest): Deployment {
  const { id, by } = request;
  const wanted = id ?? store.list().find((one) => one.id < (store.liveId() ?? 0))?.id;
  if (wanted === undefined) {
    throw new WfError("DEPLOYMENT_NOT_FOUND", "There is no deployment before the live one.");
  }
  if (store.get(wanted) !== undefined) check(store.sources(wanted), request);
  const deployment = store.activate(wanted, by);
  if (deployment === undefined) throw new WfError("DEPLOYMENT_NOT_FOUND", `There is no deployment ${wanted}.`);
  return deployment;
}

function othersOf(
  store: DeploymentStore,
  live: Deployment,
  sources: readonly DefinitionSource[],
): readonly DefinitionSource[] {
  const given = new Set(sources.map(({ workflowId }) => workflowId));
  return store.sources(live.id).filter(({ workflowId }) => !given.has(workflowId));
}

function check(
  sources: readonly DefinitionSource[],
  { reader, refuse = () => undefined }: Change,
): readonly Definition[] {
  if (sources.length === 0) throw new WfError("DEPLOYMENT_INVALID", "There is no workflow to deploy.");
  const { definitions, problems } = reader.check(sources);
  const told = problems.filter(({ severity }) => severity === "error").map(tell);
  for (const definition of definitions.values()) {
    const reason = refuse(definition);
    if (reason !== undefined) told.push(`${definition.source.file}: ${reason}`);
  }
  if (told.length === 0) return [...definitions.values()];
  const more = told.length > SHOWN_PROBLEMS ? `; and ${told.length - SHOWN_PROBLEMS} more` : "";
  throw new WfError("DEPLOYMENT_INVALID", `Nothing has changed: ${told.slice(0, SHOWN_PROBLEMS).join("; ")}${more}.`);
}

function tell({ file, place, message }: Problem): string {
  return `${file}:${place.line}:${place.column} ${message}`;
}

function difference(
  before: readonly Version[],
  after: readonly Definition[],
): { readonly changed: readonly string[]; readonly removed: readonly string[] } {
  const hashes = new Map(before.map(({ workflowId, hash }) => [workflowId, hash]));
  const kept = new Set(after.map(({ id }) => id));
  return {
    changed: after.filter(({ id, hash }) => hashes.get(id) !== hash).map(({ id }) => id),
    removed: before.filter(({ workflowId }) => !kept.has(workflowId)).map(({ workflowId }) => workflowId),
  };
}
