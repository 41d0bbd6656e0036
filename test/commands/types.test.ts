import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { readSeen } from "../../src/commands/seen-data.ts";
import { writeTypes } from "../../src/commands/types.ts";
import { loadProject } from "../../src/workflow/load.ts";
import { typesOf } from "../../src/workflow/types-workflow.ts";
import { ProjectFolder } from "../workflow/project-folder.ts";
import { wf } from "./wf.ts";

const TSC = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    strict: true,
    noEmit: true,
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "dom"],
    types: [],
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    isolatedDeclarations: true,
    declaration: true,
  },
  include: ["workflows"],
});
const LEAD = `name: Lead created
trigger:
  request:
    query: { source: { required: true, enum: [web, app] } }
    headers: { x-version: { type: integer, required: true }, x-kind: { required: true }, x-form: { pattern: "^a" } }
    body:
      email: { type: email, required: true }
      seats: { type: integer }
      tags: { type: array }
steps:
  - id: contact
    http: { method: POST, url: "https://crm.example.com/" }
  - id: score
    function: ./functions/score.ts
    with:
      email: \${{ trigger.body.email }}
      seats: \${{ trigger.body.?seats.orValue(1) }}
      city: \${{ trigger.body.address.city }}
      contact: \${{ steps.contact.body.id }}
      text: a \${{ trigger.body.seats }}
      sum: \${{ trigger.body.seats + 1 }}
  - id: each
    foreach: \${{ trigger.body.tags }}
    as: tag
    steps:
      - { id: sent, function: ./functions/send.ts, with: { tag: "\${{ tag }}", score: "\${{ steps.score.value }}" } }
  - response: { status: 201, json: { id: "\${{ steps.contact.body.id }}" } }
`;
const FILES = {
  "tsconfig.json": TSCONFIG,
  "package.json": '{ "type": "module" }',
  "workflows/lead-created.yaml": LEAD,
  "workflows/lead-created.testdata/real.yaml":
    "request: { body: { email: a@b.co, tags: [x], address: { city: London } } }\nmocks: { contact: { json: { id: c-1 } } }\n",
  "workflows/functions/score.ts": `import type { LeadCreated } from "../wf-types.ts";
export default ({ input, log }: LeadCreated.Functions.Score): { value: number } => {
  log(input.email.toUpperCase(), input.city.length, input.contact.length, input.text.length);
  const sum: unknown = input.sum;
  return { value: input.seats * 2 + Number(sum) };
};
`,
  "workflows/functions/send.ts": `import type { LeadCreated } from "../wf-types.ts";
export default async ({ input }: LeadCreated.Functions.Sent): Promise<string> => input.tag.padEnd(input.score);
`,
};

async function generate(project: ProjectFolder): Promise<string> {
  const [set, seen] = [await loadProject(project.root), await readSeen(project.root)];
  expect(set.problems).toEqual([]);
  const workflows = [...set.definitions.values()].map((definition) => ({
    definition,
    seen: seen.get(definition.id) ?? [],
  }));
  return typesOf(workflows, { folder: "workflows" });
}

/** @returns What the compiler complains of, a line each. */
async function compile(project: ProjectFolder): Promise<string[]> {
  project.write("workflows/wf-types.ts", await generate(project));
  const done = await promisify(execFile)(process.execPath, [TSC, "-p", project.root, "--pretty", "false"], {
    cwd: project.root,
  }).catch((error: { stdout: string }) => error);
  return done.stdout.split("\n").filter((line) => line.includes("error TS"));
}

it("types functions, outputs and replies so that right use compiles and wrong use does not", async () => {
  using project = new ProjectFolder(FILES);
  project.write(
    "workflows/use.ts",
    `import type { LeadCreated } from "./wf-types.ts";
export const query: LeadCreated.Query = { source: "web" };
export const body: LeadCreated.Body = { email: "a@b.co", tags: ["x"], address: { city: "London" } };
export const sent = (steps: LeadCreated.Steps): string[] => steps.each.map((turn) => turn.sent);
export const status = (reply: LeadCreated.Reply): 201 => reply.status;
export const version = (headers: LeadCreated.Headers): number => headers["x-version"];
// @ts-expect-error a value that the rule does not list
export const wrongSource: LeadCreated.Query = { source: "fax" };
// @ts-expect-error the required field is absent
export const noEmail: LeadCreated.Body = { tags: [] };
// @ts-expect-error a name that nothing has
export const slip = (input: LeadCreated.Functions.Score["input"]): unknown => input.emial;
// @ts-expect-error the function yields a number
export const score = (steps: LeadCreated.Steps): string => steps.score.value;
// @ts-expect-error the field may be absent
export const seats = (given: LeadCreated.Body): number => given.seats;
`,
  );
  expect(await compile(project)).toEqual([]);
});

it("keeps hostile names and texts inside quotes and comments", async () => {
  using project = new ProjectFolder({
    "tsconfig.json": TSCONFIG,
    "package.json": '{ "type": "module" }',
    "workflows/promise.yaml": `name: "*/ export const broken: number = 'x'; /*\\u2028export const also: number = 'y';"
trigger:
  request:
    body:
      '"; }; export const out: number = "z': { type: string, enum: ["\\"}; export const no: number = 'n';//", "a\\nb"] }
      __proto_: string
      "a-b": { type: any, required: true }
steps:
  - response: { json: { "*/ x": "\${{ trigger.body['a-b'] }}", "\\u2029": "*/" } }
`,
    "workflows/a-b.yaml": "trigger: { request: {} }\nsteps: [{ response: { json: 1 } }]\n",
    "workflows/ab.yaml": "trigger: { request: {} }\nsteps: [{ response: { json: 1 } }]\n",
    "workflows/1.yaml": "trigger: { request: {} }\nsteps: [{ response: { json: 1 } }]\n",
    "workflows/a--b.yaml": "trigger: { request: {} }\nsteps: [{ response: { json: 1 } }]\n",
  });
  expect(await compile(project)).toEqual([]);
  const text = await generate(project);
  expect(text.match(/^export \w+( \w+)? \w+/gm)).toEqual(
    expect.arrayContaining([
      "export declare namespace AB",
      "export declare namespace AB_2",
      "export declare namespace Ab",
      "export declare namespace Promise_",
      "export declare namespace W1",
    ]),
  );
  expect(text).not.toMatch(/^export const/m);
});

it("writes the file, and tells with --check when it is stale", async () => {
  using project = new ProjectFolder(FILES);
  const options = { dir: project.root, out: project.path("workflows/wf-types.ts") };
  expect(await writeTypes([], { ...options, check: true })).toBe(1);
  expect(await writeTypes([], options)).toBe(0);
  expect(await writeTypes([], { ...options, check: true })).toBe(0);
  project.write("workflows/lead-created.yaml", LEAD.replace("seats: { type: integer }", "seats: { type: string }"));
  expect(await writeTypes([], { ...options, check: true })).toBe(1);
  await expect(writeTypes([], { dir: project.root, check: true })).rejects.toMatchObject({ code: "USAGE" });
  await expect(writeTypes(["lead"], options)).rejects.toMatchObject({ code: "WORKFLOW_NOT_FOUND" });
});

it("prints the types of the workflows that are named", async () => {
  using project = new ProjectFolder(FILES);
  const { exit, stdout } = await wf(["types", "lead-created"], { cwd: project.root });
  expect(exit).toBe(0);
  expect(stdout).toContain("export declare namespace LeadCreated {");
});
