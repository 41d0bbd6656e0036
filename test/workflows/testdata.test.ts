import { cpSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { TestSession } from "../../src/commands/test-session.ts";
import { messagesOf } from "../commands/test-fixture.ts";
import { ProjectFolder } from "../workflow/project-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

it("passes with the test data of every shipped workflow", async () => {
  const session = new TestSession(ROOT, { workflows: [], all: true });
  const results = await session.run(await session.load());
  expect(results.flatMap(({ failures }) => failures)).toEqual([]);
  expect(results.length).toBeGreaterThanOrEqual(9);
});

it("passes with the README's own example", async () => {
  const readme = readFileSync(`${ROOT}README.md`, "utf8");
  const example = /### Tests[\s\S]*?```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  using project = new ProjectFolder({
    "workflows/lead-created.testdata/readme.yaml": example,
    "workflows/lead-created.testdata/answer.csv": "a,b\n",
  });
  for (const file of ["lead-created.yaml", "functions"]) {
    cpSync(`${ROOT}workflows/${file}`, project.path(`workflows/${file}`), { recursive: true });
  }
  const session = new TestSession(project.root, { workflows: [], all: false });
  expect(messagesOf(await session.run(await session.load()))).toEqual({ readme: [] });
});
