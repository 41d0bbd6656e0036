/** Which steps and branches of workflows the cases have reached. No I/O. */
import type { ExecutionWithSteps, StepExecution } from "../engine/engine.ts";
import type { Value } from "../value.ts";
import type { Definition, Step } from "../workflow/definition.ts";
import { allSteps } from "./step-index.ts";

export interface Coverage {
  readonly workflowId: string;
  /** Relative to the project's root, with `/`. */
  readonly file: string;
  /** Executions, those too that other workflows started. */
  readonly executions: number;
  readonly steps: Covered;
  /** Cases of switches, and both ways of each `if`. */
  readonly branches: Covered;
}

export interface Covered {
  readonly total: number;
  readonly missed: readonly { readonly name: string; readonly line: number }[];
}

export function coverageOf(definition: Definition, executions: readonly ExecutionWithSteps[]): Coverage {
  const own = executions.filter(({ definitionHash }) => definitionHash === definition.hash);
  const runs = Map.groupBy(
    own.flatMap(({ steps }) => steps),
    ({ stepId }) => stepId,
  );
  const steps = allSteps(definition);
  const branches = steps.flatMap((step) => branchesOf(step, runs.get(step.id) ?? []));
  return {
    workflowId: definition.id,
    file: definition.source.file,
    executions: own.length,
    steps: covered(
      steps.map((step) => ({ name: step.id, line: step.line, isReached: hasRun(runs.get(step.id) ?? []) })),
    ),
    branches: covered(branches),
  };
}

interface Point {
  readonly name: string;
  readonly line: number;
  readonly isReached: boolean;
}

function covered(points: readonly Point[]): Covered {
  const missed = points.filter(({ isReached }) => !isReached).map(({ name, line }) => ({ name, line }));
  return { total: points.length, missed };
}

function hasRun(runs: readonly StepExecution[]): boolean {
  return runs.some(({ attempts }) => attempts.length > 0);
}

function branchesOf(step: Step, runs: readonly StepExecution[]): Point[] {
  const { id, line } = step;
  const conditional: Point[] =
    step.if === undefined
      ? []
      : [
          { name: `${id} run`, line, isReached: hasRun(runs) },
          { name: `${id} skipped`, line, isReached: runs.some(({ status }) => status === "SKIPPED") },
        ];
  if (step.kind !== "switch") return conditional;
  const cases = step.cases.map(({ when, steps }, at): Point => {
    const name = `${id} ${when === undefined ? "else" : `case ${at + 1}`}`;
    const first = steps[0];
    return { name, line: first?.line ?? line, isReached: runs.some(({ output }) => caseOf(output) === at) };
  });
  return [...conditional, ...cases];
}

function caseOf(output: Value): Value | undefined {
  return typeof output === "object" && output !== null && "case" in output ? output.case : undefined;
}
