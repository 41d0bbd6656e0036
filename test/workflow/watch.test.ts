import { renameSync, rmSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { type ProjectChange, watchProject } from "../../src/workflow/watch.ts";
import { ProjectFolder } from "./project-folder.ts";

const workflow = (delay: string): string => `trigger: { request: {} }\nsteps: [{ delay: ${delay} }]\n`;

async function watched(folder: ProjectFolder) {
  const changes: ProjectChange[] = [];
  const watch = await watchProject(folder.root, (change) => changes.push(change));
  const until = (holds: (change: ProjectChange) => boolean) =>
    vi.waitFor(
      () => {
        const change = changes.find(holds);
        if (!change) throw new Error("no such change yet");
        return change;
      },
      { timeout: 10_000, interval: 5 },
    );
  return { watch, changes, until, [Symbol.asyncDispose]: () => watch.close() };
}

test("a saved, a new and a deleted file become live whole", async () => {
  using folder = new ProjectFolder({ "workflows/a.yaml": workflow("1s") });
  await using project = await watched(folder);
  const first = project.watch.set.definitions.get("a")?.hash;
  folder.write("workflows/a.yaml", workflow("2s"));
  const change = await project.until(({ changed }) => changed.includes("a"));
  expect(change.set.definitions.get("a")?.hash).not.toBe(first);
  folder.write("workflows/b.yaml", workflow("1s"));
  await project.until(({ changed }) => changed.includes("b"));
  rmSync(folder.path("workflows/a.yaml"));
  const removal = await project.until(({ removed }) => removed.includes("a"));
  expect([...removal.set.definitions.keys()]).toEqual(["b"]);
});

test("a broken file leaves its last good definition live and tells the problem once", async () => {
  using folder = new ProjectFolder({ "workflows/a.yaml": workflow("1s"), "workflows/b.yaml": workflow("1s") });
  await using project = await watched(folder);
  const good = project.watch.set.definitions.get("a");
  folder.write("workflows/a.yaml", workflow("never"));
  const broken = await project.until(({ problems }) => problems.length > 0);
  expect(broken.problems[0]).toMatchObject({ file: "workflows/a.yaml", check: "bad-duration" });
  expect(broken.set.definitions.get("a")).toBe(good);
  folder.write("workflows/b.yaml", workflow("3s"));
  const other = await project.until(({ changed }) => changed.includes("b"));
  expect(other.problems).toEqual([]);
  expect(other.set.definitions.get("a")).toBe(good);
  folder.write("workflows/a.yaml", workflow("4s"));
  const mended = await project.until(({ changed }) => changed.includes("a"));
  expect(mended.set.problems).toEqual([]);
});

test("a half-written file that is good a moment later is never told as broken", async () => {
  using folder = new ProjectFolder({ "workflows/a.yaml": workflow("1s") });
  await using project = await watched(folder);
  folder.write("workflows/a.yaml", "");
  folder.write("workflows/a.yaml", workflow("2s").slice(0, 40));
  folder.write("workflows/a.yaml", workflow("2s"));
  await project.until(({ changed }) => changed.includes("a"));
  expect(project.changes.flatMap(({ problems }) => problems)).toEqual([]);
});

test("an atomic rename is a change, not a removal", async () => {
  using folder = new ProjectFolder({ "workflows/a.yaml": workflow("1s") });
  await using project = await watched(folder);
  folder.write("workflows/a.yaml.tmp", workflow("2s"));
  renameSync(folder.path("workflows/a.yaml.tmp"), folder.path("workflows/a.yaml"));
  await project.until(({ changed }) => changed.includes("a"));
  expect(project.changes.flatMap(({ removed }) => removed)).toEqual([]);
});

test("a changed module reloads the workflows that use it, wherever it lies", async () => {
  using folder = new ProjectFolder({
    "workflows/a.yaml": "trigger: { request: {} }\nsteps: [{ function: ../lib/a.ts }]\n",
    "lib/a.ts": "export default () => 1;\n",
  });
  await using project = await watched(folder);
  folder.write("lib/a.ts", "export default () => 2;\n");
  const change = await project.until(({ changed }) => changed.includes("a"));
  expect(change.set.definitions.get("a")?.source.modules["lib/a.ts"]).toContain("2");
});

test("settings and a folder of workflows that comes later are noticed", async () => {
  using folder = new ProjectFolder();
  await using project = await watched(folder);
  folder.write(".env", "A=1\n");
  await project.until(({ settingsChanged }) => settingsChanged.includes(".env"));
  folder.write("workflows/a.yaml", workflow("1s"));
  await project.until(({ changed }) => changed.includes("a"));
});
