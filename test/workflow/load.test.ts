import { mkdirSync, symlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { loadProject, ProjectLoader } from "../../src/workflow/load.ts";
import { ProjectFolder } from "./project-folder.ts";

const GOOD = "trigger: { request: {} }\nsteps: [{ delay: 1s }]\n";

test("loads what lies in workflows/ and leaves test data and functions alone", async () => {
  using folder = new ProjectFolder({
    "workflows/a.yaml": GOOD,
    "workflows/b.yml": GOOD,
    "workflows/a.testdata/one.yaml": "request: {}\n",
    "workflows/functions/x.yaml": "no workflow\n",
    "workflows/notes.txt": "x",
    "workflows/.hidden.yaml": "x",
  });
  const set = await loadProject(folder.root);
  expect([...set.definitions.keys()]).toEqual(["a", "b"]);
  expect(set.problems).toEqual([]);
});

test("a project without workflows is empty", async () => {
  using folder = new ProjectFolder();
  expect((await loadProject(folder.root)).count).toBe(0);
});

test("what is no text file is a problem of its own and harms no other", async () => {
  using folder = new ProjectFolder({
    "workflows/a.yaml": GOOD,
    "workflows/a.yml": GOOD,
    "workflows/latin.yaml": Buffer.from([0x6e, 0x3a, 0xe9]),
    "workflows/huge.yaml": Buffer.alloc(10_000_000, 0x61),
  });
  mkdirSync(folder.path("workflows/folder.yaml"));
  symlinkSync(folder.path("nowhere"), folder.path("workflows/dangling.yaml"));
  const set = await loadProject(folder.root);
  expect([...set.definitions.keys()]).toEqual(["a"]);
  expect(set.problems.map(({ file, check }) => `${file} ${check}`)).toEqual([
    "workflows/a.yml duplicate-workflow",
    "workflows/folder.yaml unreadable",
    "workflows/huge.yaml file-too-large",
    "workflows/latin.yaml not-utf8",
  ]);
});

test("modules that functions import become part of the definition", async () => {
  using folder = new ProjectFolder({
    "workflows/a.yaml": "trigger: { request: {} }\nsteps: [{ function: ./functions/a.ts }]\n",
    "workflows/functions/a.ts":
      'import type { T } from "./gone.ts";\nimport { b } from "../../lib/b.js";\nexport default (): T => b;\n',
    "lib/b.js":
      'import { readFile } from "node:fs";\nimport "./a.json" with { type: "json" };\nexport const b = readFile;\n',
    "lib/a.json": "{}",
  });
  const set = await loadProject(folder.root);
  expect(set.problems).toEqual([]);
  expect(Object.keys(set.definitions.get("a")?.source.modules ?? {})).toEqual([
    "workflows/functions/a.ts",
    "lib/b.js",
    "lib/a.json",
  ]);
});

test("a module that a symbolic link leads out of the project is refused", async () => {
  using outside = new ProjectFolder({ "x.ts": "export default () => 1;\n" });
  using folder = new ProjectFolder({ "workflows/a.yaml": "trigger: { request: {} }\nsteps: [{ function: ./x.ts }]\n" });
  symlinkSync(outside.path("x.ts"), folder.path("workflows/x.ts"));
  expect((await loadProject(folder.root)).problems.map(({ check }) => check)).toEqual(["function-missing"]);
});

test("a change parses the changed file only, and the others keep their definitions", async () => {
  const files = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`workflows/w${i}.yaml`, GOOD]));
  using folder = new ProjectFolder(files);
  const loader = new ProjectLoader(folder.root);
  const first = await loader.load();
  expect(loader.parses).toBe(50);
  folder.write("workflows/w7.yaml", GOOD.replace("1s", "2s"));
  const second = await loader.load();
  expect(loader.parses).toBe(51);
  expect(second.definitions.get("w1")).toBe(first.definitions.get("w1"));
  expect(second.definitions.get("w7")?.hash).not.toBe(first.definitions.get("w7")?.hash);
});
