import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Json } from "../../src/json.ts";
import { bodySchemaValidator } from "../../src/workflow/rules-body-schema.ts";
import { corpus } from "./corpus.ts";
import { isKnownException } from "./schema-exceptions.ts";

interface Group {
  readonly description: string;
  readonly schema: Json;
  readonly tests: readonly { readonly description: string; readonly data: Json; readonly valid: boolean }[];
}

it("agrees with JSON Schema's own suite but for the named exceptions", () => {
  const root = corpus("json-schema-test-suite/draft2020-12");
  const unexpected: string[] = [];
  let agreed = 0;
  let total = 0;
  for (const file of readdirSync(root).filter((name) => name.endsWith(".json"))) {
    for (const group of JSON.parse(readFileSync(join(root, file), "utf8")) as Group[]) {
      for (const test of group.tests) {
        total++;
        const name = `${file} > ${group.description} > ${test.description}`;
        const agrees = verdict(group.schema, test.data) === test.valid;
        if (agrees) agreed++;
        if (agrees === isKnownException(name)) unexpected.push(name);
      }
    }
  }
  console.log(`JSON Schema corpus: ${agreed} of ${total} agree`);
  expect(total).toBeGreaterThan(0);
  expect(unexpected).toEqual([]);
});

function verdict(schema: Json, data: Json): boolean | "unusable" {
  try {
    return bodySchemaValidator(schema).violations(data).length === 0;
  } catch {
    return "unusable";
  }
}
