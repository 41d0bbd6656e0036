/** Opens the default engine: one process, one SQLite file. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CaptureStore } from "../captures.ts";
import type { Engine } from "../engine.ts";
import { EmbeddedCaptures } from "./captures.ts";
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
export async function openEmbeddedEngine(
  options: EmbeddedEngineOptions,
): Promise<Engine & { readonly captures: CaptureStore }> {
  const { directory } = options;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storeError(error, directory);
  }
  const lock = lockFolder(directory);
  try {
    const file = join(directory, "wf.db");
    const database = openDatabase(file);
    try {
      const engine = new EmbeddedEngine(options, database, lock);
      const { commit, clock, scrub } = engine;
      const captures = new EmbeddedCaptures({ database, commit, clock, scrub, file, bounds: options.captures ?? {} });
      return Object.assign(engine, { captures });
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw storeError(error, directory);
  }
}
