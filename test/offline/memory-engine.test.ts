import type { Clock } from "../../src/offline/clock.ts";
import { MemoryEngine } from "../../src/offline/memory-engine.ts";
import { MemoryFiles } from "../../src/offline/memory-files.ts";
import { describeEngine } from "../engine/engine.suite.ts";

/** The suite's walks wait for real things, at which the virtual clock would leap. */
const realTime: Clock = {
  get now() {
    return Date.now();
  },
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

describeEngine(
  "engine in memory",
  async ({ walk, scrub }) => {
    const engine = new MemoryEngine({ clock: realTime, files: new MemoryFiles(), walk, scrub });
    return { engine, reopen: async () => {}, dispose: () => engine.close() };
  },
  false,
);
