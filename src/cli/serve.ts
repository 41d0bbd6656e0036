import type { Command } from "commander";
import type { ServeOptions } from "../commands/serve.ts";
import { dirOption, examples, finish } from "./option.ts";

export function addServe(program: Command): void {
  program
    .command("serve")
    .description("Run the project's workflows: accept requests, reload changed files, keep a history.")
    .option("--host <host>", "address to listen on (default: server.host in wf.yaml, or 127.0.0.1)")
    .option("--port <port>", "port to listen on, 0 for any free one (default: server.port in wf.yaml, or 4000)")
    .addOption(dirOption())
    .option("--store <path>", "folder that keeps the executions (default: store in wf.yaml, or .wf)")
    .option("--allow-unauthenticated", "listen on a public address although workflows ask for no credentials")
    .option("--deployed", "serve what `wf deploy` made live, whatever the files say; watches nothing, writes JSON")
    .option("--json", "print events as JSON lines: ready, reloaded, problem, execution, stopped")
    .addHelpText(
      "after",
      examples(
        "wf serve",
        "wf serve --port 0 --json       any free port; the first `ready` line tells which",
        "wf serve --dir ../shop         the project in another folder",
        "wf serve --deployed            in production: deployed versions only, `auth` required",
      ),
    )
    .action(async (options: ServeOptions) => finish((await import("../commands/serve.ts")).serve(options)));
}
