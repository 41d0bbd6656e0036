import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GroupCommit } from "../../src/engine/embedded/commit.ts";
import { openEmbeddedEngine } from "../../src/engine/embedded/engine.ts";
import { FolderFiles } from "../../src/engine/embedded/files.ts";
import { openHistory } from "../../src/engine/embedded/history.ts";
import type { EmbeddedEngineOptions } from "../../src/engine/embedded/options.ts";
import { Retention } from "../../src/engine/embedded/retention.ts";
import { APPLICATION_ID, MIGRATIONS, openDatabase, STATUS } from "../../src/engine/embedded/schema.ts";
import { Store } from "../../src/engine/embedded/store.ts";
import { WriteAheadLog } from "../../src/engine/embedded/wal.ts";
import type { StepWrite, WriteOwner } from "../../src/engine/embedded/write.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { newExecutionId } from "../../src/engine/id.ts";
import type { WfError } from "../../src/errors.ts";
import { attemptOf, definitionOf, Gate, inputOf, ok, parseDefinition, SUCCEEDED, until } from "./engine-fixture.ts";

const DAY_MS = 86_400_000;
let directory: string;
let engines: Engine[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wf-store-"));
  engines = [];
});
afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(directory, { recursive: true });
});

async function open(more: Partial<EmbeddedEngineOptions> = {}): Promise<Engine> {
  const engine = await openEmbeddedEngine({
    directory: join(directory, ".wf"),
    walk: async () => SUCCEEDED,
    parse: parseDefinition,
    retentionMs: DAY_MS,
    ...more,
  });
  engines.push(engine);
  return engine;
}

const start = (engine: Engine, more: object = {}): ReturnType<Engine["start"]> =>
  engine.start({ id: newExecutionId(), definition: definitionOf("w"), input: inputOf(), ...more });

const database = (): string => join(directory, ".wf", "wf.db");

describe("the folder", () => {
  it("belongs to one process at a time, whose pid the other is told", async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({
      code: "STORE_LOCKED",
      message: expect.stringContaining(`pid ${process.pid}`) as string,
    });
    await first.close();
    await open();
  });

  it("is readable by its owner alone", async () => {
    const engine = await open();
    const file = await engine.files.write(Buffer.from("x"), { name: "x", mimeType: "text/plain" });
    const mode = (path: string): number => statSync(join(directory, ".wf", path)).mode & 0o777;
    expect(mode("")).toBe(0o700);
    expect([mode("wf.db"), mode("wf.db-wal"), mode("lock.db"), mode("owner")]).toEqual([0o600, 0o600, 0o600, 0o600]);
    expect(mode(`files/${file.hash.slice(0, 2)}/${file.hash}`)).toBe(0o600);
  });

  it("is brought up to date when an older version wrote its database", async () => {
    mkdirSync(join(directory, ".wf"));
    const older = new DatabaseSync(database());
    older.exec(MIGRATIONS[0] as string);
    older.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1`);
    const id = newExecutionId();
    older.exec("INSERT INTO definitions VALUES (1, 'h', '{}', 0)");
    older.exec(`INSERT INTO executions (seq, id, workflow, definition, status, started, ended, tasks)
      VALUES (1, '${id}', 'w', 1, ${STATUS.SUCCEEDED}, 5, 6, 0)`);
    older.close();
    await expect(openHistory(join(directory, ".wf"))).rejects.toMatchObject({ code: "STORE_VERSION" });
    const current = await open();
    expect((await current.list({})).items).toMatchObject([{ id, status: "SUCCEEDED" }]);
  });

  it("is refused, untouched, when its database is damaged, newer, or another program's", async () => {
    await (await open()).close();
    const newer = new DatabaseSync(database());
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    await expect(open()).rejects.toMatchObject({ code: "STORE_VERSION" });
    await expect(openHistory(join(directory, ".wf"))).rejects.toMatchObject({ code: "STORE_VERSION" });

    rmSync(database());
    const other = new DatabaseSync(database());
    other.exec("CREATE TABLE theirs (a)");
    other.close();
    await expect(open()).rejects.toMatchObject({ code: "STORE_FAILED" });

    const damaged = Buffer.from("no database at all, but some text".repeat(500));
    writeFileSync(database(), damaged);
    await expect(open()).rejects.toMatchObject({
      code: "STORE_FAILED",
      hint: expect.stringContaining("backup") as string,
    });
    expect(readFileSync(database())).toEqual(damaged);
  });
});

describe("history beside the owner", () => {
  it("is empty without a store, and follows a running owner", async () => {
    const none = await openHistory(join(directory, "nowhere"));
    expect(await none.list({})).toEqual({ items: [] });
    expect(await none.get("x")).toBeUndefined();
    none.close();

    const engine = await open();
    const history = await openHistory(join(directory, ".wf"));
    const { id } = await start(engine);
    await engine.waitEnd(id, 10_000);
    expect((await history.list({})).items).toMatchObject([{ id, status: "SUCCEEDED" }]);
    expect(await history.get(id)).toEqual(await engine.get(id));
    history.close();
  });
});

describe("recovery", () => {
  it("fails an execution whose definition can no longer be read", async () => {
    const gate = new Gate();
    const first = await open({
      walk: async () => {
        await gate.pass();
        return SUCCEEDED;
      },
    });
    const { id } = await start(first);
    await first.close();
    const second = await open({
      parse: () => {
        throw new Error("unknown key");
      },
    });
    expect(await second.waitEnd(id, 10_000)).toMatchObject({ status: "FAILED", error: { code: "WORKFLOW_INVALID" } });
    gate.open();
  });

  it("loses nothing and repeats no record when the process is killed under load", async () => {
    const accepted = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, "embedded-child.ts"), join(directory, ".wf")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const goal = accepted.size + 40 + round * 30;
      for await (const line of createInterface({ input: child.stdout })) {
        accepted.add(line);
        if (accepted.size >= goal) break;
      }
      await kill(child);
    }
    const engine = await open({
      walk: async (_, context) => {
        for (const path of ["a", "b", "c"]) await context.step(attemptOf(path), () => ok(path));
        return SUCCEEDED;
      },
    });
    for (const id of accepted) {
      expect(await engine.waitEnd(id, 10_000)).toMatchObject({ status: "SUCCEEDED", taskCount: 3 });
    }
    await engine.drain(10_000);
    await engine.close();
    const beside = new DatabaseSync(database(), { readOnly: true });
    const repeated = beside
      .prepare(
        "SELECT count(*) AS n FROM (SELECT 1 FROM steps GROUP BY key / 4194304, path, attempt HAVING count(*) > 1)",
      )
      .get();
    expect(repeated).toEqual({ n: 0 });
    expect(beside.prepare("SELECT count(*) AS n FROM executions WHERE status <> 2").get()).toEqual({ n: 0 });
    beside.close();
  });
});

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

describe("a store that cannot be written", () => {
  it("refuses starts while another program holds it, stays alive, and keeps the records of steps", async () => {
    const gate = new Gate();
    const engine = await open({
      busyTimeoutMs: 60,
      walk: async (definition, context) => {
        if (definition.id === "held") {
          await context.step(attemptOf("a"), async () => {
            await gate.pass();
            return ok("kept");
          });
        }
        return SUCCEEDED;
      },
    });
    const { id } = await start(engine, { definition: definitionOf("held") });
    await gate.reached;
    const holder = new DatabaseSync(database());
    holder.exec("BEGIN IMMEDIATE");
    gate.open();
    const refused = newExecutionId();
    await expect(start(engine, { id: refused, idempotencyKey: "k" })).rejects.toMatchObject({ code: "STORE_BUSY" });
    expect(await engine.get(refused)).toBeUndefined();
    expect((await engine.get(id))?.status).toBe("EXECUTING");
    holder.exec("ROLLBACK");
    holder.close();
    expect(await engine.waitEnd(id, 10_000)).toMatchObject({ status: "SUCCEEDED" });
    expect((await engine.get(id))?.steps).toMatchObject([{ path: "a", output: "kept" }]);
    expect(await start(engine, { idempotencyKey: "k" })).toMatchObject({ outcome: "created" });
  });

  it("refuses starts when there is no room left, keeps other records, and recovers", async () => {
    const file = join(directory, "wf.db");
    const connection = openDatabase(file);
    const failures: WfError[] = [];
    const commit = new GroupCommit({
      store: new Store(connection),
      wal: new WriteAheadLog(file),
      file,
      busyTimeoutMs: 100,
      onFailure: (error) => failures.push(error),
    });
    const begin = (seq: number, owner: WriteOwner = { seq, void: false }): Promise<void> =>
      new Promise((resolve, reject) => {
        commit.add({
          kind: "start",
          owner,
          id: `id-${seq}`,
          workflowId: "w",
          definitionHash: "h",
          definitionSource: () => "{}",
          userId: null,
          started: seq,
          idempotencyKey: null,
          replayOf: null,
          parentId: null,
          input: { json: JSON.stringify("x".repeat(20_000)), files: null },
          status: STATUS.EXECUTING,
          ended: null,
          tasks: 0,
          error: null,
          written: false,
          done: () => resolve(),
          failed: reject,
        });
      });
    const step = (owner: WriteOwner, n: number): StepWrite => ({
      kind: "step",
      owner,
      key: owner.seq * 2 ** 22 + n,
      path: `s${n}`,
      attempt: 1,
      stepId: "s",
      stepKind: "http",
      name: null,
      status: 0,
      started: 0,
      ended: 0,
      retryable: false,
      retryAfterMs: null,
      input: null,
      output: { json: JSON.stringify("y".repeat(50_000)), files: null },
      logs: null,
    });
    const owner: WriteOwner = { seq: 1, void: false };
    await begin(1, owner);
    const { page_count: pages } = connection.prepare("PRAGMA page_count").get() as { page_count: number };
    connection.exec(`PRAGMA max_page_count = ${pages + 2}`);
    commit.add(step(owner, 1));
    const lost: WriteOwner = { seq: 2, void: false };
    await expect(begin(2, lost)).rejects.toMatchObject({ code: "STORE_FULL", status: 503 });
    commit.add(step(lost, 1));
    commit.add(step(owner, 2));
    await expect(begin(3)).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(failures.length).toBeGreaterThanOrEqual(2);
    connection.exec("PRAGMA max_page_count = 1000000");
    await begin(4);
    await commit.durable();
    expect(connection.prepare("SELECT seq FROM executions ORDER BY seq").all()).toEqual([{ seq: 1 }, { seq: 4 }]);
    expect(connection.prepare("SELECT path FROM steps ORDER BY key").all()).toEqual([{ path: "s1" }, { path: "s2" }]);
    await commit.close();
    connection.close();
  });

  it("runs no step that reaches out before the start is durable", async () => {
    const runs: string[] = [];
    const engine = await open({
      busyTimeoutMs: 40,
      walk: async (_, context) => {
        await context.step(attemptOf("pure", { effect: false }), () => ok(runs.push("pure")));
        await context.step(attemptOf("a"), () => ok(runs.push("a")));
        return SUCCEEDED;
      },
    });
    const holder = new DatabaseSync(database());
    holder.exec("BEGIN IMMEDIATE");
    await expect(start(engine)).rejects.toMatchObject({ code: "STORE_BUSY" });
    holder.close();
    const { id } = await start(engine);
    await engine.waitEnd(id, 10_000);
    expect(runs).toEqual(["pure", "pure", "a"]);
    expect((await engine.list({})).items).toMatchObject([{ id, taskCount: 2 }]);
    expect(engine.running).toBe(0);
  });

  it("gives up a record that is itself at fault, alone", async () => {
    const engine = await open({
      walk: async (definition, context) => {
        if (definition.id === "bad") await context.step(attemptOf("a", { attempt: 1.5 }), () => ok(1));
        return SUCCEEDED;
      },
    });
    const [bad, good] = await Promise.all([start(engine, { definition: definitionOf("bad") }), start(engine)]);
    expect(await engine.waitEnd(bad.id, 10_000)).toMatchObject({ status: "FAILED", error: { code: "STORE_FAILED" } });
    expect(await engine.waitEnd(good.id, 10_000)).toMatchObject({ status: "SUCCEEDED" });
    expect(engine.running).toBe(0);
  });
});

describe("what is kept", () => {
  it("forgets idempotency keys after 24 hours, or after the window of a start", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const engine = await open({ clock: () => now });
    const first = await start(engine, { idempotencyKey: "k" });
    now += DAY_MS - 1;
    expect(await start(engine, { idempotencyKey: "k" })).toEqual({ outcome: "exists", id: first.id });
    const again = { idempotencyKey: "k", idempotencyWindowMs: 60_000 };
    expect((await start(engine, again)).outcome).toBe("created");
    now += 59_999;
    expect((await start(engine, again)).outcome).toBe("exists");
  });

  it("removes ended executions, their steps, definitions and files after the retention, and nothing else", async () => {
    let now = Date.now() - 10 * DAY_MS;
    const engine = await open({
      clock: () => now,
      walk: async (definition, context) => {
        if (definition.id === "sleeper") await context.delay("d", 100 * DAY_MS);
        for (let i = 0; i < 450; i++) await context.step(attemptOf(`s[${i}]`, { effect: false }), () => ok(i));
        return SUCCEEDED;
      },
    });
    const about = { name: "a", mimeType: "text/plain" };
    const file = await engine.files.write(Buffer.from("old"), about);
    const old = await start(engine, {
      definition: definitionOf("old"),
      input: inputOf(null, { file }),
      idempotencyKey: "k",
    });
    const sleeper = await start(engine, { definition: definitionOf("sleeper") });
    await engine.waitEnd(old.id, 10_000);
    await until(async () => (await engine.get(sleeper.id))?.status === "DELAYED");
    now = Date.now() + 2 * DAY_MS;
    const recent = await start(engine, { definition: definitionOf("recent") });
    await engine.waitEnd(recent.id, 10_000);
    await engine.close();

    const connection = openDatabase(database());
    const files = new FolderFiles(join(directory, ".wf"));
    let removed = 0;
    const retention = new Retention({
      database: connection,
      files,
      clock: () => now,
      retentionMs: DAY_MS,
      onDefinitionsRemoved: () => removed++,
      onFailure: (error) => expect.fail(String(error)),
    });
    await retention.run();
    expect(connection.prepare("SELECT workflow FROM executions ORDER BY seq").all()).toEqual([
      { workflow: "sleeper" },
      { workflow: "recent" },
    ]);
    expect(connection.prepare("SELECT count(*) AS n FROM steps").get()).toEqual({ n: 450 });
    expect(connection.prepare("SELECT count(*) AS n FROM idempotency").get()).toEqual({ n: 0 });
    expect(connection.prepare("SELECT count(*) AS n FROM definitions").get()).toEqual({ n: 2 });
    expect(removed).toBe(1);
    expect(await files.open(file)).toBeUndefined();
    await retention.close();
    connection.close();
  });
});
