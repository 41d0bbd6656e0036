import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { createProject } from "../project.ts";
import { serve, wf } from "./wf.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const HOOK = "trigger:\n  request:\n    body: { email: { type: email } }\nsteps: []\n";

interface Line {
  readonly event: string;
  readonly testUrl?: string;
  readonly [key: string]: unknown;
}

interface Capturing {
  /** The next line of stdout. */
  next(): Promise<Line>;
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

function capture(root: string, args: readonly string[]): Capturing {
  const child = spawn(process.execPath, [CLI, "capture", "hook", "--dir", root, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("no more lines");
      return JSON.parse(value) as Line;
    },
    async end(signal) {
      if (signal) child.kill(signal);
      if (child.exitCode === null) await once(child, "exit");
      return child.exitCode;
    },
  };
}

function send(url: string | undefined, body: string): Promise<Response> {
  return fetch(url ?? "", { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

test("without a terminal it starts a server, prints what comes as JSON lines, saves it and ends", async () => {
  await using project = await createProject({ "workflows/hook.yaml": HOOK });
  const capturing = capture(project.root, ["--port", "0", "--count", "2", "--timeout", "60s", "--save", "real"]);
  const ready = await capturing.next();
  expect(ready).toMatchObject({ event: "ready", workflow: "hook" });
  expect(ready.testUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/test\/hook$/);

  expect((await send(`${ready.testUrl}?a=1`, '{ "email": "a@b.co" }')).status).toBe(202);
  expect(await capturing.next()).toMatchObject({
    event: "capture",
    method: "POST",
    url: "/test/hook?a=1",
    verdict: { kind: "accepted" },
    answer: { status: 202 },
    savedAs: "real",
    body: { json: { email: "a@b.co" } },
  });
  expect((await send(ready.testUrl, '{"email":1}')).status).toBe(400);
  expect(await capturing.next()).toMatchObject({ verdict: { code: "REQUEST_INVALID" }, savedAs: "real-2" });
  expect(await capturing.end()).toBe(0);
  const saved = await readFile(join(project.root, "workflows/hook.testdata/real.body.json"), "utf8");
  expect(saved).toBe('{ "email": "a@b.co" }');
});

test("what it prints and saves is free of the project's secrets and of content encodings", async () => {
  const yaml = "trigger: { request: { auth: { bearer: { secret: HOOK_TOKEN } } } }\nsteps: []\n";
  const token = randomUUID();
  await using project = await createProject({ "workflows/hook.yaml": yaml, ".env": `HOOK_TOKEN=${token}\n` });
  const capturing = capture(project.root, ["--port", "0", "--count", "1", "--save", "real"]);
  const { testUrl } = await capturing.next();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "content-encoding": "gzip" };
  const body = gzipSync(JSON.stringify({ token }));
  expect((await fetch(testUrl ?? "", { method: "POST", headers, body })).status).toBe(202);
  const line = await capturing.next();
  expect(line).toMatchObject({ signature: "valid", body: { json: { token: "[secret HOOK_TOKEN]" } } });
  expect(JSON.stringify(line)).not.toContain(token);
  expect(await capturing.end()).toBe(0);
  expect(await readFile(join(project.root, "workflows/hook.testdata/real.yaml"), "utf8")).not.toContain(token);
  expect(existsSync(join(project.root, ".wf/server.json"))).toBe(false);
});

test("it joins the running server, and Ctrl-C leaves that one running", async () => {
  await using project = await createProject({ "workflows/hook.yaml": HOOK });
  await using server = await serve(project.root);
  const capturing = capture(project.root, ["--json"]);
  expect(await capturing.next()).toMatchObject({ event: "ready", url: server.url });
  await send(`${server.url}/test/hook`, "{}");
  expect(await capturing.next()).toMatchObject({ event: "capture", body: { json: {} } });
  expect(await capturing.end("SIGINT")).toBe(130);
  expect((await send(`${server.url}/test/hook`, "{}")).status).toBe(202);
});

test("nothing in time is exit code 3, a workflow that is not there is told with the nearest", async () => {
  await using project = await createProject({ "workflows/hook.yaml": HOOK });
  const nothing = await wf(["capture", "hook", "--port", "0", "--timeout", "1ms", "--dir", project.root]);
  expect(nothing.exit).toBe(3);
  const wrong = await wf(["capture", "hok", "--dir", project.root]);
  expect(wrong.exit).toBe(1);
  expect(wrong.stderr).toContain("Did you mean `hook`?");
});
