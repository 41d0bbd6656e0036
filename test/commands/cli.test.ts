import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { wf } from "./wf.ts";

const COMMANDS = [
  ["serve"],
  ["trigger"],
  ["history"],
  ["history", "list"],
  ["history", "show"],
  ["history", "cancel"],
  ["history", "replay"],
  ["check"],
  ["schema"],
  ["init"],
];

it.each(COMMANDS.map((words) => [words]))("shows help with examples for %j on stdout", async (words) => {
  const { exit, stdout, stderr } = await wf([...words, "--help"]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(stdout).toContain(`Usage: wf ${words.join(" ")}`);
  expect(stdout).toContain("Examples:\n  wf ");
});

it("prints its version", async () => {
  expect(await wf(["--version"])).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

it.each([
  ["an unknown command", ["srve"], "Did you mean serve?"],
  ["an unknown option", ["serve", "--prot", "1"], "Did you mean --port?"],
  ["an unknown history command", ["history", "shwo"], "Did you mean `wf history show`?"],
  ["an id without a command", ["history", "0199f3a2"], "Did you mean `wf history show 0199f3a2`?"],
  ["a missing argument", ["trigger"], "missing required argument 'workflow'"],
  ["a port that is none", ["serve", "--port", "70000"], "--port is a whole number from 0 to 65535"],
  ["a status that is none", ["history", "--status", "done"], "--status is one of EXECUTING, DELAYED"],
  ["a time that is none", ["history", "--after", "yesterday"], "--after is a time like"],
  ["a folder that is none", ["check", "--dir", "/nowhere/at/all"], "there is no folder /nowhere/at/all"],
])("answers %s with exit code 2 and a way out", async (_what, args, message) => {
  const { exit, stdout, stderr } = await wf(args, { cwd: tmpdir() });
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
  expect(stderr).toContain(message);
});

it("says where no project is, and how to begin one", async () => {
  const { exit, stderr } = await wf(["trigger", "hello"], { cwd: tmpdir() });
  expect(exit).toBe(2);
  expect(stderr).toContain("hint: Run `wf init` here");
});

it("reports errors as a line of JSON on stderr with --json", async () => {
  const { exit, stdout, stderr } = await wf(["trigger", "hello", "--json"], { cwd: tmpdir() });
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "PROJECT_NOT_FOUND", hint: expect.any(String) } });
});
