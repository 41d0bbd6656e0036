import { describe, expect, it } from "vitest";
import { newExecutionId, timeOfId } from "../../src/engine/id.ts";

describe("execution ids", () => {
  it("are UUIDv7 that tell their time", () => {
    const now = Date.now() + 1_000_000;
    const id = newExecutionId(now);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOfId(id)).toBe(now);
  });

  it("only grow, within a millisecond and when the clock steps back", () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => newExecutionId(2_000_000_000_000 - i));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("have no time when they are something else", () => {
    for (const text of ["", "x", "00000000-0000-4000-8000-000000000000", `${newExecutionId()}x`]) {
      expect(timeOfId(text)).toBeUndefined();
    }
  });
});
