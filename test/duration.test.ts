import { describe, expect, it } from "vitest";
import { formatDuration, formatSize, parseDuration, parseSize } from "../src/duration.ts";

describe("parseDuration", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    ["0s", 0],
  ])("reads %s", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "30", "s", "-1s", "30 s", "1e3s", "30S", "1h30m", "9999999999s"])("refuses %j", (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );
});

describe("parseSize", () => {
  it.each([
    ["500B", 500],
    ["64KB", 64_000],
    ["10MB", 10_000_000],
    ["1.5GB", 1_500_000_000],
  ])("reads %s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(["", "10", "10mb", "-1MB", "1TB"])("refuses %j", (text) => expect(parseSize(text)).toBeUndefined());
});

it.each([
  [3, "3 ms"],
  [1_200, "1.2 s"],
  [30_000, "30 s"],
  [245_000, "4 min 5 s"],
  [7_380_000, "2 h 3 min"],
  [604_800_000, "7 d"],
])("writes %d ms for people", (ms, text) => expect(formatDuration(ms)).toBe(text));

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1 KB"],
  [1_234, "1.2 KB"],
  [10_000_000, "10 MB"],
  [2_500_000_000, "2.5 GB"],
])("writes %d bytes for people", (bytes, text) => expect(formatSize(bytes)).toBe(text));
