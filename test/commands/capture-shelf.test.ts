import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProject, type TestProject } from "../project.ts";
import { TestTerminal, type TerminalSize } from "../terminal.ts";
import { serve, type RunningServe } from "./wf.ts";

/** The built program: sources with JSX do not run as they are. */
const WF = fileURLToPath(new URL("../../bin/wf.js", import.meta.url));
const WORKFLOW = `name: Lead created
trigger:
  request:
    body:
      email: { type: email, required: true }
steps:
  - id: reply
    response: { status: 201, json: { hello: "\${{ trigger.body.email }}" } }
`;
const UP = "\u001b[A";
const ESCAPE = "\u001b";

let project: TestProject;
let server: RunningServe;

beforeEach(async () => {
  project = await createProject({ "wf.yaml": "project: shelf\n", "workflows/lead-created.yaml": WORKFLOW });
  server = await serve(project.root);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
});

async function openShelf(size: TerminalSize, env: NodeJS.ProcessEnv = {}): Promise<TestTerminal> {
  const terminal = await TestTerminal.start(
    [process.execPath, WF, "capture", "lead-created", "--dir", project.root],
    size,
    {
      env: { COLORTERM: "", FORCE_COLOR: "", NO_COLOR: "", ...env },
    },
  );
  await terminal.until("Waiting for the first request");
  return terminal;
}

async function post(body: string | Buffer, headers: Record<string, string> = {}): Promise<number> {
  const outgoing = request(`${server.url}/test/lead-created`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
  });
  const answered = new Promise<number>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => void buffer(incoming).then(() => resolve(incoming.statusCode ?? 0)));
  });
  outgoing.end(body);
  return answered;
}

describe("wf capture on a terminal", () => {
  it("shows what arrives, filters, saves, replays and leaves the terminal as it was", async () => {
    await using terminal = await openShelf({ columns: 80, rows: 24 });
    expect(await terminal.isAlternate()).toBe(true);
    expect(await post('{"email":"ada@example.com"}', { "X-GitHub-Event": "push" })).toBe(201);
    expect(await terminal.until("✓ kept")).toMatch(/POST +201 .* 27 B +✓ kept +– +push/);
    expect(await post('{"email":7}')).toBe(400);
    await terminal.until("✗ 1 rule");

    terminal.type(`${UP}\r`);
    await terminal.until('"email": "ada@example.com"');
    terminal.type("3");
    await terminal.until('"hello": "ada@example.com"');
    terminal.type("4");
    await terminal.until("✓ reply response");

    terminal.type("s");
    await terminal.until("Name  push");
    terminal.type("\r");
    await terminal.until("Saved as push");
    const saved = await readFile(join(project.root, "workflows/lead-created.testdata/push.body.json"), "utf8");
    expect(saved).toBe('{"email":"ada@example.com"}');
    terminal.type(ESCAPE);
    await terminal.until("★");

    terminal.type("r");
    await terminal.until("Sent: answered 201.");
    await terminal.until("↻ push");
    terminal.type("/");
    await terminal.until("body.email:ada");
    terminal.type("body.email:ada\r");
    await terminal.until("2 of 3");

    terminal.type("q");
    expect(await terminal.exit()).toBe(0);
    expect(await terminal.isAlternate()).toBe(false);
    const { before, after } = await terminal.settings();
    expect(after).toBe(before);
    expect(terminal.raw.lastIndexOf("\u001b[?25h")).toBeGreaterThan(terminal.raw.lastIndexOf("\u001b[?25l"));
    expect(terminal.raw.lastIndexOf("\u001b[?7h")).toBeGreaterThan(terminal.raw.lastIndexOf("\u001b[?7l"));
  });

  it("shows list and detail side by side, and follows the window's size", async () => {
    await using terminal = await openShelf({ columns: 200, rows: 50 });
    await post('{"email":"ada@example.com"}');
    expect(await terminal.until('"email": "ada@example.com"')).toContain("✓ kept");
    for (const size of [
      { columns: 80, rows: 24 },
      { columns: 40, rows: 10 },
      { columns: 200, rows: 50 },
    ]) {
      await terminal.resize(size);
      const screen = await terminal.until((text) => {
        const lines = text.split("\n");
        return (
          lines.length === size.rows &&
          (lines[0]?.includes("wf capture") ?? false) &&
          (lines.at(-1)?.includes("quit") ?? false)
        );
      });
      expect(screen.match(/wf capture/g)).toHaveLength(1);
    }
    await terminal.until("│");
    terminal.type("\u0003");
    expect(await terminal.exit()).toBe(0);
  });

  it("shows captured escapes, and never obeys them", async () => {
    await using terminal = await openShelf({ columns: 80, rows: 24 });
    const hostile = "\u001b]0;owned\u0007\u001b[2J\u001b]52;c;aGk=\u0007\u202e\u009b31m";
    await post(Buffer.concat([Buffer.from(`text ${hostile}`), Buffer.from([0xff])]), {
      "Content-Type": "text/plain",
      "X-GitHub-Event": "caf\u00e9\u009b2J",
    });
    await terminal.until("✗ refused");
    terminal.type("\r");
    await terminal.until("text ␛]0;owned␇␛[2J␛]52;c;aGk=␇⟨U+202E⟩⟨U+009B⟩31m⟨FF⟩");
    // Ink's own: cursor, erasing, modes of the screen, colours.
    // oxlint-disable-next-line no-control-regex
    const strange = terminal.raw.replaceAll(/\u001b\[(?:\?(?:25|1049|2004|2026|7)[hl]|[\d;]*[ABCDEFGHJKm])/g, "");
    // oxlint-disable-next-line no-control-regex
    expect(strange).not.toMatch(/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u202e]/);
    terminal.type("q");
    expect(await terminal.exit()).toBe(0);
  });

  it("edits in the person's editor and sends what was saved", async () => {
    await project.write("editor.sh", `#!/bin/sh\nsed 's/ada@/eve@/' "$1" > "$1.new" && mv "$1.new" "$1"\n`);
    await using terminal = await openShelf(
      { columns: 80, rows: 24 },
      { EDITOR: `sh ${project.root}/editor.sh`, VISUAL: "" },
    );
    await post('{"email":"ada@example.com"}');
    await terminal.until("✓ kept");
    terminal.type("e");
    await terminal.until("Sent: answered 201.");
    await terminal.until("2 captures");
    terminal.type("G\r");
    await terminal.until("eve@example.com");
    terminal.type("q");
    expect(await terminal.exit()).toBe(0);
  });

  it("writes rules into the workflow's file after it was asked", async () => {
    await using terminal = await openShelf({ columns: 80, rows: 24 });
    await post('{"email":"ada@example.com","seats":3}');
    await terminal.until("✓ kept");
    terminal.type("v");
    await terminal.until("seats:");
    terminal.type("y");
    await terminal.until("2 rules written into workflows/lead-created.yaml");
    expect(await readFile(join(project.root, "workflows/lead-created.yaml"), "utf8")).toContain("seats:");
    terminal.type("q");
    expect(await terminal.exit()).toBe(0);
  });

  it("gives the terminal back when a signal ends it", async () => {
    await using terminal = await openShelf({ columns: 80, rows: 24 }, { NO_COLOR: "1" });
    await terminal.signal("SIGTERM");
    expect(await terminal.exit()).toBe(130);
    expect(await terminal.isAlternate()).toBe(false);
    const { before, after } = await terminal.settings();
    expect(after).toBe(before);
    // oxlint-disable-next-line no-control-regex
    expect(terminal.raw).not.toMatch(/\u001b\[[\d;]*3[0-7]m/);
  });
});
