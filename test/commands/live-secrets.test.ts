import { expect, it } from "vitest";
import { LiveSecrets } from "../../src/commands/live-secrets.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import type { Definition } from "../../src/workflow/definition.ts";
import { createProject } from "../project.ts";

function define(steps: string, auth = "none"): Definition {
  const yaml = `trigger:\n  request:\n    auth: ${auth}\nsteps:\n${steps}`;
  const { definition, problems } = parseWorkflow({ workflowId: "a", file: "workflows/a.yaml", yaml, modules: {} });
  if (!definition) throw new Error(JSON.stringify(problems));
  return definition;
}

it("scrubs the secrets that definitions read, and nothing else of the environment", async () => {
  await using project = await createProject({ ".env": "TOKEN=tok-12345\nOTHER=other-12345\n" });
  const secrets = new LiveSecrets(project.root);
  expect(secrets.scrub("tok-12345 other-12345")).toBe("tok-12345 other-12345");
  secrets.adopt([define(`  - http: { url: "http://localhost/\${{ secrets.TOKEN }}" }`)]);
  expect(secrets.scrub("tok-12345 other-12345")).toBe("[secret TOKEN] other-12345");
});

it("finds secrets deep inside of steps and in the options of auth", async () => {
  await using project = await createProject({ ".env": "DEEP=deep-12345\nSIGN=sign-12345\n" });
  const secrets = new LiveSecrets(project.root);
  const steps = `  - parallel:
      left:
        - switch:
            - when: secrets.DEEP == 'x'
              steps: [{ fail: no }]`;
  secrets.adopt([define(steps, `{ signature: { preset: github, secret: "\${{ secrets.SIGN }}" } }`)]);
  expect(secrets.scrub("deep-12345 sign-12345")).toBe("[secret DEEP] [secret SIGN]");
});

it("scrubs a value that .env has replaced, since executions with the old one go on", async () => {
  await using project = await createProject({ ".env": "TOKEN=old-12345\n" });
  const secrets = new LiveSecrets(project.root);
  secrets.adopt([define(`  - fail: "\${{ secrets.TOKEN }}"`)]);
  await project.write(".env", "TOKEN=new-12345\n");
  secrets.reload();
  expect(secrets.values["TOKEN"]).toBe("new-12345");
  expect(secrets.scrub("old-12345 new-12345")).toBe("[secret TOKEN] [secret TOKEN]");
});

it("names the secrets that are not set", async () => {
  await using project = await createProject({});
  const definition = define(`  - fail: "\${{ secrets.NOT_SET_ANYWHERE }} \${{ secrets.PATH }}"`);
  expect(new LiveSecrets(project.root).missing(definition)).toEqual(["NOT_SET_ANYWHERE"]);
});
