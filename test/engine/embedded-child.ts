/** Starts executions without end and prints each id once it is durable; the recovery test kills it. */
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import { newExecutionId } from "../../src/engine/id.ts";
import { attemptOf, definitionOf, inputOf, ok, parseDefinition, SUCCEEDED } from "./engine-fixture.ts";

const engine = await openEmbeddedEngine({
  directory: process.argv[2] as string,
  parse: parseDefinition,
  retentionMs: 86_400_000,
  walk: async (_, context) => {
    for (const path of ["a", "b", "c"]) {
      await context.step(attemptOf(path), async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return ok(path);
      });
    }
    return SUCCEEDED;
  },
});

async function load(): Promise<never> {
  for (;;) {
    const id = newExecutionId();
    await engine.start({ id, definition: definitionOf("w"), input: inputOf({ id }) });
    process.stdout.write(`${id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, load));
