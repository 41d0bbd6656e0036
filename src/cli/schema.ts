import type { Command } from "commander";
import type { SchemaOptions } from "../commands/schema.ts";
import { examples, finish } from "./option.ts";

export function addSchema(program: Command): void {
  program
    .command("schema")
    .description("Print the JSON Schema of workflow files, with which editors complete and check them.")
    .option("-o, --out <file>", "write it to a file")
    .addHelpText("after", examples("wf schema > workflow.schema.json", "wf schema --out .wf/workflow.schema.json"))
    .action(async (options: SchemaOptions) => finish((await import("../commands/schema.ts")).writeSchema(options)));
}
