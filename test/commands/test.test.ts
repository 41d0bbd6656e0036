import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ProjectFolder } from "../workflow/project-folder.ts";
import { workflowWith } from "./test-fixture.ts";
import { wf } from "./wf.ts";

const STEPS = `
  - id: call
    http: { method: POST, url: "https://api.example.com/things" }
  - response: { json: { id: "\${{ steps.call.body.id }}" } }
`;

it("shows failures with place, caret and diff, writes a report for CI, touches nothing else, and exits 1", async () => {
  using project = new ProjectFolder(
    workflowWith(STEPS, {
      good: "request: {}\nmocks: { call: { json: { id: 1 } } }\nexpect: { status: 200, body: { id: 1 } }\n",
      bad: "request: {}\nmocks: { call: { json: { id: 1 } } }\nexpect: { body: { id: 2, n: 1 } }\n",
      missing: "request: {}\nexpect: { status: 200 }\n",
      typo: "request: {}\nmocks: { cal: {} }\nexpect: { statuss: 200 }\n",
      silent: "request: {}\n",
    }),
  );
  const { exit, stdout, stderr } = await wf(["test", "--reporter", "junit", "--out", "out/wf.xml"], {
    cwd: project.root,
  });
  expect(exit).toBe(1);
  expect(stderr).toBe("wrote out/wf.xml\n");
  expect(stdout).toContain("✓ w › good");
  expect(stdout).toContain("    workflows/w.testdata/bad.yaml:3:23 error body\n");
  expect(stdout).toContain("^ body.id: expected 2, got 1");
  expect(stdout).toContain('-   "id": 2,\n');
  expect(stdout).toContain("step `call` has no mock to answer POST https://api.example.com/things");
  expect(stdout).toContain("      mocks:\n        call:\n          status: 200\n");
  expect(stdout).toContain("there is no http step `cal`");
  expect(stdout).toContain("Did you mean `call`?");
  expect(stdout).toContain("`expect` has no key `statuss`");
  expect(stdout).not.toContain("silent");
  expect(stdout).toMatch(/w {2}steps 2\/2 {2}no branches\n/);
  expect(stdout).toMatch(/\n3 failed, 1 passed in \d+\.\d\d s\n$/);
  expect(readFileSync(project.path("out/wf.xml"), "utf8")).toContain('tests="4" failures="3"');
  expect(project.files(".")).toEqual(["out", "workflows"]);
});

it("exits 0 when all pass, with JSON lines; 1 when nothing fits, and 2 for wrong usage", async () => {
  using project = new ProjectFolder(
    workflowWith(STEPS, { good: "request: {}\nmocks: { call: { json: { id: 1 } } }\nexpect: { status: 200 }\n" }),
  );
  const [passed, none, unknown, recorded] = await Promise.all([
    wf(["test", "w", "--json"], { cwd: project.root }),
    wf(["test", "--filter", "nothing"], { cwd: project.root }),
    wf(["test", "--reporter", "junt"], { cwd: project.root }),
    wf(["test", "--record"], { cwd: project.root }),
  ]);
  expect(passed.exit).toBe(0);
  const lines = passed.stdout.trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["case", "coverage", "summary"]);
  expect(none).toMatchObject({ exit: 1, stdout: "" });
  expect(none.stderr).toContain('There is no test data with `expect` whose name holds "nothing".');
  expect(unknown.exit).toBe(2);
  expect(unknown.stderr).toContain("Did you mean `junit`?");
  expect(recorded.exit).toBe(2);
  expect(recorded.stderr).toContain("--yes");
});

it("refuses broken settings, shows broken workflows, and tells of test data without a workflow", async () => {
  using project = new ProjectFolder({
    ...workflowWith(STEPS, { one: "request: {}\nexpect: { status: 200 }\n" }),
    "workflows/w.yaml": "trigger: { request: {} }\nsteps:\n  - respons: {}\n",
    "workflows/gone.testdata/one.yaml": "request: {}\n",
  });
  const broken = await wf(["test"], { cwd: project.root });
  expect(broken.exit).toBe(1);
  expect(broken.stdout).toContain("workflow `w` has errors");
  expect(broken.stdout).toContain("workflows/w.yaml:3:5");
  expect(broken.stderr).toContain("workflows/gone.testdata is not run: there is no workflow gone");
  project.write("wf.yaml", "limit: {}\n");
  const settings = await wf(["test"], { cwd: project.root });
  expect(settings.exit).toBe(1);
  expect(settings.stderr).toContain("wf.yaml:1:1");
});
