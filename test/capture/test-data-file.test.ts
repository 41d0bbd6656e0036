import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  editTestData,
  listTestData,
  openTestData,
  readTestData,
  removeTestData,
  writeTestData,
} from "../../src/capture/test-data-file.ts";
import { requestOf, type TestData } from "../../src/capture/test-data.ts";
import { loadProject } from "../../src/workflow/load.ts";
import { createProject, type TestProject } from "../project.ts";

let project: TestProject;
const FOLDER = "workflows/lead.testdata";

beforeEach(async () => {
  project = await createProject({ "workflows/lead.yaml": "trigger: { request: {} }\nsteps: []\n" });
});
afterEach(async () => project[Symbol.asyncDispose]());

function captured(name: string, bytes: Uint8Array, type = "application/json"): TestData {
  return {
    workflowId: "lead",
    name,
    request: {
      method: "POST",
      url: "/test/lead?a=1",
      headers: [
        ["Content-Type", type],
        ["X-Many", "1"],
        ["x-many", "2"],
      ],
      body: { kind: "bytes", bytes: Buffer.from(bytes) },
    },
    captured: { at: "2026-11-23T15:00:00.000Z", id: "0199f3a2-0000-7000-8000-000000000001" },
  };
}

it("reads back what it wrote, byte for byte, and leaves no other file", async () => {
  const data = captured("real", Buffer.from('{ "a" : 1.0,\r\n\t"b":"\\u00e4"}\n'));
  const written = await writeTestData(project.root, data);
  expect(written).toEqual({ file: `${FOLDER}/real.yaml`, bodyFile: `${FOLDER}/real.body.json` });
  expect(await readTestData(project.root, "lead", "real")).toEqual(data);
  expect((await readdir(join(project.root, FOLDER))).toSorted()).toEqual([
    ".gitattributes",
    "real.body.json",
    "real.yaml",
  ]);
  expect(await readFile(join(project.root, FOLDER, ".gitattributes"), "utf8")).toBe("*.body.* -text\n");
});

it("lists names in order, and nothing where there is no folder", async () => {
  expect(await listTestData(project.root, "lead")).toEqual([]);
  await writeTestData(project.root, captured("b", Buffer.from("1"), "application/yaml"));
  await writeTestData(project.root, captured("a", Buffer.from("1")));
  await project.write(`${FOLDER}/notes.txt`, "");
  expect(await listTestData(project.root, "lead")).toEqual(["a", "b"]);
});

it("overwrites only when told to; mocks and expectations with their comments stay", async () => {
  await writeTestData(project.root, captured("real", Buffer.from("{}")));
  const path = join(project.root, FOLDER, "real.yaml");
  await writeFile(
    path,
    `description: the first\n${await readFile(path, "utf8")}# seen on Monday\nexpect:\n  status: 201 # created\n`,
  );
  const xml = captured("real", Buffer.from("<a/>"), "text/xml");
  await expect(writeTestData(project.root, xml)).rejects.toMatchObject({ code: "TEST_DATA_EXISTS" });
  await writeTestData(project.root, xml, { overwrite: true, mocks: { crm: { status: 200 } } });
  const text = await readFile(path, "utf8");
  expect(text).toContain("body_file: real.body.xml");
  expect(text).toMatch(/^description: the first\nrequest:\n/);
  expect(text).toContain("mocks:\n  crm:\n    status: 200\nexpect:\n  status: 201 # created\n");
  expect(await readdir(join(project.root, FOLDER))).not.toContain("real.body.json");
});

it("removes both files, and nothing of a name that begins alike", async () => {
  await writeTestData(project.root, captured("real", Buffer.from("{}")));
  await writeTestData(project.root, captured("real.two", Buffer.from("{}")));
  await removeTestData(project.root, "lead", "real");
  expect(await listTestData(project.root, "lead")).toEqual(["real.two"]);
  expect((await readTestData(project.root, "lead", "real.two")).request.body.kind).toBe("bytes");
  await expect(removeTestData(project.root, "lead", "real")).rejects.toMatchObject({ code: "TEST_DATA_NOT_FOUND" });
});

it("names the nearest test data when there is none of the name", async () => {
  await writeTestData(project.root, captured("valid-order", Buffer.from("{}")));
  await expect(readTestData(project.root, "lead", "valid-ordr")).rejects.toMatchObject({
    code: "TEST_DATA_NOT_FOUND",
    hint: "Did you mean `valid-order`?",
  });
  await expect(readTestData(project.root, "lead", "x")).rejects.toMatchObject({ hint: "There is: valid-order." });
});

it.each(["../lead", "a/b", "..", "Real", "nul"])("refuses the name %s before it touches a file", async (name) => {
  await expect(readTestData(project.root, "lead", name)).rejects.toMatchObject({ code: "USAGE" });
  await expect(writeTestData(project.root, captured(name, Buffer.from("1")))).rejects.toMatchObject({ code: "USAGE" });
  await expect(removeTestData(project.root, "lead", name)).rejects.toMatchObject({ code: "USAGE" });
});

it("refuses a workflow id that leads elsewhere", async () => {
  await expect(listTestData(project.root, "../..")).rejects.toMatchObject({ code: "WORKFLOW_NOT_FOUND" });
});

it("shows a broken file with its line and a caret", async () => {
  await project.write(`${FOLDER}/bad.yaml`, "request:\n  methd: POST\n");
  await expect(readTestData(project.root, "lead", "bad")).rejects.toMatchObject({
    code: "TEST_DATA_INVALID",
    at: { file: `${FOLDER}/bad.yaml`, line: 2, column: 3 },
    message: expect.stringMatching(
      /2 \| {3}methd: POST\n.*\^\^\^\^\^ `request` has no key `methd`\n.*did you mean `method`/i,
    ) as string,
  });
});

it("refuses a missing body file and a link to somewhere else", async () => {
  await project.write(".env", "KEY=1\n");
  await project.write(`${FOLDER}/gone.yaml`, "request: { body_file: gone.body.json }\n");
  await project.write(`${FOLDER}/link.yaml`, "request: { body_file: link.body.json }\n");
  await symlink(join(project.root, ".env"), join(project.root, FOLDER, "link.body.json"));
  const problems = async (name: string): Promise<string[]> =>
    (await openTestData(project.root, "lead", name)).reader.problems().map(({ message }) => message);
  expect(await problems("gone")).toEqual(["there is no file gone.body.json"]);
  expect(await problems("link")).toEqual(["link.body.json is a link to somewhere else"]);
});

it("edits mocks and leaves the rest of the file as it is", async () => {
  const text = "# by hand\nrequest: {body: {a:   1}}\nmocks: # all\n  crm: {status: 200}\n";
  await project.write(`${FOLDER}/hand.yaml`, text);
  await editTestData(project.root, "lead", "hand", [{ path: ["expect", "status"], value: 200 }]);
  expect(await readFile(join(project.root, FOLDER, "hand.yaml"), "utf8")).toBe(`${text}expect:\n  status: 200\n`);
  expect(requestOf(await readTestData(project.root, "lead", "hand")).body.toString()).toBe('{"a":1}');
});

it("does not take test data for workflows", async () => {
  await writeTestData(project.root, captured("real", Buffer.from("{}")));
  const { ids, problems } = await loadProject(project.root);
  expect([...ids]).toEqual(["lead"]);
  expect(problems).toEqual([]);
});
