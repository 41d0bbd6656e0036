import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openApiKeys } from "../../src/engine/embedded/api-keys.ts";
import { lockFolder } from "../../src/engine/embedded/lock.ts";

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "wf-keys-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

test("a key is found by whoever has the store open, until it expires or is revoked", () => {
  const directory = folder();
  const [one, other] = [openApiKeys(directory), openApiKeys(directory)];
  const lasting = one.create({ name: "a", scopes: ["trigger", "deploy"], expiresAt: null });
  const expired = one.create({ name: "b", scopes: ["trigger"], expiresAt: new Date(Date.now() - 1).toISOString() });
  expect(one.create({ name: "a", scopes: ["deploy"], expiresAt: null })).toBeUndefined();
  expect(other.find(lasting?.secret ?? "")).toMatchObject({ name: "a", scopes: ["trigger", "deploy"] });
  expect(other.find(expired?.secret ?? "")).toBeUndefined();
  expect(other.find("")).toBeUndefined();
  expect(other.find("' OR 1=1 --")).toBeUndefined();
  expect(other.list().map(({ name }) => name)).toEqual(["a", "b"]);
  expect([one.revoke("a"), one.revoke("a")]).toEqual([true, false]);
  expect(other.find(lasting?.secret ?? "")).toBeUndefined();
  one.close();
  other.close();
});

test("a store that is not up to date is made so, unless its owner runs", () => {
  const directory = folder();
  writeFileSync(join(directory, "wf.db"), "");
  const lock = lockFolder(directory);
  expect(() => openApiKeys(directory)).toThrow(/in use by another process/);
  lock.release();
  const keys = openApiKeys(directory);
  expect(keys.create({ name: "a", scopes: ["trigger"], expiresAt: null })).toMatchObject({ key: { name: "a" } });
  keys.close();
});
