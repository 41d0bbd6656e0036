import * as crypto from "node:crypto";
import { beforeEach, expect, test, vi } from "vitest";
import { isSame } from "../../src/signature/mac.ts";
import { bearerOf, basicOf, isOneOf } from "../../src/server/auth/credentials.ts";

vi.mock("node:crypto", async (original) => {
  const actual = await original<typeof crypto>();
  return { ...actual, timingSafeEqual: vi.fn(actual.timingSafeEqual) };
});
beforeEach(() => void vi.mocked(crypto.timingSafeEqual).mockClear());

test("every secret is compared in constant time, whichever is right", () => {
  expect(isOneOf("a", ["a", "bb", "c"])).toBe(true);
  expect(isOneOf("c", ["a", "bb", "c"])).toBe(true);
  expect(isOneOf("x", ["a", "bb", "c"])).toBe(false);
  expect(crypto.timingSafeEqual).toHaveBeenCalledTimes(9);
  expect(isOneOf("", [""])).toBe(false);
  expect(isOneOf("a", [])).toBe(false);
});

test("codes are compared in constant time", () => {
  expect([isSame("abc", "abc"), isSame("abc", "abd"), isSame("abc", "ab"), isSame("", "")]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(crypto.timingSafeEqual).toHaveBeenCalledTimes(3);
});

test.each([
  ["Bearer abc", "abc"],
  ["bearer   a-b._~+/c==  ", "a-b._~+/c=="],
  ["Bearer a b", undefined],
  ["Bearer a, Bearer b", undefined],
  ["Bearer a,b", undefined],
  ["Bearer", undefined],
  [" Bearer a", undefined],
  ["Token a", undefined],
])("%j is the bearer token %j", (authorization, token) => {
  expect(bearerOf({ authorization })).toBe(token);
});

test.each([
  ["a:b", { username: "a", password: "b" }],
  ["a:", { username: "a", password: "" }],
  [":b:c", { username: "", password: "b:c" }],
  ["ab", undefined],
])("basic credentials of %j", (pair, expected) => {
  expect(basicOf({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` })).toEqual(expected);
});
