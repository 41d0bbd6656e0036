import type { Command } from "commander";
import type { TriggerOptions } from "../commands/trigger.ts";
import { collect, dirOption, examples, finish } from "./option.ts";

export function addTrigger(program: Command): void {
  program
    .command("trigger")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .description("Send a request to a workflow of the running server and show the answer.")
    .option("-d, --data <data>", "body: text, @file, or - for stdin")
    .option("-q, --query <name=value>", "query parameter; may be repeated", collect)
    .option("-H, --header <name: value>", "header; may be repeated", collect)
    .option("-X, --method <method>", "HTTP method (default: POST)")
    .option("-t, --test-data <name>", "begin with saved test data; the other options change it")
    .option(
      "--set <part=value>",
      "set a part: body.email=x, body.seats:=3 (JSON), query.page=2, headers.x-id=7",
      collect,
    )
    .option("--unset <part>", "take a part away; may be repeated like --set", collect)
    .option(
      "--sign [preset]",
      "sign with a fresh time, as the workflow's auth says, or: stripe, github, slack, shopify, twilio, standard-webhooks, hmac:<header>",
    )
    .option(
      "--secret <name>",
      "name of the secret to sign with, in the environment or .env (default: the one in the workflow's auth)",
    )
    .option("--idempotency-key <key>", "start no second execution for the same key within 24 hours")
    .option("-w, --wait", "wait until the execution has ended and show its steps")
    .option("--timeout <duration>", "give up waiting after this long (default: 2m for the answer)")
    .option("--repeat <n>", "send the request n times and sum up the answers")
    .option("--concurrency <n>", "requests of --repeat that are open at once (default: 10)")
    .option("--url <base>", "another server than the project's own")
    .addOption(dirOption())
    .option("--json", "print the answer as one line of JSON")
    .addHelpText(
      "after",
      `${examples(
        `wf trigger lead-created --data '{"email": "ada@example.com"}' --query source=web`,
        "wf trigger import --data @leads.csv --wait",
        `curl -s https://example.com/payload | wf trigger github-push --data - --header "x-github-event: push"`,
        "wf trigger lead-created --test-data real --set body.email=x@example.com",
        "wf trigger payment --test-data real --sign",
        "wf trigger payment --data @event.json --sign stripe --secret STRIPE_SECRET",
        "wf trigger report > report.pdf",
        "wf trigger hello --data @hello.json --repeat 1000 --concurrency 50",
      )}\nThe body of the answer goes to stdout, everything else to stderr. Exit code: 0 for 2xx (with --wait: the\nexecution succeeded), 1 otherwise, 3 when nothing answered.\n`,
    )
    .action(async (workflow: string, options: TriggerOptions) =>
      finish((await import("../commands/trigger.ts")).runTrigger(workflow, options)),
    );
}
