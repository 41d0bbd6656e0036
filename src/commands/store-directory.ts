import { resolve } from "node:path";
import { WfError } from "../errors.ts";

/**
 * The folder that keeps a project's records.
 *
 * @param option - What `--store` says; without it, `store` in wf.yaml decides.
 * @throws {@link WfError} `USAGE` for a store that is no folder
 */
export async function storeDirectory(root: string, option: string | undefined): Promise<string> {
  const store = option ?? (await settingOf(root));
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

async function settingOf(root: string): Promise<string> {
  const { loadSettings } = await import("../workflow/settings.ts");
  return (await loadSettings(root)).settings.store;
}
