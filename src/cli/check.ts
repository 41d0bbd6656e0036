import type { Command } from "commander";
import type { CheckOptions } from "../commands/check.ts";
import { dirOption, examples, finish } from "./option.ts";

export function addCheck(program: Command): void {
  program
    .command("check")
    .argument("[files...]", "workflow files (default: all of the project)")
    .description("Find mistakes in workflow files without running them.")
    .addOption(dirOption())
    .option("--json", "one line of JSON for each problem")
    .addHelpText("after", examples("wf check", "wf check workflows/lead-created.yaml", "wf check --json | jq .message"))
    .action(async (files: string[], options: CheckOptions) =>
      finish((await import("../commands/check.ts")).checkFiles(files, options)),
    );
}
