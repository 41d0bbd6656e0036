import type { Command } from "commander";
import type { TestOptions } from "../commands/test.ts";
import { dirOption, examples, finish } from "./option.ts";

export function addTest(program: Command): void {
  program
    .command("test")
    .argument("[workflows...]", "ids of workflows (default: all)")
    .description("Run test data offline: mocks answer http steps, waits take no time.")
    .addOption(dirOption())
    .option("--all", "also test data without `expect`, which must not fail")
    .option("--filter <text>", "only cases whose workflow or name holds this text")
    .addHelpText("after", examples("wf test", "wf test contacts --filter invalid"))
    .action(async (workflows: string[], options: TestOptions) =>
      finish((await import("../commands/test.ts")).testWorkflows(workflows, options)),
    );
}
