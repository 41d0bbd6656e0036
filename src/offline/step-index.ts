/** Every step that a case may reach: of its workflow, and of those that it starts. No I/O. */
import type { Definition, Step } from "../workflow/definition.ts";
import { nearest } from "../workflow/parse/reader.ts";

export interface IndexedStep {
  readonly definition: Definition;
  readonly step: Step;
  /** The step's path with the turns of loops left open: `notify[].send`. */
  readonly pattern: string;
}

/** Steps as `mocks` and `expect.steps` name them. */
export class StepIndex {
  readonly steps: readonly IndexedStep[];
  readonly #main: string;

  /** @param find - The definition of a workflow that a `workflow` step starts. */
  constructor(definition: Definition, find: (workflowId: string) => Definition | undefined) {
    this.#main = definition.id;
    this.steps = [...reachable(definition, find)].flatMap((one) =>
      [...one.steps, ...one.onError].flatMap((step) => indexed(one, step, "")),
    );
  }

  /**
   * Finds what a name stands for: an id (`send`), a path (`notify[0].send`), or one of these in another workflow
   * (`crm/send`). The case's own workflow comes before those that it starts.
   */
  find(name: string): IndexedStep | undefined {
    const { workflowId, path } = splitName(name);
    const pattern = path.replaceAll(/\[\d+\]/g, "[]");
    const within = this.steps.filter(({ definition }) => workflowId === undefined || definition.id === workflowId);
    const named = (one: IndexedStep): boolean => one.pattern === pattern || one.step.id === path;
    return within.find((one) => one.definition.id === this.#main && named(one)) ?? within.find(named);
  }

  /** The nearest name, as a hint, among the steps that `accepts` lets through. */
  hint(name: string, accepts: (step: Step) => boolean = () => true): string {
    const names = this.steps.filter(({ step }) => accepts(step)).map((one) => this.nameOf(one));
    const near = nearest(name, names);
    if (near !== undefined) return `Did you mean \`${near}\`?`;
    return names.length === 0 ? "There is none to name." : `There is: ${names.slice(0, 12).join(", ")}.`;
  }

  /** The shortest name of a step. */
  nameOf({ definition, step }: IndexedStep): string {
    return definition.id === this.#main ? step.id : `${definition.id}/${step.id}`;
  }
}

export function splitName(name: string): { readonly workflowId: string | undefined; readonly path: string } {
  const slash = name.indexOf("/");
  return slash === -1
    ? { workflowId: undefined, path: name }
    : { workflowId: name.slice(0, slash), path: name.slice(slash + 1) };
}

/** The names that stand for one run of a step, the most particular first. */
export function namesOf(run: {
  readonly workflowId: string;
  readonly path: string;
  readonly stepId: string;
}): readonly string[] {
  const { workflowId, path, stepId } = run;
  return [`${workflowId}/${path}`, path, `${workflowId}/${stepId}`, stepId];
}

/** A definition and those that its `workflow` steps start, directly or not. */
export function reachable(
  definition: Definition,
  find: (workflowId: string) => Definition | undefined,
): ReadonlySet<Definition> {
  const found = new Set([definition]);
  for (const one of found) {
    for (const step of allSteps(one)) {
      const child = step.kind === "workflow" ? find(step.workflow) : undefined;
      if (child !== undefined) found.add(child);
    }
  }
  return found;
}

/** Every step of a definition, those inside of others too, in the order of the file. */
export function allSteps(definition: Definition): readonly Step[] {
  return [...definition.steps, ...definition.onError]
    .flatMap((step) => indexed(definition, step, ""))
    .map(({ step }) => step);
}

function indexed(definition: Definition, step: Step, prefix: string): IndexedStep[] {
  const pattern = prefix + step.id;
  const inside = step.kind === "foreach" ? `${pattern}[].` : prefix;
  return [{ definition, step, pattern }, ...innerSteps(step).flatMap((one) => indexed(definition, one, inside))];
}

function innerSteps(step: Step): readonly Step[] {
  switch (step.kind) {
    case "foreach":
      return step.steps;
    case "switch":
      return step.cases.flatMap(({ steps }) => steps);
    case "parallel":
      return step.branches.flatMap(({ steps }) => steps);
    default:
      return [];
  }
}
