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

test("an event asks for a user token as well", () => {
  const { auth } = readWorkflow("w", "workflows/w.yaml", "trigger: { event: Order Created }\nsteps: []\n");
  expect(auth).toMatchObject({ kind: "user-token", place: { line: 1, column: 12 } });
});

test("an expression that reads the credential is an error: it is never there", () => {
  const find = (auth: string, expression: string): string[] => {
    const yaml = `trigger: { request: { auth: ${auth} } }\nsteps:\n  - fail: "\${{ ${expression} }}"\n`;
    return readWorkflow("w", "workflows/w.yaml", yaml).problems.map(
      ({ severity, place, message }) => `${severity} ${place.line}:${place.column} ${message}`,
    );
  };
  expect(find("none", "trigger.headers.authorization")).toEqual([]);
  expect(find("user-token", "trigger.headers['x-id']")).toEqual([]);
  expect(find("user-token", "trigger.headers.authorization")).toEqual([
    "error 3:32 `auth` takes `authorization` out of `trigger.headers`",
  ]);
  const github = "{ signature: { preset: github, secret: A } }";
  expect(find(github, "trigger.headers['x-github-event']")).toEqual([]);
  expect(find(github, "trigger.headers['x-hub-signature-256']")).toEqual([
    "error 3:33 `auth` takes `x-hub-signature-256` out of `trigger.headers`",
  ]);
});
