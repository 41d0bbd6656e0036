import { expect, it } from "vitest";
import { readSeen } from "../../src/commands/seen-data.ts";
import { checkProject } from "../../src/workflow/check-project.ts";
import { ProjectFolder } from "../workflow/project-folder.ts";

const workflow = (expression: string, rules = ""): string => `trigger: { request: { ${rules} } }
steps:
  - { id: contact, http: { method: POST, url: "https://crm.example.com/" } }
  - response: { json: "\${{ ${expression} }}" }
`;
const SAMPLE = `request:
  body: { email: ada@example.com, address: { city: London }, items: [{ sku: a }] }
mocks:
  contact: { sequence: [{ status: 503, json: { reason: busy } }, { json: { id: c-1 } }] }
`;

async function check(expression: string, rules?: string): Promise<string[]> {
  using project = new ProjectFolder({
    "workflows/lead.yaml": workflow(expression, rules),
    "workflows/lead.testdata/real.yaml": SAMPLE,
    "workflows/lead.testdata/refused.yaml": "request: { body: { emial: 1 } }\nexpect: { status: 400 }\n",
  });
  const { problems } = await checkProject(project.root, undefined, await readSeen(project.root));
  return problems.map(({ severity, message, hint }) => `${severity}: ${message}. ${hint}`);
}

it("warns of a name below the body that neither rules nor test data have", async () => {
  expect(await check("trigger.body.emial")).toEqual([
    "warning: no rule and no sample of `trigger.body` has `emial`. Did you mean `email`? Seen in test data `real`.",
  ]);
  expect(await check("trigger.body.address.street")).toEqual([
    "warning: no rule and no sample of `trigger.body.address` has `street`. Seen in test data `real`: city.",
  ]);
});

it("is silent about names that test data or rules have, and about those that may be absent", async () => {
  expect(await check("trigger.body.address.city")).toEqual([]);
  expect(await check("trigger.body.items[3].sku")).toEqual([]);
  expect(await check("trigger.body.coupon", "body: { coupon: string }")).toEqual([]);
  expect(await check("trigger.body.?emial.orValue(1)")).toEqual([]);
  expect(await check("trigger.body.emails", "body: { emails: string, email: string }")).toEqual([]);
});

it("takes what test data has for known where a rule has a similar name", async () => {
  expect(await check("trigger.body.email", "body: { emails: string }")).toEqual([]);
});

it("stays an error where rules refuse the name", async () => {
  expect((await check("trigger.body.address", "body: { email: email }, additional: reject"))[0]).toMatch(/^error: /);
});

it("knows the answers of http steps from their mocks, failures left out", async () => {
  expect(await check("steps.contact.body.id")).toEqual([]);
  expect(await check("steps.contact.body.reason")).toEqual([
    "warning: no rule and no sample of `steps.contact.body` has `reason`. Seen in test data `real`: id.",
  ]);
});
