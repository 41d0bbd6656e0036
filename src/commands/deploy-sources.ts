import { WfError } from "../errors.ts";
import { checkAuth } from "../workflow/check-auth.ts";
import type { Definition, DefinitionSource } from "../workflow/definition.ts";
import { loadProject } from "../workflow/load.ts";
import { didYouMean } from "../workflow/parse/reader.ts";
import { problemToJson } from "../workflow/problem.ts";
import { loadSettings } from "../workflow/settings.ts";
import { refuseBroken } from "./refuse-broken.ts";
import { showProblem } from "./show-problem.ts";
import { note } from "./terminal.ts";

/**
 * Bundles workflows with the modules of their functions, and tells every problem on stderr.
 *
 * @param workflows - Ids; all when empty.
 * @throws {@link WfError} `DEPLOYMENT_INVALID` for errors in what is deployed; `SETTINGS_INVALID`; `USAGE` for an id that
 * does not exist
 */
export async function collectSources(
  root: string,
  workflows: readonly string[],
  json: boolean,
): Promise<readonly DefinitionSource[]> {
  const { settings, problems: ofSettings } = await loadSettings(root);
  refuseBroken(ofSettings);
  const set = await loadProject(root);
  const unknown = workflows.find((id) => !set.ids.has(id));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, set.ids);
    throw new WfError("USAGE", `There is no workflow ${unknown}.`, hint === undefined ? {} : { hint });
  }
  // Secrets are the server's own; whether they are set is for it to tell.
  const unmet = checkAuth(set.auth, {
    isSecretSet: () => true,
    hasUserTokenKeys: settings.userTokens.keys.length > 0,
  });
  const files = new Set(workflows.flatMap((id) => [`workflows/${id}.yaml`, `workflows/${id}.yml`]));
  const modules = new Set([...set.modules].flatMap(([file, used]) => (files.has(file) ? used : [])));
  const concerned = [...set.problems, ...unmet].filter(
    ({ file }) => workflows.length === 0 || files.has(file) || modules.has(file),
  );
  for (const problem of concerned) {
    note(
      json
        ? `${JSON.stringify(problemToJson(problem))}\n`
        : `${showProblem(problem, set.sources.get(problem.file) ?? "", process.stderr)}\n\n`,
    );
  }
  const errors = concerned.filter(({ severity }) => severity === "error").length;
  if (errors > 0) {
    throw new WfError("DEPLOYMENT_INVALID", `${errors} ${errors === 1 ? "error" : "errors"}; nothing was deployed.`);
  }
  const chosen = workflows.length === 0 ? [...set.definitions.values()] : [...new Set(workflows)].map(definitionOf);
  const open = chosen.filter(({ request }) => request.auth.kind === "none").map(({ id }) => id);
  if (open.length > 0) {
    note(
      `Without \`auth\`: ${open.join(", ")}. \`wf serve --deployed\` refuses them unless --allow-unauthenticated.\n`,
    );
  }
  return chosen.map(({ source }) => source).sort(byId);

  function definitionOf(id: string): Definition {
    const definition = set.definitions.get(id);
    if (definition === undefined) throw new WfError("DEPLOYMENT_INVALID", `${id} has errors; nothing was deployed.`);
    return definition;
  }
}

function byId(a: DefinitionSource, b: DefinitionSource): number {
  return a.workflowId < b.workflowId ? -1 : 1;
}
