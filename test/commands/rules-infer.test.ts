import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testDataPath, writeTestData } from "../../src/capture/test-data-file.ts";
import { checkFiles } from "../../src/commands/check.ts";
import { inferWorkflowRules, type InferRulesOptions } from "../../src/commands/rules-infer.ts";
import type { Json } from "../../src/json.ts";
import { createProject, type TestProject } from "../project.ts";
import { capture } from "./output.ts";
import { wf } from "./wf.ts";

const LEAD = `# Leads of the web site.
name: Lead   # created
trigger:
  request:
    body:
      email: email # to write to
steps:
  - response: { json: { hello: "\${{ trigger.body.email }}" } }
`;

async function leads(bodies: { readonly [name: string]: Json }, text: string = LEAD): Promise<TestProject> {
  const project = await createProject({ "wf.yaml": "project: leads\n", "workflows/lead.yaml": text });
  for (const [name, body] of Object.entries(bodies)) await save(project, name, body);
  return project;
}

async function save(project: TestProject, name: string, body: Json, expectations?: Json): Promise<void> {
  const headers = [
    ["Content-Type", "application/json"],
    ["X-Api-Version", "2"],
  ] as const;
  const request = {
    method: "POST",
    url: "/test/lead?page=1",
    headers,
    body: { kind: "bytes", bytes: Buffer.from(JSON.stringify(body)) },
  } as const;
  await writeTestData(
    project.root,
    { workflowId: "lead", name, request },
    expectations === undefined ? {} : { expect: expectations },
  );
}

function infer(project: TestProject, options: InferRulesOptions = {}) {
  return capture(() => inferWorkflowRules("lead", { dir: project.root, ...options }));
}

function yaml(project: TestProject): Promise<string> {
  return readFile(join(project.root, "workflows/lead.yaml"), "utf8");
}

test("prints the rules that test data shows, and leaves the file alone", async () => {
  await using project = await leads({
    one: { email: "a@b.co", seats: 1 },
    two: { email: "c@d.co", seats: 2, vip: true },
  });
  const { exit, stdout, stderr } = await infer(project);
  expect(exit).toBe(0);
  expect(stdout).toBe(`# from 2 requests: one, two (test data)
query:
  page: { type: integer, required: true }
headers:
  content-type: { pattern: "(?i)^application/json( *;|$)" }
  x-api-version: { required: true }
body:
  email: { type: email, required: true }
  seats: { type: integer, required: true }
  vip: boolean
`);
  expect(stderr).toContain("5 fields without a rule in workflows/lead.yaml; --write adds them.");
  expect(stderr).toMatch(/body\.email +email +requests: \{ type: email, required: true \}/);
  expect(await yaml(project)).toBe(LEAD);
});

test("--write adds them beside the file's own rules and shows the change", async () => {
  await using project = await leads({ one: { email: "a@b.co", seats: 1 } });
  const { stdout, stderr } = await infer(project, { write: true });
  expect(stdout).toContain("--- workflows/lead.yaml\n+++ workflows/lead.yaml\n");
  expect(stdout).toContain("\n+      seats: { type: integer, required: true }\n");
  expect(stdout).not.toMatch(/^-(?!-)/m);
  expect(stderr).toContain("4 rules added in workflows/lead.yaml, from 1 request: one (test data).");
  expect(stderr).toContain("From a single request every field looks required");
  expect(await yaml(project)).toBe(
    LEAD.replace(
      "# to write to\n",
      `# to write to
      seats: { type: integer, required: true }
    query:
      page: { type: integer, required: true }
    headers:
      content-type: { pattern: "(?i)^application/json( *;|$)" }
      x-api-version: { required: true }
`,
    ),
  );
  expect((await capture(() => checkFiles([], { dir: project.root }))).exit).toBe(0);
  const again = await infer(project, { write: true });
  expect(again.stdout).toBe("");
  expect(again.stderr).toContain("workflows/lead.yaml stays as it is");
});

test("names the file's rules that the requests break; --replace lets them give way", async () => {
  await using project = await leads({ one: { email: "a@b.co" }, two: { email: "?" } });
  const kept = await infer(project, { write: true });
  expect(kept.stderr).toMatch(/break rules of the file, which --replace widens:\n +body\.email .* 1 of 2\n/);
  expect(await yaml(project)).toContain("      email: email # to write to\n");
  const replaced = await infer(project, { write: true, replace: true });
  expect(replaced.stderr).toContain("1 rule replaced");
  expect(await yaml(project)).toContain("      email: { type: string, required: true } # to write to\n");
});

test("test data that expects to be refused is left out, unless it is named", async () => {
  await using project = await leads({ one: { email: "a@b.co" } });
  await save(project, "broken", { email: 1 }, { status: 400 });
  const { stdout, stderr } = await infer(project);
  expect(stdout).toContain("email: { type: email, required: true }");
  expect(stderr).toContain("broken is left out: it expects to be refused");
  expect((await infer(project, { name: ["broken", "one"] })).stdout).toContain("\n  email: { required: true }\n");
  expect((await infer(project, { name: ["one"] })).stderr).not.toContain("left out");
});

test("what the server could not read is left out", async () => {
  await using project = await leads({ one: { email: "a@b.co" } });
  await project.write(
    "workflows/lead.testdata/cut.yaml",
    "request:\n  method: POST\n  url: /test/lead\n  headers:\n    - [content-type, application/json]\n  body: '{'\n",
  );
  const { stdout, stderr } = await infer(project);
  expect(stdout).toContain("from 1 request: one");
  expect(stderr).toContain("cut is left out: The JSON body is malformed");
});

test("writes nothing that would break the workflow", async () => {
  const before = LEAD.replace("trigger.body.email }}", "trigger.body.customer.name }}");
  await using project = await leads({ one: { customer: "Ada" } }, before);
  await expect(infer(project, { write: true })).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  expect(await yaml(project)).toBe(before);
});

test("--json tells all of it in one line", async () => {
  await using project = await leads({ one: { email: "a@b.co" } });
  const { stdout, stderr } = await infer(project, { json: true, write: true });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    file: "workflows/lead.yaml",
    written: true,
    samples: [{ from: "test data", name: "one" }],
    added: ["query.page", "headers.content-type", "headers.x-api-version"].toSorted(
      (a, b) => Number(a.startsWith("h")) - Number(b.startsWith("h")),
    ),
    kept: [{ path: "body.email", inFile: "email", inferred: "{ type: email, required: true }" }],
  });
});

test("says what it cannot do", async () => {
  await using project = await leads({});
  await expect(infer(project)).rejects.toMatchObject({ code: "NO_SAMPLES" });
  await expect(infer(project, { name: ["none"] })).rejects.toMatchObject({ code: "TEST_DATA_NOT_FOUND" });
  await expect(infer(project, { from: "x" })).rejects.toMatchObject({ code: "USAGE" });
  await expect(infer(project, { from: "both", name: ["one"] })).rejects.toMatchObject({ code: "USAGE" });
  await expect(infer(project, { levels: "0" })).rejects.toMatchObject({ code: "USAGE" });
  await expect(capture(() => inferWorkflowRules("laed", { dir: project.root }))).rejects.toMatchObject({
    code: "WORKFLOW_NOT_FOUND",
    hint: "Did you mean `lead`?",
  });
});

test("the command line", async () => {
  await using project = await leads({ one: { email: "a@b.co" } });
  const { exit, stdout } = await wf(["rules", "infer", "lead", "--levels", "1", "--name", "one"], {
    cwd: project.root,
  });
  expect(exit).toBe(0);
  expect(stdout).toContain("  email: { type: email, required: true }\n");
  expect((await wf(["rules"], { cwd: project.root })).exit).toBe(2);
  expect(testDataPath("lead", "one")).toBe("workflows/lead.testdata/one.yaml");
});
