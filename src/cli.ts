/** The command tree. Each action imports its command, so that `--help` and `--version` load next to nothing. */
import { Command, CommanderError, Option } from "commander";
import { WfError } from "./errors.ts";
import { readVersion } from "./version.ts";
import { reportFailure } from "./commands/failure.ts";
import type { ControlOptions, ListOptions, ShowOptions } from "./commands/history.ts";
import type { CheckOptions } from "./commands/check.ts";
import type { InitOptions } from "./commands/init.ts";
import type { SchemaOptions } from "./commands/schema.ts";
import type { ServeOptions } from "./commands/serve.ts";
import { paint } from "./commands/terminal.ts";
import type { TriggerOptions } from "./commands/trigger.ts";

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

/** Runs one command line and sets the exit code. */
async function run(args: readonly string[]): Promise<void> {
  quietBrokenPipe();
  const interrupted = (): void => process.exit(EXIT_INTERRUPTED);
  // `wf serve` and `wf trigger --repeat` end in their own way; everything else just stops.
  if (!(args.includes("serve") || args.includes("--repeat"))) process.once("SIGINT", interrupted);
  const program = buildProgram();
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode =
      error instanceof CommanderError
        ? error.exitCode === 0
          ? 0
          : EXIT_USAGE
        : reportFailure(error, args.includes("--json"));
  }
  process.off("SIGINT", interrupted);
}

/** `wf history | head` ends without a word once the reader has gone. */
function quietBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      // A server outlives the program that read its output.
      if (stream.listenerCount("error") === 1) process.exit();
    });
  }
}

function buildProgram(): Command {
  const program = new Command("wf")
    .description("Runs workflows that HTTP requests start, written as YAML files.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, paint("red", "error:", process.stderr))),
    })
    .showHelpAfterError(`${paint("cyan", "hint:", process.stderr)} add --help to see the options with examples.`)
    .exitOverride()
    .addHelpText(
      "after",
      examples(
        "wf init                                             a first workflow in this folder",
        "wf serve                                            run the workflows and reload them on change",
        `wf trigger hello --data '{"name": "Ada"}'           send a request to one`,
        "wf history                                          what has run",
        "wf check                                            find mistakes without running",
      ),
    );
  addServe(program);
  addTrigger(program);
  addHistory(program);
  addCheck(program);
  addSchema(program);
  addInit(program);
  return program;
}

function addServe(program: Command): void {
  program
    .command("serve")
    .description("Run the project's workflows: accept requests, reload changed files, keep a history.")
    .option("--host <host>", "address to listen on (default: server.host in wf.yaml, or 127.0.0.1)")
    .option("--port <port>", "port to listen on, 0 for any free one (default: server.port in wf.yaml, or 4000)")
    .addOption(dirOption())
    .option("--store <path>", "folder that keeps the executions (default: store in wf.yaml, or .wf)")
    .option("--allow-unauthenticated", "listen on a public address although workflows ask for no credentials")
    .option("--json", "print events as JSON lines: ready, reloaded, problem, execution, stopped")
    .addHelpText(
      "after",
      examples(
        "wf serve",
        "wf serve --port 0 --json       any free port; the first `ready` line tells which",
        "wf serve --dir ../shop         the project in another folder",
      ),
    )
    .action(async (options: ServeOptions) => finish((await import("./commands/serve.ts")).serve(options)));
}

function addTrigger(program: Command): void {
  program
    .command("trigger")
    .argument("<workflow>", "its id: the name of its file without .yaml")
    .description("Send a request to a workflow of the running server and show the answer.")
    .option("-d, --data <data>", "body: text, @file, or - for stdin")
    .option("-q, --query <name=value>", "query parameter; may be repeated", collect)
    .option("-H, --header <name: value>", "header; may be repeated", collect)
    .option("-X, --method <method>", "HTTP method (default: POST)")
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
        "wf trigger report > report.pdf",
        "wf trigger hello --data @hello.json --repeat 1000 --concurrency 50",
      )}\nThe body of the answer goes to stdout, everything else to stderr. Exit code: 0 for 2xx (with --wait: the\nexecution succeeded), 1 otherwise, 3 when nothing answered.\n`,
    )
    .action(async (workflow: string, options: TriggerOptions) =>
      finish((await import("./commands/trigger.ts")).runTrigger(workflow, options)),
    );
}

function addHistory(program: Command): void {
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
      await finish((await import("./commands/history.ts")).listHistory(options));
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
      finish((await import("./commands/history.ts")).showExecution(id, options)),
    );
  history
    .command("cancel")
    .argument("<id>", "execution id, or at least its first 8 characters")
    .description("Cancel an execution of the running server: at once in a delay, else at the next step.")
    .addOption(dirOption())
    .option("--json", "print the answer as JSON")
    .addHelpText("after", examples("wf history cancel 0199f3a2"))
    .action(async (id: string, options: ControlOptions) =>
      finish((await import("./commands/history.ts")).cancelExecution(id, options)),
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
      finish((await import("./commands/history.ts")).replayExecution(id, options)),
    );
}

async function unknownHistoryCommand(name: string): Promise<WfError> {
  const { closest, distance } = await import("fastest-levenshtein");
  const near = closest(name, ["list", "show", "cancel", "replay"]);
  const command = /^[0-9a-f-]{8,36}$/i.test(name) ? `show ${name}` : distance(name, near) <= 2 ? near : undefined;
  const hint = command === undefined ? {} : { hint: `Did you mean \`wf history ${command}\`?` };
  return new WfError("USAGE", `wf history has no command "${name}".`, hint);
}

function addCheck(program: Command): void {
  program
    .command("check")
    .argument("[files...]", "workflow files (default: all of the project)")
    .description("Find mistakes in workflow files without running them.")
    .addOption(dirOption())
    .option("--json", "one line of JSON for each problem")
    .addHelpText("after", examples("wf check", "wf check workflows/lead-created.yaml", "wf check --json | jq .message"))
    .action(async (files: string[], options: CheckOptions) =>
      finish((await import("./commands/check.ts")).checkFiles(files, options)),
    );
}

function addSchema(program: Command): void {
  program
    .command("schema")
    .description("Print the JSON Schema of workflow files, with which editors complete and check them.")
    .option("-o, --out <file>", "write it to a file")
    .addHelpText("after", examples("wf schema > workflow.schema.json", "wf schema --out .wf/workflow.schema.json"))
    .action(async (options: SchemaOptions) => finish((await import("./commands/schema.ts")).writeSchema(options)));
}

function addInit(program: Command): void {
  program
    .command("init")
    .argument("[dir]", "folder of the project", ".")
    .description("Write a first workflow, wf.yaml and .gitignore. Files that exist stay as they are.")
    .option("-y, --yes", "ask nothing")
    .addHelpText("after", examples("wf init", "wf init shop --yes"))
    .action(async (dir: string, options: InitOptions) =>
      finish((await import("./commands/init.ts")).initProject(dir, options)),
    );
}

async function finish(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}

function dirOption(): Option {
  return new Option("--dir <dir>", "folder of the project (default: this one or the nearest above with a wf.yaml)");
}

function storeOption(): Option {
  return new Option("--store <path>", "folder that keeps the executions (default: the running server's)");
}

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

await run(process.argv.slice(2));
