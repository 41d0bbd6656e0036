#!/usr/bin/env node
import module from "node:module";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  module.enableCompileCache?.();
  await import("../dist/cli.js");
} else {
  await runOnOwnNode();
}

/** Run by an older Node.js, for example from outside the project: hands over to the one that `npm ci` installed here. */
async function runOnOwnNode() {
  const { spawn } = await import("node:child_process");
  const { existsSync } = await import("node:fs");
  const { constants } = await import("node:os");
  const { fileURLToPath } = await import("node:url");
  const file = process.platform === "win32" ? "node.exe" : "node";
  const node = fileURLToPath(new URL(`../node_modules/node/bin/${file}`, import.meta.url));
  if (!existsSync(node)) {
    process.stderr.write(
      `wf needs Node.js 24.15 or newer and runs on ${process.versions.node}. Upgrade Node.js, or use a clone of wf ` +
        "in which `npm ci` was run.\n",
    );
    process.exit(2);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal's Ctrl-C reaches both; what is sent to this process alone has to be passed on.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
