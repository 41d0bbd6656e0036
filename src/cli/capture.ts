import type { Command } from "commander";
import type { CaptureOptions } from "../commands/capture.ts";
import { dirOption, examples, finish } from "./option.ts";

export function addCapture(program: Command): void {
  program
    .command("capture")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .description(
      "Print the workflow's test URL and show the requests that reach it. Joins the running server of the\n" +
        "project, or starts one.",
    )
    .option("--count <n>", "end after so many requests")
    .option("--timeout <duration>", "end after this long; exit code 3 when nothing, or less than --count, came")
    .option("--save <name>", "save what comes as test data: name, name-2, name-3, …")
    .option("--redact", "with --save: without credentials and signatures, the sender's too")
    .option("--port <port>", "port of a server that is started here, 0 for any free one")
    .addOption(dirOption())
    .option("--json", "JSON lines, as without a terminal: one `ready`, then one `capture` for each request")
    .addHelpText(
      "after",
      `${examples(
        "wf capture github-push                                  the test shelf",
        "wf capture github-push --count 1 --timeout 60s --save push",
        "wf capture github-push --json | jq .body.json           what arrives, as it arrives",
      )}\nExit code: 0 when done, 3 when the time was over first, 130 when interrupted.\n`,
    )
    .action(async (workflow: string, options: CaptureOptions) =>
      finish((await import("../commands/capture.ts")).runCapture(workflow, options)),
    );
}
