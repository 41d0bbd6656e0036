import type { Command } from "commander";
import type { CreateKeyOptions, KeyOptions } from "../commands/keys.ts";
import { collect, dirOption, examples, finish, storeOption } from "./option.ts";

export function addKeys(program: Command): void {
  const keys = program
    .command("keys")
    .description("Make, list and revoke API keys; a running server sees every change at its next request.")
    .addHelpText(
      "after",
      examples(
        "wf keys create crm --scope trigger                    prints the key, once",
        "wf keys create reports --scope history:read --expires 90d",
        "wf keys list",
        "wf keys revoke crm",
      ),
    );
  keys
    .command("create")
    .argument("<name>", "who will use it; unique")
    .description("Make a key and print it: the only time that it is shown.")
    .option("--scope <scopes>", "trigger, history:read, history:write, deploy; several by comma", collect)
    .option("--expires <duration>", "valid for so long: 12h, 90d (default: for ever)")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "print the key with its name, scopes and times as JSON")
    .addHelpText(
      "after",
      examples(
        "wf keys create crm --scope trigger",
        'curl -X POST -H "Authorization: Bearer $(wf keys create ci --scope trigger)" http://127.0.0.1:4000/triggers/hello',
      ),
    )
    .action(async (name: string, options: CreateKeyOptions) =>
      finish((await import("../commands/keys.ts")).createKey(name, options)),
    );
  keys
    .command("list")
    .description("List the keys by name, with their last characters.")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "one line of JSON for each")
    .addHelpText("after", examples("wf keys list --json | jq .name"))
    .action(async (options: KeyOptions) => finish((await import("../commands/keys.ts")).listKeys(options)));
  keys
    .command("revoke")
    .argument("<name>", "the key's name")
    .description("Take a key back, at once.")
    .addOption(dirOption())
    .addOption(storeOption())
    .option("--json", "print the result as JSON")
    .addHelpText("after", examples("wf keys revoke crm"))
    .action(async (name: string, options: KeyOptions) =>
      finish((await import("../commands/keys.ts")).revokeKey(name, options)),
    );
}
