import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProject } from "../project.ts";
import { serve, wf } from "./wf.ts";

const ECHO = `trigger: { request: { methods: [POST, PUT] } }
steps:
  - response: { json: { version: 1, got: "\${{ trigger.body }}" } }
`;
const QUIET = "trigger: { request: {} }\nsteps:\n  - id: nap\n    delay: 1h\n";

it("says when it accepts, with each workflow's methods and URL, and answers there", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO, "workflows/quiet.yaml": QUIET });
  await using server = await serve(project.root);
  const ready = await server.event(({ event }) => event === "ready");
  expect(ready["workflows"]).toEqual([
    {
      id: "echo",
      methods: ["POST", "PUT"],
      url: `${server.url}/triggers/echo`,
      testUrl: `${server.url}/test/echo`,
    },
    { id: "quiet", methods: ["POST"], url: `${server.url}/triggers/quiet`, testUrl: `${server.url}/test/quiet` },
  ]);
  const response = await fetch(`${server.url}/triggers/echo`, { method: "PUT", body: "hi" });
  expect(await response.json()).toEqual({ version: 1, got: "hi" });
  const ended = await server.event(({ event }) => event === "execution");
  expect(ended).toMatchObject({ workflowId: "echo", status: "SUCCEEDED", durationMs: expect.any(Number) });
});

it("shows a broken file with its caret and serves the others", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO, "workflows/bad.yaml": "trigger: [\n" });
  await using server = await serve(project.root);
  expect(await server.event(({ event }) => event === "problem")).toMatchObject({ file: "workflows/bad.yaml" });
  expect((await fetch(`${server.url}/triggers/echo`, { method: "POST" })).status).toBe(200);
  expect((await fetch(`${server.url}/triggers/bad`, { method: "POST" })).status).toBe(404);
});

it("makes a saved file live, keeps the last good one when broken, and forgets a deleted one", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO });
  await using server = await serve(project.root);
  const call = (id: string): Promise<Response> => fetch(`${server.url}/triggers/${id}`, { method: "POST" });

  await project.write("workflows/echo.yaml", ECHO.replace("version: 1", "version: 2"));
  await server.event(({ event, changed }) => event === "reloaded" && (changed as string[]).includes("echo"));
  expect(await (await call("echo")).json()).toMatchObject({ version: 2 });

  await project.write("workflows/echo.yaml", "steps: [");
  await server.event(({ event, file }) => event === "problem" && file === "workflows/echo.yaml");
  expect(await (await call("echo")).json()).toMatchObject({ version: 2 });

  await project.write("workflows/new.yaml", ECHO);
  await server.event(({ event, changed }) => event === "reloaded" && (changed as string[]).includes("new"));
  expect((await call("new")).status).toBe(200);

  await rm(join(project.root, "workflows/new.yaml"));
  await server.event(({ event, removed }) => event === "reloaded" && (removed as string[]).includes("new"));
  expect((await call("new")).status).toBe(404);
});

it("keeps its state file private, and removes it when it ends", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO });
  await using server = await serve(project.root);
  const file = join(project.root, ".wf/server.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ pid: server.child.pid, url: server.url });
  expect(await server.end("SIGTERM")).toBe(0);
  expect(existsSync(file)).toBe(false);
});

it.each(["SIGINT", "SIGTERM"] as const)(
  "drains on %s, leaves sleeping executions for the next start, exits 0",
  async (signal) => {
    await using project = await createProject({ "workflows/quiet.yaml": QUIET });
    await using server = await serve(project.root);
    const accepted = await fetch(`${server.url}/triggers/quiet`, { method: "POST" });
    const { executionId } = (await accepted.json()) as { executionId: string };
    expect(await server.end(signal)).toBe(0);
    const shown = await wf(["history", "show", executionId, "--json", "--dir", project.root]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ id: executionId, status: "DELAYED" });
  },
);

it("ends at once on a second signal", async () => {
  const upstream = createServer(() => undefined);
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const address = upstream.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    await using project = await createProject({
      "workflows/hang.yaml": `trigger: { request: {} }\nsteps:\n  - http: { url: "http://127.0.0.1:${port}" }\n`,
    });
    await using server = await serve(project.root);
    const reached = new Promise((resolve) => upstream.once("request", resolve));
    await fetch(`${server.url}/triggers/hang`, { method: "POST" });
    await reached;
    server.child.kill("SIGINT");
    while (!server.stderr().includes("waiting for 1 running")) await new Promise((resolve) => setImmediate(resolve));
    expect(await server.end("SIGINT")).toBe(130);
    expect(existsSync(join(project.root, ".wf/server.json"))).toBe(false);
  } finally {
    upstream.closeAllConnections();
    upstream.close();
  }
});

it("refuses a second server on the same records, naming the first", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO });
  await using server = await serve(project.root);
  const second = await wf(["serve", "--port", "0", "--dir", project.root]);
  expect(second.exit).toBe(1);
  expect(second.stderr).toContain(String(server.child.pid));
  // The first one's state file survives the attempt.
  expect(existsSync(join(project.root, ".wf/server.json"))).toBe(true);
});

it("says which port is taken, and leaves nothing behind", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO });
  await using server = await serve(project.root);
  await using other = await createProject({ "workflows/echo.yaml": ECHO });
  const second = await wf(["serve", "--port", new URL(server.url).port, "--dir", other.root]);
  expect(second.exit).toBe(1);
  expect(second.stderr).toContain(new URL(server.url).port);
  expect(second.stderr).toContain("--port");
  expect(existsSync(join(other.root, ".wf/server.json"))).toBe(false);
});

it("refuses a public address without authentication", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO });
  const { exit, stderr } = await wf(["serve", "--port", "0", "--host", "0.0.0.0", "--dir", project.root]);
  expect(exit).toBe(2);
  expect(stderr).toContain("--allow-unauthenticated");
});

it("refuses broken settings with their place", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\nserver: { prot: 1 }\n" });
  const { exit, stderr } = await wf(["serve", "--port", "0", "--dir", project.root]);
  expect(exit).toBe(1);
  expect(stderr).toContain("wf.yaml:2:");
});

it("refuses private hosts that are none, and lets go of the records", async () => {
  await using project = await createProject({ "wf.yaml": "http: { allow_private: ['no host!'] }\n" });
  const { exit, stderr } = await wf(["serve", "--port", "0", "--dir", project.root]);
  expect(exit).toBe(1);
  expect(stderr).toContain("no host!");
});

it("warns of a secret that is not set", async () => {
  await using project = await createProject({
    "workflows/a.yaml": `trigger: { request: {} }\nsteps:\n  - fail: "\${{ secrets.NOT_SET_ANYWHERE }}"\n`,
  });
  await using server = await serve(project.root);
  expect(server.stderr()).toContain("workflows/a.yaml reads secrets.NOT_SET_ANYWHERE");
});

it("keeps secrets out of events and history", async () => {
  await using project = await createProject({
    "workflows/a.yaml": `trigger: { request: {} }\nsteps:\n  - fail: "no \${{ secrets.TOKEN }}"\n`,
    ".env": "TOKEN=tok-1234567\n",
  });
  await using server = await serve(project.root);
  await fetch(`${server.url}/triggers/a`, { method: "POST" });
  const ended = await server.event(({ event }) => event === "execution");
  expect(ended).toMatchObject({ status: "FAILED", error: { code: "FAILED_BY_STEP", message: "no [secret TOKEN]" } });
  const shown = await wf(["history", "show", String(ended["id"]), "--json", "--dir", project.root]);
  expect(shown.stdout).not.toContain("tok-1234567");
});

it("goes on when the reader of its events has gone", async () => {
  await using project = await createProject({ "workflows/echo.yaml": ECHO });
  await using server = await serve(project.root);
  server.child.stdout?.destroy();
  for (let at = 0; at < 3; at++) {
    await project.write("workflows/echo.yaml", ECHO.replace("version: 1", `version: ${at + 10}`));
    let version: unknown;
    while (version !== at + 10) {
      const response = await fetch(`${server.url}/triggers/echo`, { method: "POST" });
      ({ version } = (await response.json()) as { version: number });
    }
  }
  expect(await server.end("SIGTERM")).toBe(0);
});

it("tells how many executions it resumed at its start", async () => {
  const arrived = Promise.withResolvers<void>();
  const upstream = createServer(() => arrived.resolve()).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  const yaml = `trigger: { request: {} }\nsteps:\n  - http: { url: "http://127.0.0.1:${port}/" }\n`;
  await using project = await createProject({ "workflows/slow.yaml": yaml });
  await using first = await serve(project.root);
  expect((await fetch(`${first.url}/triggers/slow`, { method: "POST" })).status).toBe(202);
  await arrived.promise;
  await first.end("SIGKILL");
  await using second = await serve(project.root);
  expect(await second.event(({ event }) => event === "resumed")).toMatchObject({ count: 1 });
  await second.end("SIGKILL");
  upstream.closeAllConnections();
  upstream.close();
});
