/** The command tree. Each action imports its command, so that `--help` and `--version` load next to nothing. */
import { Command, CommanderError } from "commander";
import { addCapture } from "./cli/capture.ts";
import { addCheck } from "./cli/check.ts";
import { addDeploy } from "./cli/deploy.ts";
import { addHistory } from "./cli/history.ts";
import { addInit } from "./cli/init.ts";
import { addKeys } from "./cli/keys.ts";
import { examples } from "./cli/option.ts";
import { addRules } from "./cli/rules.ts";
import { addSchema } from "./cli/schema.ts";
import { addServe } from "./cli/serve.ts";
import { addTestData } from "./cli/testdata.ts";
import { addTest } from "./cli/test.ts";
import { addToken } from "./cli/token.ts";
import { addTrigger } from "./cli/trigger.ts";
import { addTypes } from "./cli/types.ts";
import { reportFailure } from "./commands/failure.ts";
import { paint } from "./commands/terminal.ts";
import { readVersion } from "./version.ts";

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

/** Runs one command line and sets the exit code. */
async function run(args: readonly string[]): Promise<void> {
  quietBrokenPipe();
  const interrupted = (): void => process.exit(EXIT_INTERRUPTED);
  // These end in their own way; everything else just stops.
  if (!["serve", "capture"].includes(args[0] ?? "") && !args.includes("--repeat")) process.once("SIGINT", interrupted);
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
        "wf test                                             run saved requests against it, offline",
        "wf check                                            find mistakes without running",
      ),
    );
  addServe(program);
  addTrigger(program);
  addCapture(program);
  addTestData(program);
  addHistory(program);
  addTest(program);
  addCheck(program);
  addRules(program);
  addTypes(program);
  addSchema(program);
  addDeploy(program);
  addKeys(program);
  addToken(program);
  addInit(program);
  return program;
}

await run(process.argv.slice(2));
