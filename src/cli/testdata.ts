import type { Command } from "commander";
import type { RemoveTestDataOptions, ShowTestDataOptions, TestDataOptions } from "../commands/testdata.ts";
import type { NewTestDataOptions } from "../commands/testdata-new.ts";
import { collect, dirOption, examples, finish } from "./option.ts";

export function addTestData(program: Command): void {
  const testdata = program
    .command("testdata")
    .description("Saved requests of workflows: workflows/<workflow>.testdata/<name>.yaml.")
    .addHelpText(
      "after",
      examples(
        "wf testdata                                  all test data",
        `wf testdata new lead-created valid --data '{"email": "ada@example.com"}'`,
        "wf testdata show lead-created valid",
        "wf trigger lead-created --test-data valid    send it",
      ),
    );
  testdata
    .command("list", { isDefault: true })
    .argument("[workflow]", "only of this one")
    .description("List test data (what `wf testdata` alone does).")
    .addOption(dirOption())
    .option("--json", "one line of JSON for each")
    .addHelpText("after", examples("wf testdata list", "wf testdata list lead-created --json | jq -r .name"))
    .action(async (workflow: string | undefined, options: TestDataOptions) =>
      finish((await import("../commands/testdata.ts")).showTestDataList(workflow, options)),
    );
  testdata
    .command("show")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .argument("<name>", "name of the test data")
    .description("Show a saved request: method, URL, headers, body, mocks and expectations.")
    .option("--body", "write the body's bytes to stdout, and nothing else")
    .addOption(dirOption())
    .option("--json", "all of it as one line of JSON")
    .addHelpText(
      "after",
      examples("wf testdata show lead-created valid", "wf testdata show invoice scan --body > scan.pdf"),
    )
    .action(async (workflow: string, name: string, options: ShowTestDataOptions) =>
      finish((await import("../commands/testdata.ts")).showTestData(workflow, name, options)),
    );
  testdata
    .command("new")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .argument("<name>", "lower-case letters, digits, `.`, `_` and `-`")
    .description("Enter test data by hand: by options, or without any in $EDITOR.")
    .option("-d, --data <data>", "body: text, @file, or - for stdin")
    .option("-q, --query <name=value>", "query parameter; may be repeated", collect)
    .option("-H, --header <name: value>", "header; may be repeated", collect)
    .option("-X, --method <method>", "HTTP method (default: POST)")
    .option("-e, --edit", "open it in $EDITOR before it is saved; begins with a sample that the rules suggest")
    .option("--redact", "replace authorization, cookie and signature headers by placeholders too")
    .option("--force", "overwrite test data of the same name; its mocks and expectations stay")
    .addOption(dirOption())
    .option("--json", "print the written files as JSON")
    .addHelpText(
      "after",
      `${examples(
        `wf testdata new lead-created valid --data '{"email": "ada@example.com"}' --query source=web`,
        "wf testdata new import leads --data @leads.csv",
        "wf testdata new lead-created broken --edit",
      )}\nValues of secrets that the project's workflows use become placeholders like \${{ secrets.NAME }}.\n`,
    )
    .action(async (workflow: string, name: string, options: NewTestDataOptions) =>
      finish((await import("../commands/testdata-new.ts")).newTestData(workflow, name, options)),
    );
  testdata
    .command("edit")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .argument("<name>", "name of the test data")
    .description("Open test data in $EDITOR; saved only when it can be read.")
    .addOption(dirOption())
    .option("--json", "print the written files as JSON")
    .addHelpText(
      "after",
      examples("wf testdata edit lead-created valid", "EDITOR='code --wait' wf testdata edit lead-created valid"),
    )
    .action(async (workflow: string, name: string, options: TestDataOptions) =>
      finish((await import("../commands/testdata-new.ts")).editTestData(workflow, name, options)),
    );
  testdata
    .command("rm")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .argument("<name>", "name of the test data")
    .description("Remove test data and its body's file; asks first.")
    .option("-y, --yes", "ask nothing")
    .addOption(dirOption())
    .option("--json", "print what was removed as JSON; asks all the same")
    .addHelpText("after", examples("wf testdata rm lead-created valid --yes"))
    .action(async (workflow: string, name: string, options: RemoveTestDataOptions) =>
      finish((await import("../commands/testdata.ts")).deleteTestData(workflow, name, options)),
    );
}
