import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { parseDefinition } from "./engine-fixture.ts";
import { describeEngine } from "./engine.suite.ts";

describeEngine("embedded engine", async ({ walk, scrub }) => {
  const directory = await mkdtemp(join(tmpdir(), "wf-engine-"));
  const open = (): Promise<Engine> =>
    openEmbeddedEngine({
      directory,
      walk,
      scrub,
      parse: parseDefinition,
      retentionMs: 86_400_000,
    });
  let engine = await open();
  return {
    get engine() {
      return engine;
    },
    async reopen() {
      await engine.close();
      engine = await open();
    },
    async dispose() {
      await engine.close();
      await rm(directory, { recursive: true });
    },
  };
});
