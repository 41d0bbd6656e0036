/** The README's chapter "From a webhook to a test in five minutes", followed to the letter but for the port. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createProject } from "../project.ts";

const README = fileURLToPath(new URL("../../README.md", import.meta.url));
const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** The shell blocks of a chapter, in order. */
async function blocksOf(chapter: string): Promise<string[]> {
  const text = await readFile(README, "utf8");
  const from = text.indexOf(`## ${chapter}\n`);
  const end = text.indexOf("\n## ", from + 1);
  return [...text.slice(from, end).matchAll(/```sh\n([^]*?)```/g)].map(([, block = ""]) => block);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("from a webhook to a test in five minutes, as the README says", async () => {
  const [begin = "", send = "", check = ""] = await blocksOf("From a webhook to a test in five minutes");
  await using folder = await createProject({});
  const bin = join(folder.root, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "wf"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`);
  await chmod(join(bin, "wf"), 0o755);
  const env = { ...process.env, NO_COLOR: "1", PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` };
  const run = promisify(execFile);
  const shop = join(folder.root, "shop");
  const port = await freePort();

  const [init = "", capture = ""] = begin.trim().split("\n");
  await run("sh", ["-c", init], { cwd: folder.root, env });
  await appendFile(join(shop, "wf.yaml"), `server: { port: ${port} }\n`);
  const capturing = spawn("sh", ["-c", `exec ${capture}`], { cwd: shop, env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void capturing.kill("SIGKILL"));
  const lines = createInterface({ input: capturing.stdout })[Symbol.asyncIterator]();
  expect(JSON.parse((await lines.next()).value as string)).toMatchObject({ event: "ready" });

  const answer = await run("sh", ["-c", send.replace("127.0.0.1:4000", `127.0.0.1:${port}`)], { cwd: shop, env });
  expect(JSON.parse(answer.stdout)).toMatchObject({ greeting: "Hello Ada!" });
  if (capturing.exitCode === null) await once(capturing, "exit");
  expect(capturing.exitCode).toBe(0);
  expect(await readFile(join(shop, "workflows/hello.testdata/real.body.json"), "utf8")).toBe(
    '{"name":"Ada","email":"ada@example.com","plan":"team"}',
  );

  const { stdout } = await run("sh", ["-ec", check], { cwd: shop, env });
  expect(stdout).toMatch(/1 passed in [^\n]*\n$/);
  const workflow = join(shop, "workflows/hello.yaml");
  const text = await readFile(workflow, "utf8");
  expect(text).toContain("email: { type: email, required: true }");
  expect(await readFile(join(shop, "workflows/hello.testdata/real.yaml"), "utf8")).toContain("greeting: Hello Ada!");

  await writeFile(workflow, text.replace("Hello ${{", "Goodbye ${{"));
  const changed = await run("wf", ["test"], { cwd: shop, env }).catch(
    (error: { code: number; stdout: string }) => error,
  );
  expect(changed).toMatchObject({ code: 1 });
  expect(changed.stdout).toContain("Goodbye Ada!");
}, 60_000);
