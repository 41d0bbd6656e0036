import { mkdtempSync, readdirSync, realpathSync, rmSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A project in a folder of its own that goes when it is disposed of. */
export class ProjectFolder implements Disposable {
  readonly root: string = realpathSync(mkdtempSync(join(tmpdir(), "wf-project-")));

  constructor(files: { readonly [path: string]: string | Uint8Array } = {}) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string | Uint8Array): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Names in a folder, sorted. */
  files(path: string): string[] {
    return readdirSync(join(this.root, path)).toSorted();
  }

  path(path: string): string {
    return join(this.root, path);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
