import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createKey, listKeys, revokeKey } from "../../src/commands/keys.ts";
import { openApiKeys } from "../../src/engine/embedded/api-keys.ts";
import { createProject } from "../project.ts";
import { run } from "./in-process.ts";
import { serve } from "./wf.ts";

const BASE = "/projects/demo/task-history/workflow-executions";
const PROJECT = {
  "wf.yaml": "project: demo\n",
  "workflows/w.yaml": "trigger: { request: { auth: api-key } }\nsteps: []\n",
};

it("makes, lists and revokes keys, which a running server sees at once", async () => {
  await using project = await createProject(PROJECT);
  const dir = project.root;
  await using server = await serve(dir);
  const send = (path: string, key: string, method = "POST") =>
    fetch(server.url + path, { method, headers: { authorization: `Bearer ${key}` } });

  const made = await run(() => createKey("crm", { dir, scope: ["trigger", "history:read"] }));
  expect(made.exit).toBe(0);
  const key = made.stdout.trim();
  // The key alone on stdout, so that a script can take it.
  expect(key).toMatch(/^wf_[\w-]{43}$/);
  expect(made.stderr).toContain("crm (trigger, history:read)");
  expect(made.stderr).not.toContain(key);
  expect((await send("/triggers/w", key)).status).toBe(202);
  expect((await send(BASE, key, "GET")).status).toBe(200);
  expect((await send(`${BASE}/x/cancel`, key)).status).toBe(403);

  const listed = await run(() => listKeys({ dir }));
  expect(listed.stdout).toContain(`wf_…${key.slice(-4)}`);
  expect(listed.stdout).not.toContain(key);

  expect(await run(() => revokeKey("crm", { dir }))).toMatchObject({ exit: 0, stdout: "" });
  expect((await send("/triggers/w", key)).status).toBe(401);
  expect((await send(BASE, key, "GET")).status).toBe(401);
  expect(server.stderr()).toContain("wrong, revoked or expired");
  expect(server.stderr()).not.toContain(key);
  const database = await readFile(join(dir, ".wf", "wf.db"), "latin1");
  expect(database).not.toContain(key);
});

it("needs no server, makes a store where there is none, and takes each name once", async () => {
  await using project = await createProject(PROJECT);
  const dir = project.root;
  expect(await run(() => listKeys({ dir, json: true }))).toEqual({ exit: 0, stdout: "", stderr: "" });
  const options = { dir, scope: ["deploy, trigger"], expires: "90d", json: true };
  const made = await run(() => createKey("ci", options));
  expect(JSON.parse(made.stdout)).toMatchObject({
    name: "ci",
    scopes: ["trigger", "deploy"],
    secret: expect.stringMatching(/^wf_/),
  });
  await expect(createKey("ci", options)).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("ci"),
  });
  const keys = openApiKeys(join(dir, ".wf"));
  expect(keys.list()).toMatchObject([{ name: "ci" }]);
  expect(Date.parse(keys.list()[0]?.expiresAt ?? "") - Date.now()).toBeGreaterThan(89 * 86_400_000);
  keys.close();
});

it("says what is wrong with a name, a scope or a time", async () => {
  await using project = await createProject(PROJECT);
  const dir = project.root;
  const wrong = (message: string) => ({ code: "USAGE", message: expect.stringContaining(message) });
  await expect(createKey("a b", { dir, scope: ["trigger"] })).rejects.toMatchObject(wrong("cannot be a key's name"));
  await expect(createKey("x", { dir })).rejects.toMatchObject(wrong("--scope is missing"));
  await expect(createKey("x", { dir, scope: ["triger"] })).rejects.toMatchObject(wrong('no scope "triger"'));
  const soon = createKey("x", { dir, scope: ["trigger"], expires: "soon" });
  await expect(soon).rejects.toMatchObject(wrong("--expires"));
  await expect(revokeKey("nobody", { dir })).rejects.toMatchObject(wrong("no key named nobody"));
});
