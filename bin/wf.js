#!/usr/bin/env node
import module from "node:module";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `wf needs Node.js 24.15 or newer and runs on ${process.versions.node}.\n` +
      "Inside its project, `npx wf` uses the Node.js that `npm ci` installed; elsewhere, upgrade Node.js.\n",
  );
  process.exit(2);
}
module.enableCompileCache?.();
await import("../dist/cli.js");
