import { access, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { WfError } from "../../errors.ts";
import type { DefinitionSource } from "../../workflow/definition.ts";

/** Writes the modules of definitions, so that an execution runs the code that it began with, whatever is edited since. */
export interface Snapshots {
  /**
   * @returns The folder that mirrors the project's root for this definition.
   * @throws {@link WfError} `FUNCTION_FAILED` when the definition is unknown, `STORE_FULL`, `STORE_FAILED`
   */
  folder(definitionHash: string): Promise<string>;
}

/**
 * @param directory - The state folder. It lies in the project, so that Node finds the project's node_modules and
 * package.json from the modules that are written below it.
 */
export function createSnapshots(
  directory: string,
  source: (hash: string) => DefinitionSource | undefined | Promise<DefinitionSource | undefined>,
): Snapshots {
  const ready = new Map<string, Promise<string>>();
  return {
    folder: (hash) => {
      let folder = ready.get(hash);
      if (!folder) {
        folder = materialise(join(directory, "modules"), hash, source);
        ready.set(hash, folder);
        // A failure is not remembered: the disk may have room again.
        folder.catch(() => ready.delete(hash));
      }
      return folder;
    },
  };
}

async function materialise(
  modules: string,
  hash: string,
  source: (hash: string) => DefinitionSource | undefined | Promise<DefinitionSource | undefined>,
): Promise<string> {
  if (!/^[0-9a-f]{8,128}$/.test(hash)) throw new WfError("INTERNAL", `"${hash}" is no definition hash.`);
  const folder = join(modules, hash);
  if (await exists(folder)) return folder;
  const definition = await source(hash);
  if (!definition)
    throw new WfError("FUNCTION_FAILED", "The code that this execution began with is gone from the store.");
  let draft: string | undefined;
  try {
    await mkdir(modules, { recursive: true });
    draft = await mkdtemp(join(modules, ".draft-"));
    for (const [path, text] of Object.entries(definition.modules)) {
      if (!isInside(path)) throw new WfError("FUNCTION_FAILED", `The module ${path} lies outside of the project.`);
      const file = join(draft, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    // Renaming makes the folder appear whole; losing the race to another writer of the same content is as good.
    await rename(draft, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
    return folder;
  } catch (error) {
    if (error instanceof WfError) throw error;
    const full = (error as NodeJS.ErrnoException).code === "ENOSPC";
    throw new WfError(full ? "STORE_FULL" : "STORE_FAILED", `The function's code could not be written to ${modules}.`, {
      cause: error,
    });
  } finally {
    if (draft !== undefined) await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isInside(path: string): boolean {
  return !/^(?:[/\\]|[a-z]:)/i.test(path) && path.split(/[/\\]/).every((part) => part !== ".." && part !== "");
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
