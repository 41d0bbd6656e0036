import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { WfError } from "../../src/errors.ts";
import { parseBody } from "../../src/server/body.ts";
import { MemoryFiles } from "../server/memory-files.ts";
import { corpus } from "./corpus.ts";

type Verdict = "accepted" | "refused";

it("parses every valid JSON text and refuses every invalid one with a 400", async () => {
  const root = corpus("json-test-suite");
  const files = readdirSync(root).filter((file) => file.endsWith(".json"));
  const counts: Record<string, Record<Verdict, number>> = {};
  const wrong: string[] = [];
  for (const file of files) {
    const verdict = await judge(readFileSync(join(root, file)));
    const kind = file.slice(0, 2);
    (counts[kind] ??= { accepted: 0, refused: 0 })[verdict]++;
    if ((kind === "y_" && verdict === "refused") || (kind === "n_" && verdict === "accepted")) wrong.push(file);
  }
  console.log(`JSON corpus: ${JSON.stringify(counts)}`);
  expect(files.length).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

async function judge(bytes: Buffer): Promise<Verdict> {
  try {
    await parseBody(bytes, "application/json", new MemoryFiles());
    return "accepted";
  } catch (error) {
    expect(error).toBeInstanceOf(WfError);
    expect((error as WfError).status).toBe(400);
    return "refused";
  }
}
