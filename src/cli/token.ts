import type { Command } from "commander";
import type { MintOptions, TokenKeysOptions } from "../commands/token.ts";
import { dirOption, examples, finish } from "./option.ts";

export function addToken(program: Command): void {
  const token = program
    .command("token")
    .description("Make the keys of user tokens, and user tokens for tests.")
    .addHelpText(
      "after",
      examples(
        "wf token keys                                  a key pair, and the lines for wf.yaml",
        "wf token mint --user ada                       a token for `auth: user-token`",
      ),
    );
  token
    .command("keys")
    .description("Make an RSA key pair that signs (private) and checks (public) user tokens.")
    .option("--out <file>", "the private key, readable by you alone (default: .wf/user-token.pem)")
    .option("--public <file>", "the public key (default: user-token.pub.pem in the project's folder)")
    .addOption(dirOption())
    .option("--json", "print the files' paths as JSON")
    .addHelpText("after", examples("wf token keys", "wf token keys --out ~/keys/next.pem --public keys/next.pub.pem"))
    .action(async (options: TokenKeysOptions) => finish((await import("../commands/token.ts")).makeTokenKeys(options)));
  token
    .command("mint")
    .description("Print a user token (RS256) signed with a private key.")
    .requiredOption("--user <id>", "the user: becomes `sub`, and trigger.userId in the workflow")
    .option("--expires <duration>", "valid for so long (default: 1h)")
    .option("--key <file>", "private key (default: .wf/user-token.pem)")
    .addOption(dirOption())
    .option("--json", "print the token with its user and expiry as JSON")
    .addHelpText(
      "after",
      examples(
        "wf token mint --user ada",
        'wf trigger hello --header "Authorization: Bearer $(wf token mint --user ada)"',
      ),
    )
    .action(async (options: MintOptions) => finish((await import("../commands/token.ts")).mintToken(options)));
}
