import { type Command, Option } from "commander";
import type { DeployOptions } from "../commands/deploy.ts";
import { dirOption, examples, finish, storeOption } from "./option.ts";

export function addDeploy(program: Command): void {
  withPlace(program.command("deploy"))
    .argument(
      "[workflows...]",
      "ids of workflows that change; the others that are live stay (default: the whole project)",
    )
    .description("Check the workflows and make them live, with their functions, all of them or nothing.")
    .addHelpText(
      "after",
      examples(
        "wf deploy                                  the project becomes what `wf serve --deployed` serves",
        "wf deploy hello                            this workflow only",
        "WF_API_KEY=wf_… wf deploy --to https://wf.example.com",
      ),
    )
    .action(async (workflows: readonly string[], options: DeployOptions) =>
      finish((await import("../commands/deploy.ts")).deploy(workflows, options)),
    );
  withPlace(program.command("deployments"))
    .description("List the deployments, the newest first: when, who, which versions, and which is live.")
    .addHelpText("after", examples("wf deployments --json | jq 'select(.live)'"))
    .action(async (options: DeployOptions) => finish((await import("../commands/deploy.ts")).listDeployments(options)));
  withPlace(program.command("rollback"))
    .argument("[deployment]", "its number (default: the one before the live one)")
    .description("Make an earlier deployment live again, as a whole.")
    .addHelpText("after", examples("wf rollback", "wf rollback 3"))
    .action(async (deployment: string | undefined, options: DeployOptions) =>
      finish((await import("../commands/deploy.ts")).rollback(deployment, options)),
    );
}

function withPlace(command: Command): Command {
  return command
    .option("--to <url>", "a running server elsewhere (default: the local store)")
    .addOption(new Option("--key <key>", "API key with the scope deploy, for --to (default: WF_API_KEY)"))
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "print JSON");
}
