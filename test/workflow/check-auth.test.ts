import { expect, test } from "vitest";
import { checkAuth } from "../../src/workflow/check-auth.ts";
import { readWorkflow } from "../../src/workflow/parse.ts";

function check(auth: string, set: readonly string[] = [], hasUserTokenKeys = false): string[] {
  const { auth: mention } = readWorkflow(
    "w",
    "workflows/w.yaml",
    `trigger: { request: { auth: ${auth} } }\nsteps: []\n`,
  );
  if (mention === undefined) return [];
  const means = { isSecretSet: (name: string) => set.includes(name), hasUserTokenKeys };
  return checkAuth(new Map([["workflows/w.yaml", mention]]), means).map(
    ({ severity, place, message }) => `${severity} ${place.line}:${place.column} ${message}`,
  );
}

test("what a trigger's `auth` lacks is a warning at its place", () => {
  const bearer = "{ bearer: { secret: [NEXT, OLD] } }";
  expect(check("none")).toEqual([]);
  expect(check("api-key")).toEqual([]);
  expect(check(bearer, ["NEXT", "OLD"])).toEqual([]);
  expect(check(bearer, ["NEXT"])).toEqual(["warning 1:56 secret OLD is not set"]);
  expect(check(bearer)).toEqual([
    "warning 1:50 secret NEXT is not set, so every request gets 401",
    "warning 1:56 secret OLD is not set, so every request gets 401",
  ]);
  expect(check("user-token", [], true)).toEqual([]);
  expect(check("user-token")).toEqual([
    "warning 1:29 wf.yaml has no `auth.user_token.keys`, so every request gets 401",
  ]);
});
