import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProject } from "../project.ts";
import { serve, wf } from "./wf.ts";

const WORKFLOW = `trigger: { request: { auth: user-token } }
steps:
  - response: { json: { user: "\${{ trigger.userId }}", headers: "\${{ trigger.headers }}" } }
`;

it("makes a key pair, the lines for wf.yaml, and tokens that the server takes", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/me.yaml": WORKFLOW });
  const cwd = project.root;
  const before = await wf(["check"], { cwd });
  expect(before).toMatchObject({ exit: 0, stdout: expect.stringContaining("wf.yaml has no `auth.user_token.keys`") });

  const made = await wf(["token", "keys"], { cwd });
  expect(made.exit).toBe(0);
  expect((await stat(join(cwd, ".wf/user-token.pem"))).mode & 0o777).toBe(0o600);
  await project.write("wf.yaml", `project: demo\n${made.stdout}`);
  expect(await wf(["check"], { cwd })).toMatchObject({ exit: 0, stdout: "no problems in 2 files\n" });
  expect(await wf(["token", "keys"], { cwd })).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("never written over"),
  });

  await using server = await serve(cwd);
  const { stdout } = await wf(["token", "mint", "--user", "ada"], { cwd });
  const send = (authorization?: string) =>
    fetch(`${server.url}/triggers/me`, { method: "POST", ...(authorization && { headers: { authorization } }) });
  const answer = (await (await send(`Bearer ${stdout.trim()}`)).json()) as { user: string; headers: object };
  expect(answer.user).toBe("ada");
  expect(answer.headers).not.toHaveProperty("authorization");
  expect((await send()).status).toBe(401);
  const old = await wf(["token", "mint", "--user", "ada", "--expires", "1ms", "--key", ".wf/user-token.pem"], { cwd });
  expect(old.exit).toBe(0);
  const listed = await wf(["history", "--user", "ada", "--json"], { cwd });
  expect(JSON.parse(listed.stdout)).toMatchObject({ userId: "ada", workflowId: "me" });
  const shown = await wf(["history", "show", (JSON.parse(listed.stdout) as { id: string }).id, "--json"], { cwd });
  expect(shown.stdout + server.stderr()).not.toContain(stdout.trim().split(".")[2]);
});

it.each([
  [["mint"], "--user"],
  [["mint", "--user", ""], "--user is empty"],
  [["mint", "--user", "ada"], "There is no key"],
  [["mint", "--user", "ada", "--key", "wf.yaml"], "no private key"],
])("wf token %j is wrong usage", async (args, message) => {
  await using project = await createProject({ "wf.yaml": "project: demo\n" });
  const { exit, stderr } = await wf(["token", ...args], { cwd: project.root });
  expect(exit).toBe(2);
  expect(stderr).toContain(message);
});
