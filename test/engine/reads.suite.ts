/** Part of the engine suite: history and files. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { newExecutionId } from "../../src/engine/id.ts";
import { FileValue } from "../../src/value.ts";
import { attemptOf, definitionOf, HASH_LENGTH, type Harness, inputOf, ok, SUCCEEDED } from "./engine-fixture.ts";

export function describeReads(harness: Harness): void {
  describe("history", () => {
    it("pages through all executions in order, both ways, without gaps or repeats", async () => {
      const ids: string[] = [];
      for (let i = 0; i < 25; i++) ids.push(await harness.begin());
      await harness.engine().drain(15_000);
      for (const order of ["ASC", "DESC"] as const) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await harness.engine().list({ order, limit: 7, ...(cursor === undefined ? {} : { cursor }) });
          seen.push(...page.items.map(({ id }) => id));
          cursor = page.next;
        } while (cursor !== undefined);
        expect(seen).toEqual(order === "ASC" ? ids : ids.toReversed());
      }
    });

    it("filters by workflow, user, status and time", async () => {
      harness.walk = async (definition) =>
        definition.id === "bad" ? { status: "FAILED", error: { code: "FAILED_BY_STEP", message: "no" } } : SUCCEEDED;
      const a = await harness.begin({ definition: definitionOf("good"), input: inputOf(null, { userId: "u1" }) });
      const b = await harness.begin({ definition: definitionOf("bad"), input: inputOf(null, { userId: "u2" }) });
      await Promise.all([harness.ended(a), harness.ended(b)]);
      const list = async (filter: object): Promise<string[]> =>
        (await harness.engine().list(filter)).items.map(({ id }) => id);
      expect(await list({ workflowId: "good" })).toEqual([a]);
      expect(await list({ userId: "u2" })).toEqual([b]);
      expect(await list({ status: "FAILED" })).toEqual([b]);
      expect(await list({ status: "FAILED", workflowId: "good" })).toEqual([]);
      expect(await list({ before: "2001-01-01T00:00:00Z" })).toEqual([]);
      expect((await list({ after: "2001-01-01T00:00:00Z" })).sort()).toEqual([a, b].sort());
      expect(await list({ workflowId: "' OR 1=1 --" })).toEqual([]);
    });

    it("refuses filters that make no sense", async () => {
      for (const filter of [{ cursor: "%%%" }, { limit: 0 }, { limit: 1001 }, { before: "soon" }, { status: "DONE" }]) {
        await expect(harness.engine().list(filter as never)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
      }
    });

    it("knows nothing of unknown executions", async () => {
      expect(await harness.engine().get(newExecutionId())).toBeUndefined();
      expect(await harness.engine().get("")).toBeUndefined();
    });
  });

  describe("files", () => {
    const about = { name: "a.txt", mimeType: "text/plain" };

    it("keeps bytes by hash, from memory or a stream, once", async () => {
      const one = await harness.engine().files.write(Buffer.from("hello"), about);
      const two = await harness
        .engine()
        .files.write(Readable.from([Buffer.from("hel"), "lo"]), { ...about, name: "b.txt" });
      expect(one.hash).toBe(two.hash);
      expect(one.size).toBe(5);
      await harness.fixture.reopen();
      expect((await harness.engine().files.read(two)).toString()).toBe("hello");
      const chunks = await (await harness.engine().files.open(one))?.toArray();
      expect(Buffer.concat(chunks as Buffer[]).toString()).toBe("hello");
    });

    it("keeps files apart from JSON that looks like one", async () => {
      const file = await harness.engine().files.write(Buffer.from("hello"), about);
      const like = { name: file.name, mimeType: file.mimeType, size: file.size, hash: file.hash };
      harness.walk = async (_, context) => {
        await context.step(attemptOf("a"), () => ok({ real: [file], like }));
        return SUCCEEDED;
      };
      const id = await harness.begin({ input: inputOf({ like }, { file }) });
      await harness.ended(id);
      const found = await harness.engine().get(id);
      expect(found?.input.file).toBeInstanceOf(FileValue);
      expect(found?.input.body?.["like" as never]).not.toBeInstanceOf(FileValue);
      const output = (found as NonNullable<typeof found>).steps[0]?.output as { real: unknown[]; like: unknown };
      expect(output.real[0]).toEqual(file);
      expect(output.like).not.toBeInstanceOf(FileValue);
      expect(output.like).toEqual(like);
    });

    it("says so when the bytes are gone", async () => {
      const gone = new FileValue({ ...about, size: 1, hash: "0".repeat(HASH_LENGTH) });
      expect(await harness.engine().files.open(gone)).toBeUndefined();
      await expect(harness.engine().files.read(gone)).rejects.toMatchObject({ code: "STORE_FAILED" });
    });

    it("leaves nothing of a stream that breaks off", async () => {
      const broken = new Readable({
        read() {
          this.destroy(new Error("gone"));
        },
      });
      await expect(harness.engine().files.write(broken, about)).rejects.toThrow("gone");
    });
  });
}
