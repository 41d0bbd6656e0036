import type { Command } from "commander";
import type { DiffOptions } from "../commands/rules-diff.ts";
import type { InferRulesOptions } from "../commands/rules-infer.ts";
import { collect, dirOption, examples, finish, storeOption } from "./option.ts";

export function addRules(program: Command): void {
  const rules = program
    .command("rules")
    .description("Infer a trigger's rules from real requests, and see where requests have drifted from them.")
    .addHelpText(
      "after",
      examples(
        "wf rules infer lead-created             print the rules that its captures and test data show",
        "wf rules infer lead-created --write     and write them into workflows/lead-created.yaml",
        "wf rules diff lead-created              where captures differ from rules and test data",
      ),
    );
  rules
    .command("infer")
    .argument("<workflow>", "id of the workflow")
    .description("Infer rules from captures and test data; they accept every request that they were inferred from.")
    .option("--write", "add them to the workflow's file; its other text and its own rules stay as they are")
    .option("--replace", "let rules of the file that these requests break give way; learn from refused captures too")
    .option("--from <source>", "captures, testdata or both (default: both)")
    .option("--name <name>", "from this test data only (repeatable)", collect)
    .option("--capture <id>", "from this capture only (repeatable); the beginning of its id is enough", collect)
    .option("--limit <n>", "newest captures to learn from (default: 1000)")
    .option("--levels <n>", "levels of fields below the body; deeper objects get no fields (default: 16)")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "one line of JSON: samples, yaml, added, replaced, kept")
    .addHelpText(
      "after",
      `
Required is what every request has; formats (email, date, date-time, url, uuid) are those that every text has; values are
listed only when ten requests or more show a few again and again. Refused captures, captures with a wrong signature, and
test data that expects a status of 4xx are left out.
${examples(
  "wf rules infer lead-created --from testdata --name real",
  "wf rules infer lead-created --write && git diff",
  "wf rules infer lead-created --write --replace     widen rules that are too narrow",
)}`,
    )
    .action(async (workflow: string, options: InferRulesOptions) =>
      finish((await import("../commands/rules-infer.ts")).inferWorkflowRules(workflow, options)),
    );
  rules
    .command("diff")
    .argument("<workflow>", "id of the workflow")
    .description("Show where captures differ from the rules and from the test data: added, missing, changed fields.")
    .option("--fail-on-drift", "exit code 1 when something differs")
    .option("--after <time>", "only captures since 2026-11-23T15:00:00Z, or 2h for two hours ago")
    .option("--limit <n>", "newest captures to look at (default: 100)")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "one line of JSON for each difference")
    .addHelpText(
      "after",
      examples("wf rules diff lead-created --after 2h", "wf rules diff lead-created --fail-on-drift --json | jq .path"),
    )
    .action(async (workflow: string, options: DiffOptions) =>
      finish((await import("../commands/rules-diff.ts")).diffWorkflowRules(workflow, options)),
    );
}
