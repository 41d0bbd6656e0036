import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A project folder of a test's own, removed by `await using`. */
export interface TestProject extends AsyncDisposable {
  readonly root: string;
  write(path: string, text: string | Uint8Array): Promise<void>;
}

/** @param files - Contents by path relative to the project's root. */
export async function createProject(files: { readonly [path: string]: string }): Promise<TestProject> {
  const root = await mkdtemp(join(tmpdir(), "wf-"));
  const project: TestProject = {
    root,
    async write(path, text) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    },
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  for (const [path, text] of Object.entries(files)) await project.write(path, text);
  return project;
}
