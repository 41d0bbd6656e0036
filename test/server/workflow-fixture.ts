/** What tests of the server on the default engine share: definitions from text, and a world that steps cannot reach. */
import type { Effects } from "../../src/engine/effects.ts";
import type { Definition } from "../../src/workflow/definition.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";

export function parse(workflowId: string, yaml: string): Definition {
  const source = { workflowId, file: `workflows/${workflowId}.yaml`, yaml, modules: {} };
  const { definition, problems } = parseWorkflow(source);
  if (definition === undefined) throw new Error(JSON.stringify(problems));
  return definition;
}

export const NO_EFFECTS: Effects = {
  secrets: {},
  http: () => Promise.reject(new Error("no http here")),
  function: () => Promise.reject(new Error("no functions here")),
  workflow: () => Promise.reject(new Error("no workflows here")),
};
