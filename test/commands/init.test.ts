import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProject } from "../project.ts";
import { wf } from "./wf.ts";

it("writes a first project that passes its own check, asking nothing without a terminal", async () => {
  await using project = await createProject({});
  const { exit, stdout, stderr } = await wf(["init"], { cwd: project.root });
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: "" });
  expect(stderr).toContain("wf serve");
  expect((await readdir(project.root)).toSorted()).toEqual([".gitignore", ".wf", "wf.yaml", "workflows"]);
  expect(await readFile(join(project.root, ".gitignore"), "utf8")).toBe(".wf/\n.env\n");
  const check = await wf(["check"], { cwd: project.root });
  expect(check).toMatchObject({ exit: 0, stdout: "no problems in 2 files\n" });
});

it("keeps what exists, to the byte", async () => {
  const files = {
    "wf.yaml": "project: mine\n",
    "workflows/hello.yaml": "# mine",
    ".gitignore": "node_modules\r\n/.wf",
  };
  await using project = await createProject(files);
  expect((await wf(["init", project.root, "--yes"])).exit).toBe(0);
  expect(await readFile(join(project.root, "wf.yaml"), "utf8")).toBe(files["wf.yaml"]);
  expect(await readFile(join(project.root, "workflows/hello.yaml"), "utf8")).toBe(files["workflows/hello.yaml"]);
  expect(await readFile(join(project.root, ".gitignore"), "utf8")).toBe("node_modules\r\n/.wf\r\n.env\r\n");
  const again = await wf(["init", project.root]);
  expect(again).toMatchObject({ exit: 0, stderr: expect.stringContaining("Everything was there already.") });
});

it("makes the folder that it is told", async () => {
  await using project = await createProject({});
  expect((await wf(["init", "a/b"], { cwd: project.root })).exit).toBe(0);
  expect(await readdir(join(project.root, "a/b/workflows"))).toEqual(["hello.yaml"]);
});

it("says so when a file stands where the folder should be", async () => {
  await using project = await createProject({ workflows: "a file" });
  const { exit, stderr } = await wf(["init"], { cwd: project.root });
  expect(exit).toBe(2);
  expect(stderr).toContain("a file stands where a folder is needed");
});
