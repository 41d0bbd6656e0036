import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkFiles } from "../../src/commands/check.ts";
import { listHistory, showExecution } from "../../src/commands/history.ts";
import { makeTokenKeys, mintToken } from "../../src/commands/token.ts";
import { createProject } from "../project.ts";
import { run } from "./in-process.ts";
import { serve, wf } from "./wf.ts";

const WORKFLOW = `trigger: { request: { auth: user-token } }
steps:
  - response: { json: { user: "\${{ trigger.userId }}", headers: "\${{ trigger.headers }}" } }
`;

it("makes a key pair, the lines for wf.yaml, and tokens that the server takes", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/me.yaml": WORKFLOW });
  const dir = project.root;
  const before = await run(() => checkFiles([], { dir }));
  expect(before).toMatchObject({ exit: 0, stdout: expect.stringContaining("wf.yaml has no `auth.user_token.keys`") });

  const made = await run(() => makeTokenKeys({ dir }));
  expect(made.exit).toBe(0);
  expect((await stat(join(dir, ".wf/user-token.pem"))).mode & 0o777).toBe(0o600);
  await project.write("wf.yaml", `project: demo\n${made.stdout}`);
  expect(await run(() => checkFiles([], { dir }))).toMatchObject({ exit: 0, stdout: "no problems in 2 files\n" });
  const again = makeTokenKeys({ dir });
  await expect(again).rejects.toMatchObject({ message: expect.stringContaining("never written over") });

  await using server = await serve(dir);
  const token = (await run(() => mintToken({ dir, user: "ada" }))).stdout.trim();
  const send = (authorization?: string) =>
    fetch(`${server.url}/triggers/me`, { method: "POST", ...(authorization && { headers: { authorization } }) });
  const answer = (await (await send(`Bearer ${token}`)).json()) as { user: string; headers: object };
  expect(answer.user).toBe("ada");
  expect(answer.headers).not.toHaveProperty("authorization");
  expect((await send()).status).toBe(401);

  const listed = await run(() => listHistory({ dir, user: "ada", json: true }));
  const execution = JSON.parse(listed.stdout) as { id: string };
  expect(execution).toMatchObject({ userId: "ada", workflowId: "me" });
  const shown = await run(() => showExecution(execution.id, { dir, full: true, json: true }));
  expect(shown.stdout + server.stderr()).not.toContain(token.split(".")[2]);
});

it("says what is wrong with a user or a key", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n" });
  const dir = project.root;
  const wrong = (message: string) => ({ code: "USAGE", message: expect.stringContaining(message) });
  await expect(mintToken({ dir, user: "" })).rejects.toMatchObject(wrong("--user is empty"));
  await expect(mintToken({ dir, user: "ada" })).rejects.toMatchObject(wrong("There is no key"));
  const key = join(dir, "wf.yaml");
  await expect(mintToken({ dir, user: "ada", key })).rejects.toMatchObject(wrong("no private key"));
  expect(await wf(["token", "mint"], { cwd: dir })).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("--user"),
  });
});
