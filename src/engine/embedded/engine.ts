/** Opens the default engine: one process, one SQLite file. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { EmbeddedEngine } from "./embedded-engine.ts";
import { storeError } from "./failure.ts";
import { lockFolder } from "./lock.ts";
import type { EmbeddedEngineOptions } from "./options.ts";
import { openDatabase } from "./schema.ts";

/**
 * Opens the store and goes on with every execution that an earlier process left.
 *
 * @throws {@link WfError} `STORE_LOCKED` while another process has the folder, `STORE_VERSION`, `STORE_FAILED`
 */
export async function openEmbeddedEngine(options: EmbeddedEngineOptions): Promise<Engine> {
  const { directory } = options;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storeError(error, directory);
  }
  const lock = lockFolder(directory);
  try {
    const database = openDatabase(join(directory, "wf.db"));
    try {
      return new EmbeddedEngine(options, database, lock);
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw storeError(error, directory);
  }
}
