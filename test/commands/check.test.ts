import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProject } from "../project.ts";
import { wf } from "./wf.ts";

const GOOD = "trigger: { request: {} }\nsteps:\n  - response: { json: 1 }\n";
const TYPO = "trigger: { request: {} }\nsteps:\n  - respons: { json: 1 }\n";

it("prints every problem with its place, source line, caret and hint, and sums up", async () => {
  await using project = await createProject({
    "workflows/good.yaml": GOOD,
    "workflows/typo.yaml": TYPO,
    "workflows/other.yaml": GOOD.replace("json: 1", 'json: "${{ steps.gone }}"'),
  });
  const { exit, stdout } = await wf(["check"], { cwd: project.root });
  expect(exit).toBe(1);
  expect(stdout).toContain("workflows/typo.yaml:3:5");
  expect(stdout).toContain("  - respons: { json: 1 }");
  expect(stdout).toMatch(/\^/);
  expect(stdout).toContain("workflows/other.yaml:3:");
  expect(stdout).toMatch(/\n2 errors in 2 of 3 files\n$/);
});

it("checks only the files that are named, from any folder of the project", async () => {
  await using project = await createProject({ "workflows/good.yaml": GOOD, "workflows/typo.yaml": TYPO });
  expect(await wf(["check", "good.yaml"], { cwd: join(project.root, "workflows") })).toMatchObject({
    exit: 0,
    stdout: "no problems in 1 file\n",
  });
  expect((await wf(["check", "workflows/typo.yaml"], { cwd: project.root })).exit).toBe(1);
});

it("says so when a file that is named is not there", async () => {
  await using project = await createProject({ "workflows/good.yaml": GOOD });
  const { exit, stderr, stdout } = await wf(["check", "workflows/gone.yaml"], { cwd: project.root });
  expect(exit).not.toBe(0);
  expect(stderr + stdout).toContain("gone.yaml");
});

it("prints one line of JSON for each problem", async () => {
  await using project = await createProject({ "workflows/typo.yaml": TYPO });
  const { exit, stdout } = await wf(["check", "--json"], { cwd: project.root });
  expect(exit).toBe(1);
  const problems = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(problems[0]).toMatchObject({ severity: "error", file: "workflows/typo.yaml", line: 3, column: 5 });
});

it("prints the schema, or writes it to a file", async () => {
  await using project = await createProject({});
  const { stdout } = await wf(["schema"]);
  expect(JSON.parse(stdout)).toMatchObject({ $schema: expect.any(String) });
  expect(await wf(["schema", "--out", "a/schema.json"], { cwd: project.root })).toMatchObject({ exit: 0, stdout: "" });
  expect(await readFile(join(project.root, "a/schema.json"), "utf8")).toBe(stdout);
});
