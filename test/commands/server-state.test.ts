import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  readServerState,
  removeServerState,
  type ServerState,
  writeServerState,
} from "../../src/commands/server-state.ts";
import { createProject } from "../project.ts";

const STATE: ServerState = {
  pid: process.pid,
  url: "http://127.0.0.1:4000",
  token: randomBytes(16).toString("hex"),
  project: "demo",
  store: "demo/.wf",
  startedAt: "2026-11-23T15:00:00.000Z",
};

it("lets the server's own user alone read the token", async () => {
  await using project = await createProject({});
  writeServerState(project.root, STATE);
  expect(readServerState(project.root)).toEqual(STATE);
  expect(statSync(join(project.root, ".wf/server.json")).mode & 0o777).toBe(0o600);
  expect(statSync(join(project.root, ".wf")).mode & 0o777).toBe(0o700);
});

it("does not believe a file whose process is gone", async () => {
  await using project = await createProject({});
  writeServerState(project.root, { ...STATE, pid: 2 ** 30 });
  expect(readServerState(project.root)).toBeUndefined();
});

it.each(["", "{", "null", "[]", '{"pid":1}', '{"pid":"1","url":"x","token":"","project":"","store":""}'])(
  "does not believe a file that holds %j",
  async (text) => {
    await using project = await createProject({ ".wf/server.json": text });
    expect(readServerState(project.root)).toBeUndefined();
  },
);

it("leaves the file of a server that has started since", async () => {
  await using project = await createProject({});
  writeServerState(project.root, { ...STATE, token: "t-2" });
  removeServerState(project.root, STATE);
  expect(readServerState(project.root)?.token).toBe("t-2");
  removeServerState(project.root, { ...STATE, token: "t-2" });
  expect(readServerState(project.root)).toBeUndefined();
});
