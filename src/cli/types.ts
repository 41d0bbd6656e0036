import type { Command } from "commander";
import type { TypesOptions } from "../commands/types.ts";
import { dirOption, examples, finish } from "./option.ts";

export function addTypes(program: Command): void {
  program
    .command("types")
    .argument("[workflows...]", "ids of workflows (default: all)")
    .description("Write TypeScript types of requests, step outputs, replies and functions, from rules and test data.")
    .addOption(dirOption())
    .option("-o, --out <file>", "write them to a file; function modules are imported relative to it")
    .option("--check", "write nothing, and exit 1 when the file of --out is stale")
    .addHelpText(
      "after",
      examples("wf types --out workflows/wf-types.ts", "wf types --out workflows/wf-types.ts --check"),
    )
    .action(async (ids: string[], options: TypesOptions) =>
      finish((await import("../commands/types.ts")).writeTypes(ids, options)),
    );
}
