import type { Command } from "commander";
import type { InitOptions } from "../commands/init.ts";
import { examples, finish } from "./option.ts";

export function addInit(program: Command): void {
  program
    .command("init")
    .argument("[dir]", "folder of the project", ".")
    .description("Write a first workflow, wf.yaml and .gitignore. Files that exist stay as they are.")
    .option("-y, --yes", "ask nothing")
    .addHelpText("after", examples("wf init", "wf init shop --yes"))
    .action(async (dir: string, options: InitOptions) =>
      finish((await import("../commands/init.ts")).initProject(dir, options)),
    );
}
