import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openApiKeys } from "../../src/engine/embedded/api-keys.ts";
import { createProject } from "../project.ts";
import { serve, wf } from "./wf.ts";

const BASE = "/projects/demo/task-history/workflow-executions";
const PROJECT = {
  "wf.yaml": "project: demo\n",
  "workflows/w.yaml": "trigger: { request: { auth: api-key } }\nsteps: []\n",
};

it("makes, lists and revokes keys, which a running server sees at once", async () => {
  await using project = await createProject(PROJECT);
  const cwd = project.root;
  await using server = await serve(project.root);
  const send = (path: string, key: string, method = "POST") =>
    fetch(server.url + path, { method, headers: { authorization: `Bearer ${key}` } });

  const made = await wf(["keys", "create", "crm", "--scope", "trigger", "--scope", "history:read"], { cwd });
  expect(made.exit).toBe(0);
  const key = made.stdout.trim();
  // The key alone on stdout, so that a script can take it.
  expect(key).toMatch(/^wf_[\w-]{43}$/);
  expect(made.stderr).toContain("crm (trigger, history:read)");
  expect(made.stderr).not.toContain(key);
  expect((await send("/triggers/w", key)).status).toBe(202);
  expect((await send(BASE, key, "GET")).status).toBe(200);
  expect((await send(`${BASE}/x/cancel`, key)).status).toBe(403);

  const listed = await wf(["keys", "list"], { cwd });
  expect(listed.stdout).toContain(`wf_…${key.slice(-4)}`);
  expect(listed.stdout).not.toContain(key);

  expect((await wf(["keys", "revoke", "crm"], { cwd })).exit).toBe(0);
  expect((await send("/triggers/w", key)).status).toBe(401);
  expect((await send(BASE, key, "GET")).status).toBe(401);
  expect(server.stderr()).toContain("wrong, revoked or expired");
  expect(server.stderr()).not.toContain(key);
  const database = await readFile(join(project.root, ".wf", "wf.db"), "latin1");
  expect(database).not.toContain(key);
});

it("needs no server, makes a store where there is none, and takes each name once", async () => {
  await using project = await createProject(PROJECT);
  const cwd = project.root;
  expect(await wf(["keys", "list", "--json"], { cwd })).toMatchObject({ exit: 0, stdout: "" });
  const made = await wf(["keys", "create", "ci", "--scope", "deploy", "--expires", "90d", "--json"], { cwd });
  expect(JSON.parse(made.stdout)).toMatchObject({
    name: "ci",
    scopes: ["deploy"],
    secret: expect.stringMatching(/^wf_/),
  });
  expect(await wf(["keys", "create", "ci", "--scope", "deploy"], { cwd })).toMatchObject({ exit: 2, stdout: "" });
  const keys = openApiKeys(join(project.root, ".wf"));
  expect(keys.list()).toMatchObject([{ name: "ci", scopes: ["deploy"] }]);
  expect(Date.parse(keys.list()[0]?.expiresAt ?? "") - Date.now()).toBeGreaterThan(89 * 86_400_000);
  keys.close();
});

it.each([
  [["create", "a b", "--scope", "trigger"], "cannot be a key's name"],
  [["create", "x"], "--scope is missing"],
  [["create", "x", "--scope", "triger"], 'no scope "triger"'],
  [["create", "x", "--scope", "trigger", "--expires", "soon"], "--expires"],
  [["revoke", "nobody"], "no key named nobody"],
])("wf keys %j is wrong usage", async (args, message) => {
  await using project = await createProject(PROJECT);
  const { exit, stderr } = await wf(["keys", ...args], { cwd: project.root });
  expect(exit).toBe(2);
  expect(stderr).toContain(message);
});
