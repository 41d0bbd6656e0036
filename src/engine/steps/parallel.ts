import type { ParallelStep } from "../../workflow/definition.ts";
import type { StepOutcome } from "../context.ts";
import { containerFailed, pick, visibleIds } from "../frame.ts";
import type { Frame, Walk } from "../frame.ts";
import { succeeded } from "../outcome.ts";

/**
 * Runs all branches at once. A branch does not see its siblings; after the last has ended their outputs are visible.
 * A failed branch lets the others finish; then the first error in the file's order is the step's.
 */
export async function runParallel(step: ParallelStep, frame: Frame, walk: Walk): Promise<StepOutcome> {
  const branches = step.branches.map((branch) => ({ branch, own: { ...frame, names: frame.names.fork() } }));
  const failures = await Promise.all(branches.map(({ branch, own }) => walk.runSteps(branch.steps, own)));

  for (const { branch, own } of branches) {
    const ids = visibleIds(branch.steps).filter((id) => Object.hasOwn(own.names.steps, id));
    frame.names.add(pick(own.names.steps, ids));
  }
  // One that a deadline ended comes first: nothing in here may catch it.
  const failure = failures.find((one) => one?.deadline !== undefined) ?? failures.find((one) => one !== undefined);
  if (failure !== undefined) return containerFailed(failure);
  const outputs = branches.map(
    ({ branch, own }) => [branch.name, pick(own.names.steps, visibleIds(branch.steps))] as const,
  );
  return succeeded(Object.fromEntries(outputs));
}
