import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { deploy, listDeployments, rollback } from "../../src/commands/deploy.ts";
import { createKey } from "../../src/commands/keys.ts";
import { createDeployedReport, type ServeReport } from "../../src/commands/serve-report.ts";
import { ServeSession, type SessionOptions } from "../../src/commands/serve-session.ts";
import { openDeployments } from "../../src/engine/embedded/deployments.ts";
import { openHistory } from "../../src/engine/embedded/history.ts";
import { loadProject } from "../../src/workflow/load.ts";
import { createProject } from "../project.ts";
import { run } from "./in-process.ts";

const silent: ServeReport = {
  ready: () => undefined,
  reloaded: () => undefined,
  problem: () => undefined,
  execution: undefined,
  resumed: () => undefined,
  note: () => undefined,
  stopped: () => undefined,
};

const answers = (text: string): string =>
  `trigger: { request: { methods: [GET], auth: api-key } }\nsteps:\n  - response: { json: { says: ${text} } }\n`;
const OPEN = "trigger: { request: { auth: none } }\nsteps: []\n";
const BROKEN = "trigger: { request: { auth: api-key } }\nsteps:\n  - respond: {}\n";

/** A server in this process, with a key that opens everything. */
async function start(dir: string, options: SessionOptions = { deployed: true }) {
  const key = (await run(() => createKey("all", { dir, scope: ["trigger,deploy"] }))).stdout.trim();
  const session = await ServeSession.open({ dir, port: 0, ...options }, silent);
  const { url } = await session.listen();
  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    return { status: answer.status, body: await answer.json() };
  };
  return { url, key, get, [Symbol.asyncDispose]: () => session.close() };
}

const says = (text: string) => ({ status: 200, body: { says: text } });

it("serves what was deployed, whatever the files say, until the next deploy or a rollback", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  const dir = project.root;
  await using server = await start(dir);
  const { get } = server;
  expect(await get("/triggers/w")).toMatchObject({
    status: 404,
    body: { code: "WORKFLOW_NOT_FOUND", message: "Workflow `w` is not deployed; run `wf deploy`." },
  });

  expect((await run(() => deploy([], { dir }))).exit).toBe(0);
  await expect.poll(() => get("/triggers/w")).toEqual(says("one"));
  expect((await get("/test/w")).status).toBe(404);

  await project.write("workflows/w.yaml", answers("two"));
  expect(await get("/triggers/w")).toEqual(says("one"));
  await run(() => deploy([], { dir }));
  await expect.poll(() => get("/triggers/w")).toEqual(says("two"));

  await run(() => rollback(undefined, { dir }));
  await expect.poll(() => get("/triggers/w")).toEqual(says("one"));
  await run(() => rollback("2", { dir }));
  await expect.poll(() => get("/triggers/w")).toEqual(says("two"));
  await expect(rollback("9", { dir })).rejects.toMatchObject({ code: "DEPLOYMENT_NOT_FOUND" });
});

it("lets an execution that began before a deploy end on its own version, functions included", async () => {
  let release = (): void => undefined;
  let arrived = (): void => undefined;
  const atGate = new Promise<void>((resolve) => (arrived = resolve));
  // Holds the first request only: others may still run the old version until the server has looked.
  let holds = true;
  const gate = createServer((_request, response) => {
    if (!holds) return response.end("{}");
    holds = false;
    release = () => response.end("{}");
    return arrived();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void gate.close());
  await once(gate, "listening");
  const { port } = gate.address() as AddressInfo;
  const waits = `trigger: { request: { methods: [GET], auth: api-key } }
steps:
  - http: { method: GET, url: "http://127.0.0.1:${port}/" }
  - { id: version, function: ./functions/version.ts }
  - response: { json: { says: "\${{ steps.version }}" } }
`;
  const sleeps = waits.replace(/ {2}- http.*\n/, "  - delay: 800ms\n").replace(/ {2}- response.*\n/, "");
  const version = (text: string): string =>
    `import { text } from "./text.ts";\nexport default () => text + "${text}";\n`;
  await using project = await createProject({
    "wf.yaml": "project: demo\n",
    "workflows/w.yaml": waits,
    "workflows/sleeper.yaml": sleeps,
    "workflows/functions/version.ts": version("one"),
    "workflows/functions/text.ts": 'export const text = "version ";\n',
  });
  const dir = project.root;
  await run(() => deploy([], { dir }));
  await using server = await start(dir);
  const { get } = server;
  const asleep = (await get("/triggers/sleeper")).body as { executionId: string };
  const begun = get("/triggers/w");
  await atGate;

  await project.write("workflows/functions/version.ts", version("two"));
  await project.write("workflows/w.yaml", waits.replace(/ {2}- http.*\n/, ""));
  await run(() => deploy([], { dir }));
  await expect.poll(() => get("/triggers/w")).toEqual(says("version two"));
  release();
  expect(await begun).toEqual(says("version one"));
  const history = await openHistory(join(dir, ".wf"));
  onTestFinished(() => history.close());
  const ended = async () => {
    const found = await history.get(asleep.executionId);
    return { status: found?.status, output: found?.steps.find(({ stepId }) => stepId === "version")?.output };
  };
  await expect.poll(ended, { timeout: 10_000 }).toEqual({ status: "SUCCEEDED", output: "version one" });
});

it("deploys all or nothing, and names what is broken", async () => {
  await using project = await createProject({
    "wf.yaml": "project: demo\n",
    "workflows/a.yaml": answers("one"),
    "workflows/b.yaml": answers("one"),
  });
  const dir = project.root;
  await run(() => deploy([], { dir }));
  await project.write("workflows/a.yaml", answers("two"));
  await project.write("workflows/b.yaml", BROKEN);
  const failed = { code: "DEPLOYMENT_INVALID", message: "1 error; nothing was deployed." };
  await expect(deploy([], { dir })).rejects.toMatchObject(failed);
  expect((await run(() => listDeployments({ dir, json: true }))).stdout.trim().split("\n")).toHaveLength(1);

  // What is named is checked with what stays live beside it: `b` as it was deployed.
  const named = await run(() => deploy(["a"], { dir, json: true }));
  expect(JSON.parse(named.stdout)).toMatchObject({ deployment: { id: 2 }, changed: ["a"], removed: [] });
  const calling = "trigger: { request: { auth: api-key } }\nsteps:\n  - workflow: c\n";
  await project.write("workflows/a.yaml", calling);
  await project.write("workflows/c.yaml", answers("one"));
  await expect(deploy(["a"], { dir })).rejects.toMatchObject({
    code: "DEPLOYMENT_INVALID",
    message: expect.stringContaining("workflows/a.yaml:3:15 there is no workflow `c`"),
  });
  await expect(deploy(["aa"], { dir })).rejects.toMatchObject({ code: "USAGE" });
});

it("keeps equal content as one version, and says who made what live", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  const dir = project.root;
  expect(await run(() => listDeployments({ dir }))).toMatchObject({ exit: 0, stdout: "" });
  await run(() => deploy([], { dir }));
  expect((await run(() => deploy([], { dir }))).stderr).toContain("Nothing has changed since deployment 1");
  await project.write("workflows/w.yaml", answers("two"));
  await project.write("workflows/x.yaml", answers("one"));
  await run(() => deploy([], { dir }));
  await project.write("workflows/w.yaml", answers("one"));
  await run(() => deploy(["w"], { dir }));
  const store = openDeployments(join(dir, ".wf"));
  onTestFinished(() => store.close());
  const [third, second, first] = store.list();
  expect(third).toMatchObject({ id: 3, live: { by: expect.stringMatching(/^user \S+$/) } });
  expect(second?.live).toBeNull();
  expect(third?.versions.map(({ hash }) => hash)).toEqual([first?.versions[0]?.hash, second?.versions[1]?.hash]);
  expect(store.deploy({ definitions: [], by: "late", over: 1 })).toBeUndefined();
  const shown = (await run(() => listDeployments({ dir }))).stdout;
  expect(shown).toMatch(/^live\s+3 .*w@[0-9a-f]{12} x@[0-9a-f]{12}$/m);
});

it("deploys to a running server with a key, which notices at once", async () => {
  await using production = await createProject({ "wf.yaml": "project: demo\n" });
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  const dir = project.root;
  await using server = await start(production.root);
  const { url, key, get } = server;
  await expect(deploy([], { dir, to: url })).rejects.toMatchObject({ code: "USAGE" });
  const wrong = deploy([], { dir, to: url, key: `${key}x` });
  await expect(wrong).rejects.toMatchObject({ code: "UNAUTHORIZED" });

  const made = await run(() => deploy([], { dir, to: url, key, json: true }));
  expect(JSON.parse(made.stdout)).toMatchObject({ deployment: { id: 1, createdBy: "key all" }, serving: true });
  expect(await get("/triggers/w")).toEqual(says("one"));
  await project.write("workflows/w.yaml", answers("two"));
  await run(() => deploy(["w"], { dir, to: url, key }));
  expect(await get("/triggers/w")).toEqual(says("two"));
  await run(() => rollback(undefined, { dir, to: url, key }));
  expect(await get("/triggers/w")).toEqual(says("one"));
  const listed = await run(() => listDeployments({ dir, to: url, key, json: true }));
  expect(JSON.parse(listed.stdout.split("\n")[1] ?? "")).toMatchObject({ id: 1, live: { by: "key all" } });

  await project.write("workflows/open.yaml", OPEN);
  await expect(run(() => deploy([], { dir, to: url, key }))).rejects.toMatchObject({ code: "DEPLOYMENT_INVALID" });
});

it("refuses sets that are none, or whose paths lead elsewhere", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n" });
  await using server = await start(project.root);
  const { url, key } = server;
  const send = async (body: unknown) => {
    const answer = await fetch(`${url}/projects/demo/deployments`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return ((await answer.json()) as { code: string }).code;
  };
  const good = { workflowId: "w", file: "workflows/w.yaml", yaml: answers("one"), modules: {} };
  for (const body of [null, {}, { sources: [1] }, { sources: [{ ...good, modules: { a: 1 } }] }]) {
    expect(await send(body)).toBe("BODY_MALFORMED");
  }
  const bad = [
    [],
    [{ ...good, workflowId: "../w" }],
    [{ ...good, file: "workflows/v.yaml" }],
    [good, good],
    [{ ...good, yaml: BROKEN }],
    ...["../x.ts", "/etc/x.ts", "a//x.ts", "a\\..\\x.ts", "C:/x.ts"].map((path) => [
      { ...good, modules: { [path]: "" } },
    ]),
  ];
  for (const sources of bad) expect(await send({ sources })).toBe("DEPLOYMENT_INVALID");
});

it("asks for `auth`, and runs the working copy where it is not told to serve deployments", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": OPEN });
  const dir = project.root;
  expect((await run(() => deploy([], { dir }))).stderr).toContain("Without `auth`: w.");
  const refused = await ServeSession.open({ dir, port: 0, deployed: true }, silent);
  await expect(refused.listen()).rejects.toMatchObject({
    code: "ADDRESS_PUBLIC",
    hint: expect.stringContaining("deploy again"),
  });
  await refused.close();
  const allowing = await ServeSession.open({ dir, port: 0, deployed: true, allowUnauthenticated: true }, silent);
  const { url: allowed } = await allowing.listen();
  expect((await fetch(`${allowed}/triggers/w`, { method: "POST" })).status).toBe(202);
  await allowing.close();

  await project.write("workflows/w.yaml", answers("working copy"));
  await using server = await start(dir, {});
  const { url, key, get } = server;
  expect(await get("/triggers/w")).toEqual(says("working copy"));
  const made = await run(() => deploy([], { dir, to: url, key }));
  expect(made.stderr).toContain("runs its working copy");
});

it("keeps what is live when a deployment cannot be read, and takes the next one", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  const dir = project.root;
  await run(() => deploy([], { dir }));
  const { definitions } = await loadProject(dir);
  const known = definitions.get("w");
  if (known === undefined) throw new Error("no workflow");
  await using server = await start(dir);
  const { get } = server;
  const store = openDeployments(join(dir, ".wf"));
  // As a later wf might write it.
  const foreign = { ...known, hash: "f".repeat(64), source: { ...known.source, yaml: BROKEN } };
  expect(store.deploy({ definitions: [foreign], by: "a later wf", over: 1 })).toMatchObject({ id: 2 });
  store.close();
  const unreadable = ServeSession.open({ dir, port: 0, deployed: true, store: `${dir}/.wf` }, silent);
  await expect(unreadable).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  expect(await get("/triggers/w")).toEqual(says("one"));
  await project.write("workflows/w.yaml", answers("three"));
  await run(() => deploy([], { dir }));
  await expect.poll(() => get("/triggers/w")).toEqual(says("three"));
  await expect(rollback("2", { dir })).rejects.toMatchObject({ code: "DEPLOYMENT_INVALID" });
  expect(await get("/triggers/w")).toEqual(says("three"));
});

it("tells a project that the server does not have", async () => {
  await using production = await createProject({ "wf.yaml": "project: other\n" });
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  await using server = await start(production.root);
  const { url: to, key } = server;
  await expect(deploy([], { dir: project.root, to, key })).rejects.toMatchObject({
    code: "ROUTE_NOT_FOUND",
    hint: expect.stringContaining("another project than `demo`"),
  });
});

it("refuses callers of a workflow without `auth` that is deployed while the server runs", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  const dir = project.root;
  await run(() => deploy([], { dir }));
  await using server = await start(dir);
  await project.write("workflows/w.yaml", OPEN);
  await run(() => deploy([], { dir }));
  const send = async () => (await fetch(`${server.url}/triggers/w`, { method: "POST" })).status;
  // 405 while the version that takes GET is still live.
  await expect.poll(send).not.toBe(405);
  expect(await send()).toBe(401);
});

it("tells programs in JSON what it serves", async () => {
  await using project = await createProject({ "wf.yaml": "project: demo\n", "workflows/w.yaml": answers("one") });
  const { definitions } = await loadProject(project.root);
  const { stdout, stderr } = await run(async () => {
    const report = createDeployedReport();
    report.ready("http://127.0.0.1:1", definitions);
    report.note("a note");
    return 0;
  });
  expect(stderr).toBe("");
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(events).toEqual([
    {
      event: "ready",
      url: "http://127.0.0.1:1",
      workflows: [{ id: "w", methods: ["GET"], url: "http://127.0.0.1:1/triggers/w" }],
    },
    { event: "note", message: "a note" },
  ]);
});
