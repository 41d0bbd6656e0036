import { resolve } from "node:path";
import { WfError } from "../errors.ts";
import { loadSettings } from "../workflow/settings.ts";

/**
 * The folder that keeps a project's records.
 *
 * @param option - What `--store` says; without it, `store` in wf.yaml decides.
 * @throws {@link WfError} `USAGE` for a store that is no folder
 */
export async function storeDirectory(root: string, option: string | undefined): Promise<string> {
  const store = option ?? (await loadSettings(root)).settings.store;
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(store)) {
    const [scheme] = store.split(":");
    throw new WfError(
      "USAGE",
      `The store is a ${scheme}:// address, and this version of wf keeps records in a folder only.`,
      {
        hint: "Give a folder with --store, or leave `store` out of wf.yaml for .wf.",
      },
    );
  }
  return resolve(root, store);
}
