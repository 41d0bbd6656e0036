import type { Command } from "commander";
import type { ControlOptions, ListOptions, ShowOptions } from "../commands/history.ts";
import { WfError } from "../errors.ts";
import { dirOption, examples, finish, storeOption } from "./option.ts";

export function addHistory(program: Command): void {
  const history = program
    .command("history")
    .description("Look into past and running executions; needs no running server to read.")
    .addHelpText(
      "after",
      examples(
        "wf history --status failed --after 2h",
        "wf history show 0199f3a2          the first 8 characters of an id are enough",
        "wf history replay 0199f3a2        run it again as it was",
      ),
    );
  history
    .command("list", { isDefault: true })
    .argument("[command]")
    .description("List executions, newest first (what `wf history` alone does).")
    .option("--workflow <id>", "of this workflow")
    .option("--status <status>", "EXECUTING, DELAYED, SUCCEEDED, FAILED or CANCELLED")
    .option("--user <id>", "for this user")
    .option("--before <time>", "started before: 2026-11-23T15:00:00Z, or 2h for two hours ago")
    .option("--after <time>", "started after")
    .option("--limit <n>", "at most so many (default: 20)")
    .option("-f, --follow", "wait, and show executions as they end")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "one line of JSON for each")
    .addHelpText(
      "after",
      examples(
        "wf history --workflow lead-created --limit 100",
        "wf history --follow --status failed",
        "wf history --after 2026-11-01 --before 2026-12-01 --json | jq .id",
      ),
    )
    .action(async (extra: string | undefined, options: ListOptions) => {
      if (extra !== undefined) throw await unknownHistoryCommand(extra);
      await finish((await import("../commands/history.ts")).listHistory(options));
    });
  history
    .command("show")
    .argument("<id>", "execution id, or at least its first 8 characters")
    .description("Show one execution: its request, its steps with inputs, outputs and errors, its answer.")
    .option("--full", "cut nothing")
    .option("-f, --follow", "wait until it has ended; exit code 1 unless it succeeded")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "all of it as one line of JSON")
    .addHelpText("after", examples("wf history show 0199f3a2", "wf history show 0199f3a2 --json | jq .steps[0].output"))
    .action(async (id: string, options: ShowOptions) =>
      finish((await import("../commands/history.ts")).showExecution(id, options)),
    );
  history
    .command("cancel")
    .argument("<id>", "execution id, or at least its first 8 characters")
    .description("Cancel an execution of the running server: at once in a delay, else at the next step.")
    .addOption(dirOption())
    .option("--json", "print the answer as JSON")
    .addHelpText("after", examples("wf history cancel 0199f3a2"))
    .action(async (id: string, options: ControlOptions) =>
      finish((await import("../commands/history.ts")).cancelExecution(id, options)),
    );
  history
    .command("replay")
    .argument("<id>", "execution id, or at least its first 8 characters")
    .description("Run an execution's request again, on the definition it ran with.")
    .option("--current", "on the definition that is live now")
    .addOption(dirOption())
    .option("--json", "print the new execution as JSON")
    .addHelpText("after", examples("wf history replay 0199f3a2", "wf history replay 0199f3a2 --current"))
    .action(async (id: string, options: ControlOptions) =>
      finish((await import("../commands/history.ts")).replayExecution(id, options)),
    );
}

async function unknownHistoryCommand(name: string): Promise<WfError> {
  const { closest, distance } = await import("fastest-levenshtein");
  const near = closest(name, ["list", "show", "cancel", "replay"]);
  const command = /^[0-9a-f-]{8,36}$/i.test(name) ? `show ${name}` : distance(name, near) <= 2 ? near : undefined;
  const hint = command === undefined ? {} : { hint: `Did you mean \`wf history ${command}\`?` };
  return new WfError("USAGE", `wf history has no command "${name}".`, hint);
}
