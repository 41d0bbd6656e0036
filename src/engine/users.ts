/** What is kept of the users that user tokens name. */
import type { JsonObject } from "../json.ts";

/** A user's own state in a project; a user that nothing is kept of has none of it. */
export interface UserState {
  /** What the user's application says of the user. */
  readonly meta: JsonObject;
  /** Workflows that are switched off for the user. */
  readonly disabled: ReadonlySet<string>;
}

export interface UserStore {
  /** @throws {@link WfError} `STORE_BUSY`, `STORE_FAILED` */
  get(userId: string): UserState;
  /** Replaces what is known; durable on return. @throws {@link WfError} `STORE_BUSY`, `STORE_FULL`, `STORE_FAILED` */
  setMeta(userId: string, meta: JsonObject): void;
  /** Durable on return. @throws {@link WfError} `STORE_BUSY`, `STORE_FULL`, `STORE_FAILED` */
  setEnabled(userId: string, workflowId: string, enabled: boolean): void;
  close(): void;
}
