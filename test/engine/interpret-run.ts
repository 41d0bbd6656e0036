import type { ExecutionEnd } from "../../src/engine/context.ts";
import type { Definition, Step } from "../../src/workflow/definition.ts";
import { World, call, path, workflow } from "./definition-builder.ts";
import { Memory, walk } from "./memory-context.ts";

export const SUCCEEDED: ExecutionEnd = { status: "SUCCEEDED" };

/** Walks steps, or a whole definition, to the end in a world that answers by script. */
export async function run(
  steps: Step[] | Definition,
  scripts: ConstructorParameters<typeof World>[0] = {},
  memory: Memory = new Memory(),
): Promise<{ end: ExecutionEnd | "crashed"; memory: Memory; world: World }> {
  const world = new World(scripts);
  const definition = Array.isArray(steps) ? workflow(steps) : steps;
  return { end: await walk(definition, memory, world), memory, world };
}

/** A step that shows what it is given to {@link World.inputs}. */
export function see(id: string, dotted: string): Step {
  return call(id, path(dotted));
}
