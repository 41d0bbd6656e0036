import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GroupCommit } from "../../src/engine/embedded/commit.ts";
import { openDatabase, STATUS } from "../../src/engine/embedded/schema.ts";
import { Store } from "../../src/engine/embedded/store.ts";
import { WriteAheadLog } from "../../src/engine/embedded/wal.ts";
import type { MarkWrite, WriteOwner } from "../../src/engine/embedded/write.ts";
import type { WfError } from "../../src/errors.ts";
import { until } from "./engine-fixture.ts";

/** The real log, with a disk whose syncs the test decides on. */
class ScriptedLog extends WriteAheadLog {
  /** Syncs that wait; each is let through, or fails. */
  readonly open: { succeed(): void; fail(): void }[] = [];
  failsNow = 0;

  override sync(done: (error: Error | null) => void): void {
    this.open.push({ succeed: () => super.sync(done), fail: () => done(ioError()) });
  }

  override syncNow(): void {
    if (this.failsNow-- > 0) throw ioError();
    super.syncNow();
  }

  async next(): Promise<{ succeed(): void; fail(): void }> {
    await until(() => this.open.length > 0);
    return this.open.shift() as { succeed(): void; fail(): void };
  }
}

const ioError = (): Error => Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });

let directory: string;
let file: string;
let connection: DatabaseSync;
let log: ScriptedLog;
let commit: GroupCommit;
let failures: WfError[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wf-sync-"));
  file = join(directory, "wf.db");
  connection = openDatabase(file);
  log = new ScriptedLog(file);
  failures = [];
  commit = new GroupCommit({
    store: new Store(connection),
    wal: log,
    file,
    busyTimeoutMs: 100,
    onFailure: (error) => failures.push(error),
  });
});
afterEach(async () => {
  await commit.close();
  connection.close();
  rmSync(directory, { recursive: true });
});

function start(owner: WriteOwner): Promise<void> {
  return new Promise((resolve, reject) => {
    commit.add({
      kind: "start",
      owner,
      id: `id-${owner.seq}`,
      workflowId: "w",
      definitionHash: "h",
      definitionSource: () => "{}",
      userId: null,
      started: owner.seq,
      idempotencyKey: `key-${owner.seq}`,
      replayOf: null,
      parentId: null,
      input: { json: "{}", files: null },
      status: STATUS.EXECUTING,
      ended: null,
      tasks: 0,
      error: null,
      written: false,
      done: () => resolve(),
      failed: reject,
    });
  });
}

const mark = (owner: WriteOwner, n: number, done: () => void = () => {}): MarkWrite => ({
  kind: "mark",
  owner,
  key: owner.seq * 2 ** 22 + n,
  mark: 0,
  path: `m${n}`,
  at: 0,
  started: 0,
  stepId: null,
  name: null,
  done,
});

const ownerOf = (seq: number): WriteOwner => ({ seq, void: false });

function ids(database: DatabaseSync = connection): unknown[] {
  return database
    .prepare("SELECT id FROM executions ORDER BY seq")
    .all()
    .map(({ id }) => id);
}

async function begun(seq: number): Promise<WriteOwner> {
  const owner = ownerOf(seq);
  const started = start(owner);
  (await log.next()).succeed();
  await started;
  return owner;
}

describe("what is durable", () => {
  it("is told only when a sync after its commit has succeeded, while the next batch gathers", async () => {
    const told: string[] = [];
    void start(ownerOf(1)).then(() => told.push("start 1"));
    void commit.durable().then(() => told.push("durable 1"));
    const first = await log.next();
    void start(ownerOf(2)).then(() => told.push("start 2"));
    void commit.durable().then(() => told.push("durable 2"));
    // Whole turns pass: the first is committed and told to nobody, the second is not even committed.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(ids()).toEqual(["id-1"]);
    expect(told).toEqual([]);
    first.succeed();
    const second = await log.next();
    expect(told).toEqual(["start 1", "durable 1"]);
    second.succeed();
    await commit.durable();
    expect(told.slice(2).toSorted()).toEqual(["durable 2", "start 2"]);
  });

  it("waits for its own batch, not for one that was added later", async () => {
    const owner = await begun(1);
    const batch = commit.add(mark(owner, 1));
    const durable = commit.durable(batch);
    const first = await log.next();
    commit.add(mark(owner, 2));
    first.succeed();
    await durable;
    expect([commit.isDurable(batch), commit.isDurable(batch + 1)]).toEqual([true, false]);
    (await log.next()).succeed();
    await commit.durable();
  });

  it("includes what is written while a sync is under way and the engine closes", async () => {
    const owner = await begun(1);
    commit.add(mark(owner, 1));
    const first = await log.next();
    commit.add(mark(owner, 2));
    const closed = commit.close();
    first.succeed();
    await closed;
    expect(connection.prepare("SELECT path FROM marks ORDER BY key").all()).toEqual([{ path: "m1" }, { path: "m2" }]);
    log = new ScriptedLog(file);
    commit = new GroupCommit({ store: new Store(connection), wal: log, file, busyTimeoutMs: 100, onFailure: () => {} });
  });
});

describe("a sync that fails", () => {
  it("refuses the starts of its batch for good, and keeps what else was written until the log is whole again", async () => {
    const owner = await begun(1);
    const lost = ownerOf(2);
    const told: string[] = [];
    commit.add(mark(owner, 1, () => told.push("mark 1")));
    const refused = start(lost);
    commit.add(mark(lost, 1, () => told.push("mark of the refused")));
    (await log.next()).fail();
    await expect(refused).rejects.toMatchObject({ code: "STORE_FAILED", status: 503 });
    expect(commit.failure).toMatchObject({ code: "STORE_FAILED" });
    expect(ids()).toEqual(["id-1", "id-2"]);
    expect(told).toEqual([]);

    log.failsNow = 1;
    commit.add(mark(owner, 2, () => told.push("mark 2")));
    await until(() => failures.length === 2);
    expect(told).toEqual([]);

    (await log.next()).succeed();
    await commit.durable();
    expect(commit.failure).toBeUndefined();
    expect(told).toEqual(["mark 1", "mark 2"]);
    expect(ids()).toEqual(["id-1"]);
    expect(connection.prepare("SELECT path FROM marks ORDER BY key").all()).toEqual([{ path: "m1" }, { path: "m2" }]);
    expect(connection.prepare("SELECT key FROM idempotency").all()).toEqual([{ key: "key-1" }]);
    await begun(3);
    expect(ids()).toEqual(["id-1", "id-3"]);
  });

  it("ends the store's use when the system has dropped what it could not write; what was told is there afterwards", async () => {
    await begun(1);
    const refused = start(ownerOf(2));
    const sync = await log.next();
    // As a system that reads from the disk again what it failed to write.
    const bytes = readFileSync(`${file}-wal`);
    bytes.fill(0, bytes.length - 3_000);
    writeFileSync(`${file}-wal`, bytes);
    sync.fail();
    await expect(refused).rejects.toMatchObject({ code: "STORE_FAILED" });
    await until(() => failures.length >= 2);
    expect(failures[1]).toMatchObject({ code: "STORE_FAILED", hint: expect.stringContaining("wf serve") as string });
    expect(commit.failure).toBeDefined();

    // A crash leaves the two files as they are.
    for (const name of ["wf.db", "wf.db-wal"])
      copyFileSync(join(directory, name), join(directory, `crashed-${name.slice(3)}`));
    const reopened = openDatabase(join(directory, "crashed-db"));
    expect(ids(reopened)).toEqual(["id-1"]);
    expect(reopened.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    reopened.close();
  });
});

describe("the log", () => {
  it("is written again only as far as every frame has its checksum", async () => {
    await begun(1);
    await begun(2);
    const store = new Store(connection);
    const before = readFileSync(`${file}-wal`);
    const frames = store.loggedFrames();
    expect(frames).toBeGreaterThan(2);
    expect(log.rewrite(frames)).toBe(true);
    expect(readFileSync(`${file}-wal`).equals(before)).toBe(true);
    expect(log.rewrite(frames + 1)).toBe(false);
    const damaged = Buffer.from(before);
    damaged[before.length - 1] = (damaged[before.length - 1] as number) ^ 1;
    writeFileSync(`${file}-wal`, damaged);
    expect(log.rewrite(frames)).toBe(false);
    writeFileSync(`${file}-wal`, before);
    expect(log.rewrite(frames)).toBe(true);
  });

  it("is carried into the database when it has grown, and begins anew", async () => {
    const store = new Store(connection);
    const owner = await begun(1);
    let n = 0;
    while (store.loggedFrames() < 4_000) {
      for (let i = 0; i < 2_000; i++) commit.add({ ...mark(owner, ++n), path: "p".repeat(5_000) });
      (await log.next()).succeed();
      await commit.durable();
    }
    commit.add(mark(owner, ++n));
    (await log.next()).succeed();
    await commit.durable();
    expect(store.loggedFrames()).toBeLessThan(100);
  });
});
