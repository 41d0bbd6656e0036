/** Users in the embedded store, beside the engine that owns it. */
import type { DatabaseSync } from "node:sqlite";
import type { JsonObject } from "../../json.ts";
import type { UserState, UserStore } from "../users.ts";
import { storeError } from "./failure.ts";
import { openShared } from "./shared.ts";

/**
 * Opens the users of a store, also while a server runs on it.
 *
 * @param directory - The store's folder; made, with an empty store in it, when it is missing.
 * @throws {@link WfError} `STORE_VERSION`, `STORE_FAILED`; `STORE_LOCKED` while another process has a store that must
 * first be brought up to date
 */
export function openUsers(directory: string): UserStore {
  const { database, file } = openShared(directory);
  return new UserTables(database, file);
}

class UserTables implements UserStore {
  readonly #database: DatabaseSync;
  readonly #file: string;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
  }

  get(userId: string): UserState {
    return this.#try(() => {
      const row = this.#database.prepare("SELECT meta FROM users WHERE id = ?").get(userId);
      const off = this.#database.prepare("SELECT workflow FROM users_disabled WHERE user_id = ?").all(userId);
      return {
        meta: row === undefined ? {} : (JSON.parse((row as { meta: string }).meta) as JsonObject),
        disabled: new Set((off as { workflow: string }[]).map(({ workflow }) => workflow)),
      };
    });
  }

  setMeta(userId: string, meta: JsonObject): void {
    this.#try(() =>
      this.#database.prepare("INSERT OR REPLACE INTO users (id, meta) VALUES (?, ?)").run(userId, JSON.stringify(meta)),
    );
  }

  setEnabled(userId: string, workflowId: string, enabled: boolean): void {
    const change = enabled
      ? "DELETE FROM users_disabled WHERE user_id = ? AND workflow = ?"
      : "INSERT OR IGNORE INTO users_disabled (user_id, workflow) VALUES (?, ?)";
    this.#try(() => this.#database.prepare(change).run(userId, workflowId));
  }

  close(): void {
    this.#database.close();
  }

  #try<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }
}
