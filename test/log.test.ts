import { describe, expect, test } from "vitest";
import { createLog } from "../src/log.ts";
import type { LogOptions } from "../src/log.ts";

function logTo(options: Omit<LogOptions, "stream"> & { readonly isTTY?: boolean }) {
  const lines: string[] = [];
  const { isTTY = false, ...rest } = options;
  return { lines, log: createLog({ ...rest, stream: { isTTY, write: (line) => lines.push(line) } }) };
}

describe("a log for machines", () => {
  test("is one JSON object a line, with the error's stack", () => {
    const { log, lines } = logTo({});
    log.warn({ workflow: "a", err: new Error("broke") }, "It happened");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      msg: "It happened",
      workflow: "a",
      err: { message: "broke", stack: expect.stringContaining("log.test") as string },
    });
  });

  test("has no secret in it", () => {
    const lines: string[] = [];
    const scrub = (text: string): string => text.replaceAll("s3cr3t", "[secret KEY]");
    for (const json of [true, false]) {
      const log = createLog({ json, scrub, stream: { write: (line) => lines.push(line) } });
      log.error({ url: "https://x/?key=s3cr3t", err: new Error("s3cr3t") }, "failed with s3cr3t");
    }
    expect(lines).toHaveLength(2);
    expect(lines.join("")).not.toContain("s3cr3t");
  });

  test("keeps credentials out", () => {
    const { log, lines } = logTo({ json: true });
    log.info({ headers: { authorization: "Bearer abc" }, token: "abc" }, "request");
    expect(lines.join("")).not.toContain("abc");
  });
});

describe("a log for people", () => {
  test("is short text with its fields", () => {
    const { log, lines } = logTo({ isTTY: true });
    log.info({ workflow: "lead-created", ms: 3, absent: undefined }, "Reloaded");
    log.error({ reason: "two words" }, "Refused");
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d Reloaded workflow=lead-created ms=3\n$/);
    expect(lines[1]).toMatch(/ error: Refused reason="two words"\n$/);
  });

  test("shows what JSON cannot hold", () => {
    const { log, lines } = logTo({ isTTY: true });
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    log.info({ cycle, big: 1n }, "odd");
    expect(lines[0]).toMatch(/big=1/);
  });
});

test.each([true, false])("values cannot start a line or command a terminal (isTTY %s)", (isTTY) => {
  const { log, lines } = logTo({ isTTY });
  const evil = "a\n12:00:00 error: forged\u001b[2J\u009b31m\u2028\u202ex\u0085";
  log.info({ [evil]: evil, err: new Error(evil), list: [evil] }, evil);
  expect(lines).toHaveLength(1);
  const line = lines[0] ?? "";
  // oxlint-disable-next-line no-control-regex
  expect(line.slice(0, -1)).not.toMatch(isTTY ? /\n(?!  at |  )/ : /\n/);
  // oxlint-disable-next-line no-control-regex
  expect(line.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
  expect(line).not.toContain("\n12:00:00");
});

test.each([true, false])("lines below the level are dropped (isTTY %s)", (isTTY) => {
  const { log, lines } = logTo({ isTTY, level: "warn" });
  log.debug({}, "d");
  log.info({}, "i");
  log.warn({}, "w");
  log.error({}, "e");
  expect(lines).toHaveLength(2);
});
