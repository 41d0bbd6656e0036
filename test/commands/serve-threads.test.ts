/** `wf serve` and functions whose threads do not want to end. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProject, type TestProject } from "../project.ts";
import { type RunningServe, serve, wf } from "./wf.ts";

const WORKFLOW = "trigger: { request: {} }\nsteps:\n  - { id: f, function: ./functions/f.ts";

function project(code: string, step: string = ""): Promise<TestProject> {
  return createProject({ "workflows/f.yaml": `${WORKFLOW}${step} }\n`, "workflows/functions/f.ts": code });
}

async function codeOfEnd(server: RunningServe): Promise<unknown> {
  const response = await fetch(`${server.url}/triggers/f`, { method: "POST" });
  const { executionId } = (await response.json()) as { executionId: string };
  const { error } = await server.event(({ event, id }) => event === "execution" && id === executionId);
  return (error as { code: unknown }).code;
}

/** Native code that is at work for hours, and hears nothing meanwhile. */
const DEAF = `import { pbkdf2Sync } from "node:crypto";
export default () => pbkdf2Sync("", "", 2 ** 31 - 1, 64, "sha512").length;
`;

it("ends a function that exhausts its memory in a tight loop, serves on, and exits 0", async () => {
  await using folder = await project(
    "export default () => { const all = []; for (;;) all.push(new Array(1000).fill(1.5)); };",
  );
  await using server = await serve(folder.root);
  expect(await codeOfEnd(server)).toBe("FUNCTION_CRASHED");
  expect(await codeOfEnd(server)).toBe("FUNCTION_CRASHED");
  expect(await server.end("SIGTERM")).toBe(0);
});

it("exits 0 beside a thread that had to be given up, with everything recorded", async () => {
  await using folder = await project(DEAF, ", timeout: 50ms");
  await using server = await serve(folder.root);
  expect(await codeOfEnd(server)).toBe("STEP_TIMEOUT");
  expect(await server.end("SIGTERM")).toBe(0);
  expect(existsSync(join(folder.root, ".wf/server.json"))).toBe(false);
  const shown = await wf(["history", "--json", "--dir", folder.root]);
  expect(shown.stdout).toContain("STEP_TIMEOUT");
});

it("ends at once on a second signal while a thread hears nothing", async () => {
  await using folder = await project(DEAF, ", timeout: 1h");
  await using server = await serve(folder.root);
  await fetch(`${server.url}/triggers/f`, { method: "POST" });
  server.child.kill("SIGINT");
  while (!server.stderr().includes("waiting for 1 running")) await new Promise((resolve) => setImmediate(resolve));
  expect(await server.end("SIGINT")).toBe(130);
  expect(existsSync(join(folder.root, ".wf/server.json"))).toBe(false);
});
