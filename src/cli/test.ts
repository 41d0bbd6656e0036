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
    .option("--watch", "run again what a change touches")
    .option("--update", "write what comes into `expect`; with --all also where there is none yet")
    .option("--record", "let http steps without a mock reach the real services, and write their answers as mocks")
    .option("--yes", "record without asking")
    .option("--reporter <form>", "pretty, junit, json or tap", "pretty")
    .option("--json", "short for --reporter json: one line of JSON for each case")
    .option("--out <file>", "write the report into a file, and show the pretty one")
    .option("--coverage", "list each step and branch that no case has reached")
    .addHelpText(
      "after",
      examples(
        "wf test",
        "wf test contacts --filter invalid",
        "wf test --watch",
        "wf test --reporter junit --out reports/wf.xml     for CI",
        "wf test contacts --record                         write mocks from the real services",
        "wf test contacts --update                         take what comes as expected",
      ),
    )
    .action(async (workflows: string[], options: TestOptions) =>
      finish((await import("../commands/test.ts")).testWorkflows(workflows, options)),
    );
}
