/** Runs again what a change touches. */
import { join, relative, sep } from "node:path";
import { watch } from "chokidar";
import { WORKFLOWS_FOLDER } from "../workflow/load.ts";
import { note } from "./terminal.ts";
import type { TestReport } from "./test-report.ts";
import type { LoadedTests, TestSession } from "./test-session.ts";

/** Editors write in several moves, and a saved capture is two files. */
const SETTLE_MS = 50;

/**
 * Runs every case, then after each change those that depend on what has changed.
 *
 * @param signal - Ends it.
 * @param onPass - Called after each pass with the names of the cases that ran.
 */
export async function watchTests(
  session: TestSession,
  report: TestReport,
  signal: AbortSignal,
  onPass: (names: readonly string[]) => void = () => {},
): Promise<void> {
  const { root } = session;
  const files = new Set([WORKFLOWS_FOLDER, "wf.yaml"]);
  const watcher = watch(
    [...files].map((file) => join(root, file)),
    { ignoreInitial: true, ignored: isIgnored(root) },
  );
  const known = new Map<string, string>();
  let change = Promise.withResolvers<void>();
  watcher.on("all", () => change.resolve());
  signal.addEventListener("abort", () => change.resolve(), { once: true });
  await new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
  try {
    while (!signal.aborted) {
      change = Promise.withResolvers<void>();
      const tests = await session.load();
      for (const module of [...tests.set.modules.values()].flat()) {
        if (files.has(module)) continue;
        files.add(module);
        watcher.add(join(root, module));
      }
      const touched = { ...tests, cases: changedSince(known, tests) };
      if (touched.cases.length > 0) await session.run(touched, report);
      onPass(touched.cases.map(({ workflowId, name }) => `${workflowId}/${name}`));
      if (touched.cases.length > 0) note("watching for changes; Ctrl+C ends it\n");
      await change.promise;
      await settled(SETTLE_MS, signal);
    }
  } finally {
    await watcher.close();
  }
}

function changedSince(known: Map<string, string>, { cases }: LoadedTests): LoadedTests["cases"] {
  const changed = cases.filter(({ file, fingerprint }) => known.get(file) !== fingerprint);
  known.clear();
  for (const { file, fingerprint } of cases) known.set(file, fingerprint);
  return changed;
}

function isIgnored(root: string): (path: string) => boolean {
  return (path) =>
    relative(root, path)
      .split(sep)
      .some((part) => part === "node_modules" || part === ".wf" || part === ".git" || part.endsWith(".tmp"));
}

function settled(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    setTimeout(resolve, ms);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
