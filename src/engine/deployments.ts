/** What was deployed and what of it is live; types only. */
import type { Definition, DefinitionSource } from "../workflow/definition.ts";

/** One workflow as it was when it was deployed: it never changes. */
export interface Version {
  readonly workflowId: string;
  /** The definition's hash: equal content, functions included, is the same version. */
  readonly hash: string;
}

/** A set of versions that became live together. */
export interface Deployment {
  /** Counts from 1 in each store. */
  readonly id: number;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  /** `user <login>` of the machine that holds the store, or `key <name>` of the API. */
  readonly createdBy: string;
  /** By workflow. */
  readonly versions: readonly Version[];
  /** Since when, and by whom; a rollback makes an earlier one live again. Null while another one is. */
  readonly live: { readonly since: string; readonly by: string } | null;
}

export interface NewDeployment {
  readonly definitions: readonly Definition[];
  readonly by: string;
  /** The deployment that was live when the set was put together; undefined when none was. */
  readonly over: number | undefined;
}

/** Where deployments are kept. What one process writes, every other one sees at its next look. */
export interface DeploymentStore {
  /** The newest first. */
  list(): readonly Deployment[];
  get(id: number): Deployment | undefined;
  /** Cheap enough to ask several times a second. */
  liveId(): number | undefined;
  /** All that is needed to run a deployment's versions, by workflow. */
  sources(id: number): readonly DefinitionSource[];
  /**
   * Records a set and makes it live, all of it or nothing.
   *
   * @returns undefined when another deployment has become live meanwhile
   */
  deploy(deployment: NewDeployment): Deployment | undefined;
  /** Makes a recorded set live. @returns undefined when there is no such deployment */
  activate(id: number, by: string): Deployment | undefined;
  close(): void;
}
