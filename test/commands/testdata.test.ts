import { randomBytes } from "node:crypto";
import { chmod, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readTestData } from "../../src/capture/test-data-file.ts";
import { requestOf } from "../../src/capture/test-data.ts";
import { deleteTestData, showTestData, showTestDataList } from "../../src/commands/testdata.ts";
import { editTestData, newTestData, type NewTestDataOptions } from "../../src/commands/testdata-new.ts";
import { createProject, type TestProject } from "../project.ts";
import { type CommandResult, run } from "./in-process.ts";
import { wf } from "./wf.ts";

const TOKEN = `tok-${randomBytes(12).toString("hex")}`;
const FOLDER = "workflows/lead.testdata";
let project: TestProject;

beforeEach(async () => {
  project = await createProject({
    "workflows/lead.yaml": `trigger:
  request:
    methods: [PUT]
    query: { source: { required: true, enum: [web, app] } }
    headers: { x-version: { equals: "2" } }
    body:
      email: { type: email, required: true }
      seats: { type: integer, minimum: 5, multiple_of: 2 }
      tags: { type: array, items: string }
steps:
  - http: { url: "http://127.0.0.1:1/", headers: { authorization: "Bearer \${{ secrets.TOKEN }}" } }
`,
    "workflows/other.yaml": "trigger: { request: {} }\nsteps: []\n",
    ".env": `TOKEN=${TOKEN}\n`,
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await project[Symbol.asyncDispose]();
});

function make(name: string, options: NewTestDataOptions): Promise<CommandResult> {
  return run(() => newTestData("lead", name, { dir: project.root, edit: false, ...options }));
}

function fileOf(name: string): Promise<string> {
  return readFile(join(project.root, FOLDER, name), "utf8");
}

/** An editor that runs a shell script on the file. */
async function useEditor(script: string): Promise<void> {
  await project.write("editor.sh", `#!/bin/sh\nset -e\n${script}\n`);
  await chmod(join(project.root, "editor.sh"), 0o755);
  vi.stubEnv("VISUAL", "");
  vi.stubEnv("EDITOR", join(project.root, "editor.sh"));
}

it("makes readable test data from options", async () => {
  const { exit, stdout, stderr } = await make("valid", {
    data: '{ "email": "a@b.co", "seats": 3 }',
    query: ["source=web"],
    header: ["X-Version: 2"],
    method: "put",
  });
  expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: "", stderr: `wrote ${FOLDER}/valid.yaml\n` });
  expect(await fileOf("valid.yaml")).toBe(`request:
  method: PUT
  url: /test/lead?source=web
  headers:
    - [X-Version, "2"]
  body:
    email: a@b.co
    seats: 3
`);
});

it.each<[string, string, string[], string, string]>([
  ["a text", "hello\n", [], "text/plain; charset=utf-8", "hello\n"],
  [
    "numbers that JavaScript would change",
    '{"id": 12345678901234567890}',
    [],
    "application/json",
    '{"id": 12345678901234567890}',
  ],
  ["a lone JSON text", '"x"', [], "application/json", '"x"'],
  [
    "a form",
    "a=1&b=2",
    ["content-type: application/x-www-form-urlencoded"],
    "application/x-www-form-urlencoded",
    "a=1&b=2",
  ],
  ["broken JSON on purpose", "{x", ["content-type: application/json"], "application/json", "{x"],
])("keeps %s as it was typed", async (_what, data, header, type, body) => {
  expect((await make("valid", { data, header })).exit).toBe(0);
  const request = requestOf(await readTestData(project.root, "lead", "valid"));
  expect(request.body.toString()).toBe(body);
  expect(request.headers.map(([name, value]) => `${name}: ${value}`)).toEqual([`content-type: ${type}`]);
});

it("keeps a file's bytes beside the YAML", async () => {
  await project.write("leads.csv", "a;b\r\n");
  const { stderr } = await make("csv", { data: `@${join(project.root, "leads.csv")}` });
  expect(stderr).toContain(`wrote ${FOLDER}/csv.body.csv`);
  expect(await fileOf("csv.body.csv")).toBe("a;b\r\n");
});

it("puts placeholders where a secret of the workflows stands, and where --redact asks for them", async () => {
  const { stdout } = await make("valid", {
    data: `{"token": "${TOKEN}"}`,
    header: ["Authorization: Bearer abc", "X-Signature: 00"],
    redact: true,
    json: true,
  });
  expect(JSON.parse(stdout)).toEqual({
    file: `${FOLDER}/valid.yaml`,
    bodyFile: null,
    redacted: ["headers.authorization", "headers.x-signature", "body"],
  });
  const text = await fileOf("valid.yaml");
  expect(text).toContain("token: ${{ secrets.TOKEN }}");
  expect(text).toContain("Bearer ${{ secrets.AUTHORIZATION }}");
  expect(text).not.toContain(TOKEN);
});

it("overwrites only with --force, and then keeps mocks and expectations", async () => {
  await make("valid", { data: "1" });
  await project.write(`${FOLDER}/valid.yaml`, "request: { body: 1 }\nexpect: { status: 201 } # created\n");
  await expect(make("valid", { data: "2" })).rejects.toMatchObject({ code: "TEST_DATA_EXISTS" });
  await make("valid", { data: "2", force: true });
  expect(await fileOf("valid.yaml")).toContain("body: 2\nexpect: { status: 201 } # created\n");
  await useEditor("true");
  await make("valid", { data: "3", force: true, edit: true });
  expect(await fileOf("valid.yaml")).toMatch(/body: 3\nexpect: \{ status: 201 \} # created\n$/);
});

it.each([
  ["laed", "valid", "WORKFLOW_NOT_FOUND", "Did you mean `lead`?"],
  ["lead", "Valid Order", "USAGE", "For example"],
])("refuses the workflow %s with the name %s", async (workflow, name, code, hint) => {
  const made = newTestData(workflow, name, { dir: project.root, data: "{}" });
  await expect(made).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) as string });
});

it("begins in the editor with a request that the rules suggest, and saves what was written, comments too", async () => {
  await useEditor(`sed -i 's/ada@example.com/grace@example.com # the second/' "$1"`);
  const { exit } = await make("valid", { edit: true });
  expect(exit).toBe(0);
  expect(await fileOf("valid.yaml")).toBe(`request:
  method: PUT
  url: /test/lead?source=web
  headers:
    - [x-version, "2"]
  body:
    email: grace@example.com # the second
    seats: 6
    tags:
      - text
`);
});

it("opens the editor again on a mistake, with the problem under its line", async () => {
  const seen = join(project.root, "seen.yaml");
  await useEditor(`if grep -q 'Not saved yet' "$1"; then cp "$1" ${seen}; sed -i 's/metod/method/' "$1"
else sed -i 's/method/metod/' "$1"; fi`);
  expect((await make("valid", { edit: true })).exit).toBe(0);
  expect(await readFile(seen, "utf8")).toContain(
    "  metod: PUT\n#! ^^^^^ `request` has no key `metod` — Did you mean `method`?\n",
  );
  expect(await fileOf("valid.yaml")).toMatch(/^request:\n {2}method: PUT\n/);
});

it("saves nothing when the text is emptied, left broken, or the editor fails", async () => {
  await useEditor(`: > "$1"`);
  expect(await make("valid", { edit: true })).toMatchObject({ exit: 1, stderr: "Nothing saved.\n" });
  await useEditor(`sed -i 's/method/metod/' "$1"`);
  await expect(make("valid", { edit: true })).rejects.toMatchObject({ code: "TEST_DATA_INVALID" });
  await useEditor("exit 3");
  await expect(make("valid", { edit: true })).rejects.toMatchObject({ code: "USAGE" });
  expect(await readdir(join(project.root, "workflows"))).toEqual(["lead.yaml", "other.yaml"]);
});

it("edits what there is and leaves its body's file alone", async () => {
  await project.write(`${FOLDER}/real.body.json`, "{ }");
  await project.write(`${FOLDER}/real.yaml`, "request: { body_file: real.body.json } # as it came\n");
  await useEditor(`printf 'expect: { status: 200 }\\n' >> "$1"`);
  expect((await run(() => editTestData("lead", "real", { dir: project.root }))).exit).toBe(0);
  expect(await fileOf("real.yaml")).toBe(
    "request: { body_file: real.body.json } # as it came\nexpect: { status: 200 }\n",
  );
  expect(await fileOf("real.body.json")).toBe("{ }");
});

it("lists what there is, and exits 1 with the place of what cannot be read", async () => {
  expect(await run(() => showTestDataList("lead", { dir: project.root }))).toMatchObject({
    exit: 0,
    stdout: "",
    stderr: "No test data yet; `wf testdata new lead <name>` makes some.\n",
  });
  await make("valid", { data: '{"a":1}' });
  await project.write(
    "workflows/other.testdata/real.yaml",
    "request: { method: GET }\ncaptured: { at: 2026-11-23T15:00:00.000Z, id: x }\nexpect: { status: 200 }\n",
  );
  const listed = await run(() => showTestDataList(undefined, { dir: project.root }));
  expect(listed.stdout.split("\n").map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
    ["workflow", "name", "method", "type", "size", "captured", "tests"],
    ["lead", "valid", "PUT", "application/json", "7 B", "by hand"],
    ["other", "real", "GET", "", "0 B", "2026-11-23 15:00Z", "expect"].filter((cell) => cell !== ""),
    [""],
  ]);
  await project.write(`${FOLDER}/bad.yaml`, "request: { bdy: 1 }\n");
  const broken = await run(() => showTestDataList("lead", { dir: project.root, json: true }));
  expect(broken.exit).toBe(1);
  expect(
    broken.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object),
  ).toMatchObject([
    { name: "bad", valid: false },
    { name: "valid", valid: true, bytes: 7, contentType: "application/json", hasExpect: false },
  ]);
  expect(broken.stderr).toContain(`${FOLDER}/bad.yaml:1:12 error unknown-key`);
});

it("shows a request with control characters made visible, as JSON, and its bytes alone", async () => {
  await project.write(`${FOLDER}/real.body.json`, '{"a":"\\u001b[2J\u001b]0;x\u0007", "n": 1.10}\n');
  await project.write(
    `${FOLDER}/real.yaml`,
    `request:
  url: /test/lead
  headers: [[X-Evil, "\\x9b2J"]]
  body_file: real.body.json
mocks: { crm: { status: 200 } }
`,
  );
  const shown = await run(() => showTestData("lead", "real", { dir: project.root }));
  expect(shown.stdout).toBe(`POST /test/lead
X-Evil: \\x9b2J

{"a":"\\u001b[2J\\x1b]0;x\\x07", "n": 1.10}


mocks: {"crm":{"status":200}}
`);
  const json = await run(() => showTestData("lead", "real", { dir: project.root, json: true }));
  expect(JSON.parse(json.stdout)).toMatchObject({
    workflow: "lead",
    request: { method: "POST", headers: [["X-Evil", "\u009b2J"]] },
    mocks: { crm: { status: 200 } },
  });
  const body = await run(() => showTestData("lead", "real", { dir: project.root, body: true }));
  expect(body.stdout).toBe('{"a":"\\u001b[2J\u001b]0;x\u0007", "n": 1.10}\n');
});

it("lays JSON out and keeps its numbers", async () => {
  await project.write(`${FOLDER}/real.body.json`, '{"price":1.10}');
  await project.write(`${FOLDER}/real.yaml`, "request: { body_file: real.body.json }\n");
  const shown = await run(() => showTestData("lead", "real", { dir: project.root }));
  expect(shown.stdout).toBe('POST /test/lead\n\n{\n  "price": 1.10\n}\n');
});

it("removes test data with --yes, and without a terminal to ask on only so", async () => {
  await make("valid", { data: "1" });
  await expect(deleteTestData("lead", "valid", { dir: project.root })).rejects.toMatchObject({ code: "USAGE" });
  const removed = await run(() => deleteTestData("lead", "valid", { dir: project.root, yes: true }));
  expect(removed).toMatchObject({ exit: 0, stderr: `removed ${FOLDER}/valid.yaml\n` });
  const again = deleteTestData("lead", "valid", { dir: project.root, yes: true });
  await expect(again).rejects.toMatchObject({ code: "TEST_DATA_NOT_FOUND" });
});

it("works from the command line", async () => {
  const made = await wf(["testdata", "new", "lead", "cli", "--data", "-", "--json"], {
    cwd: project.root,
    stdin: "[1]",
  });
  expect(JSON.parse(made.stdout)).toMatchObject({ bodyFile: `${FOLDER}/cli.body.json` });
  const listed = await wf(["testdata", "lead"], { cwd: project.root });
  expect(listed).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^name .*\ncli {3}PUT/) as string });
});
