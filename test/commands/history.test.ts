import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProject, type TestProject } from "../project.ts";
import { type CliResult, type RunningServe, serve, wf } from "./wf.ts";

const GREET = `trigger: { request: { body: { fail: boolean } } }
steps:
  - id: check
    fail: "told to\\u0007"
    if: trigger.body.?fail.orValue(false)
  - id: reply
    response: { json: { hello: "\${{ trigger.body.?name.orValue('you') }}" } }
`;
const NAP = "trigger: { request: {} }\nsteps:\n  - id: nap\n    delay: 1h\n";

let project: TestProject;
let server: RunningServe;

beforeAll(async () => {
  project = await createProject({ "workflows/greet.yaml": GREET, "workflows/nap.yaml": NAP });
  server = await serve(project.root);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
});

function run(...args: string[]): Promise<CliResult> {
  return wf([...args, "--dir", project.root]);
}

async function start(workflow: string, data: unknown): Promise<string> {
  const { stdout } = await run("trigger", workflow, "--data", JSON.stringify(data), "--json");
  const body = (JSON.parse(stdout) as { executionId: string | null }).executionId;
  if (body !== null) return body;
  const listed = await run("history", "--workflow", workflow, "--limit", "1", "--json");
  return (JSON.parse(listed.stdout) as { id: string }).id;
}

it("says that nothing has run where nothing has", async () => {
  await using empty = await createProject({ "workflows/greet.yaml": GREET });
  expect(await wf(["history", "--dir", empty.root])).toEqual({ exit: 0, stdout: "", stderr: "No executions.\n" });
  expect((await wf(["history", "show", "0199f3a2", "--dir", empty.root])).exit).toBe(1);
});

it("lists executions with filters, newest first, as a table and as JSON lines", async () => {
  const first = await start("greet", { name: "a" });
  const second = await start("greet", { fail: true });
  const json = await run("history", "list", "--workflow", "greet", "--json");
  const ids = json.stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { id: string }).id);
  expect(ids.slice(0, 2)).toEqual([second, first]);
  const failed = await run("history", "--status", "failed", "--after", "1h");
  expect(failed.stdout).toContain(second);
  expect(failed.stdout).not.toContain(first);
  expect((await run("history", "--before", "1h")).stdout).toBe("");
});

it("shows an execution by the beginning of its id, with control characters escaped", async () => {
  const id = await start("greet", { fail: true });
  const { exit, stdout } = await run("history", "show", id.slice(0, 18));
  expect(exit).toBe(0);
  expect(stdout).toContain(`✗ FAILED`);
  expect(stdout).toContain(id);
  expect(stdout).toContain("✗ check fail");
  expect(stdout).toContain("FAILED_BY_STEP told to\\x07");
});

it("tells apart an id that is none, one that is unknown, and one that fits several", async () => {
  await start("greet", {});
  await start("greet", {});
  const newest = JSON.parse((await run("history", "--limit", "1", "--json")).stdout) as { id: string };
  expect(await run("history", "show", "zzz")).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("no execution id"),
  });
  expect(await run("history", "show", "00000000")).toMatchObject({ exit: 1 });
  expect(await run("history", "show", newest.id.slice(0, 8))).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("Several executions"),
  });
});

it("waits for the end with trigger --wait, and exits 1 when the execution failed", async () => {
  const good = await run("trigger", "greet", "--data", '{"name":"Ada"}', "--wait", "--json");
  expect(good.exit).toBe(0);
  const bad = await run("trigger", "greet", "--data", '{"fail":true}', "--wait");
  expect(bad.exit).toBe(1);
  expect(bad.stderr).toContain("✗ check fail");
  const slow = await run("trigger", "nap", "--data", "{}", "--wait", "--timeout", "300ms");
  expect(slow.exit).toBe(3);
  expect(slow.stderr).toContain("--follow");
});

it("cancels a sleeping execution, and refuses to cancel it again", async () => {
  const id = await start("nap", {});
  expect(await run("history", "cancel", id)).toMatchObject({ exit: 0, stderr: `Cancelled ${id}.\n` });
  expect((await run("history", "show", id, "--json")).stdout).toContain('"status":"CANCELLED"');
  expect((await run("history", "show", id, "--follow")).exit).toBe(1);
});

it("replays an execution as it was or on the current definition", async () => {
  const id = await start("greet", { name: "first" });
  await project.write("workflows/greet.yaml", GREET.replace("hello:", "goodbye:"));
  await server.event(({ event, changed }) => event === "reloaded" && (changed as string[]).includes("greet"));
  for (const [args, word] of [
    [[], "hello"],
    [["--current"], "goodbye"],
  ] as const) {
    const replay = await run("history", "replay", id, ...args);
    expect(replay.exit).toBe(0);
    const shown = await run("history", "show", replay.stdout.trim(), "--follow", "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({
      replayOf: id,
      reply: { body: { value: { [word]: "first" } } },
    });
  }
});

describe("--follow", () => {
  it("shows executions as they end, until interrupted", async () => {
    const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
    const args = [cli, "history", "--follow", "--json", "--workflow", "greet", "--dir", project.root];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    try {
      // It may not watch yet when the first ones end: start more until one is seen.
      const seen: string[] = [];
      lines.on("line", (line) => seen.push(line));
      const ids: string[] = [];
      while (seen.length === 0) ids.push(await start("greet", {}));
      expect(ids).toContain((JSON.parse(seen[0] ?? "") as { id: string }).id);
    } finally {
      child.kill("SIGINT");
      await once(child, "exit");
    }
    expect(child.exitCode).toBe(130);
  });
});

it("reads without a server, and says that cancelling needs one", async () => {
  const id = await start("greet", {});
  expect(await server.end("SIGTERM")).toBe(0);
  expect((await run("history", "show", id)).stdout).toContain(id);
  expect(await run("history", "cancel", id)).toMatchObject({ exit: 3, stderr: expect.stringContaining("wf serve") });
});
