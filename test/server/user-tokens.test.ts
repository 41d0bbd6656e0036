import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createLog } from "../../src/log.ts";
import { createAuthenticate } from "../../src/server/auth/authenticate.ts";
import { UserTokens, type UserTokensOptions } from "../../src/server/auth/user-tokens.ts";
import type { TokenKeySource, UserTokenSettings } from "../../src/workflow/settings-auth.ts";
import { definitionOf, serve } from "./server-fixture.ts";
import {
  claimsAt,
  confusedToken,
  jwkOf,
  makePair,
  type Pair,
  serveKeySet,
  tokenOf,
  unsignedToken,
} from "./token-fixture.ts";

const MINUTE = 60_000;
const pair = makePair();
const other = makePair();

interface Setup {
  readonly tokens: UserTokens;
  readonly root: string;
  readonly logged: string[];
  now: number;
  readonly claims: (changes?: Record<string, unknown>) => Record<string, unknown>;
}

function setUp(
  keys: readonly (TokenKeySource | Pair)[],
  settings: Partial<UserTokenSettings> = {},
  more: Partial<UserTokensOptions> = {},
): Setup {
  const root = mkdtempSync(join(tmpdir(), "wf-token-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const sources = keys.map((key): TokenKeySource => {
    if (!("pem" in key)) return key;
    writeFileSync(join(root, `${key.kid}.pem`), key.pem);
    return { pemFile: `${key.kid}.pem` };
  });
  const logged: string[] = [];
  const state = { now: Date.now() };
  const tokens = new UserTokens({
    settings: { keys: sources, algorithms: ["RS256"], clockToleranceMs: 5_000, ...settings },
    project: "demo",
    root,
    log: createLog({ json: true, level: "debug", stream: { write: (line) => logged.push(line) } }),
    clock: () => state.now,
    ...more,
  });
  return {
    tokens,
    root,
    logged,
    get now() {
      return state.now;
    },
    set now(now) {
      state.now = now;
    },
    claims: (changes) => claimsAt(state.now, changes),
  };
}

describe("a user token", () => {
  test("that a key has signed names its user, with any of several keys", async () => {
    const { tokens, claims } = setUp([pair, other]);
    expect(await tokens.verify(tokenOf(pair, claims()))).toEqual({ ok: true, userId: "ada" });
    expect(await tokens.verify(tokenOf(other, claims({ sub: "bob" })))).toEqual({ ok: true, userId: "bob" });
  });

  test("has an audience only if it says so, and then this project's", async () => {
    const { tokens, claims } = setUp([pair]);
    const verify = async (aud: unknown) => (await tokens.verify(tokenOf(pair, claims({ aud })))).ok;
    expect(await verify("useparagon.com/demo")).toBe(true);
    expect(await verify(["elsewhere", "useparagon.com/demo"])).toBe(true);
    expect(await verify("useparagon.com/other")).toBe(false);
    expect(await verify("useparagon.com/demo/x")).toBe(false);
    expect(await verify([])).toBe(false);
  });

  const now = Date.now();
  const past = Math.floor(now / 1000) - 600;
  const future = Math.floor(now / 1000) + 600;
  const hour = Math.floor(now / 1000) + 3600;
  const good = claimsAt(now);
  const parts = tokenOf(pair, good).split(".");
  const changed = Buffer.from(JSON.stringify({ ...good, sub: "eve" })).toString("base64url");
  test.each<[string, string, string]>([
    ["of no algorithm", unsignedToken(good, "none"), "not allowed"],
    ["of no algorithm in another case", unsignedToken(good, "NONE"), "not allowed"],
    ["that says RS256 and has no signature", unsignedToken(good, "RS256"), "none of the keys"],
    ["signed by HMAC with the public key", confusedToken(good, pair.pem), "not allowed"],
    ["signed by HMAC with the key's DER", confusedToken(good, "x"), "not allowed"],
    ["of another key", tokenOf(makePair(), good), "none of the keys"],
    ["of another key that brings itself along", tokenOf(other, good, { jwk: jwkOf(other) }), "none of the keys"],
    ["of an algorithm that is not listed", tokenOf(pair, good, { alg: "RS512" }), "not allowed"],
    ["with a critical extension", tokenOf(pair, good, { crit: ["exp"] }), "malformed"],
    ["whose claims were changed", [parts[0], changed, parts[2]].join("."), "none of the keys"],
    ["that has expired", tokenOf(pair, claimsAt(now, { exp: past })), "expired"],
    ["that is not valid yet", tokenOf(pair, claimsAt(now, { nbf: future, exp: hour })), "claim nbf"],
    ["without exp", tokenOf(pair, claimsAt(now, { exp: undefined })), "claim exp"],
    ["without iat", tokenOf(pair, claimsAt(now, { iat: undefined })), "claim iat"],
    ["without sub", tokenOf(pair, claimsAt(now, { sub: undefined })), "claim sub"],
    ["with an empty sub", tokenOf(pair, claimsAt(now, { sub: "" })), "claim sub"],
    ["with an endless sub", tokenOf(pair, claimsAt(now, { sub: "x".repeat(256) })), "claim sub"],
    ["whose sub is no text", tokenOf(pair, claimsAt(now, { sub: { $gt: "" } })), "claim sub"],
    ["whose exp is a text", tokenOf(pair, claimsAt(now, { exp: "9999999999" })), "claim exp"],
    ["that is none", "a.b.c", "no JWT"],
    ["of one part", "abc", "no JWT"],
  ])("%s is refused", async (_what, token, reason) => {
    const setup = setUp([pair]);
    setup.now = now;
    const outcome = await setup.tokens.verify(token);
    expect(outcome).toEqual({ ok: false, reason: expect.stringContaining(reason) });
    expect(setup.tokens.remembered).toBe(0);
    const signature = token.split(".")[2] ?? "";
    if (signature.length > 20) expect(JSON.stringify(outcome) + setup.logged.join("")).not.toContain(signature);
  });

  test("may be as old or as young as the clocks may differ", async () => {
    const setup = setUp([pair]);
    const seconds = Math.floor(setup.now / 1000);
    setup.now = seconds * 1000;
    const verify = async (claims: Record<string, unknown>) => (await setup.tokens.verify(tokenOf(pair, claims))).ok;
    expect(await verify(setup.claims({ exp: seconds - 4 }))).toBe(true);
    expect(await verify(setup.claims({ exp: seconds - 6 }))).toBe(false);
    expect(await verify(setup.claims({ nbf: seconds + 4 }))).toBe(true);
    expect(await verify(setup.claims({ nbf: seconds + 6 }))).toBe(false);
  });
});

describe("verified tokens", () => {
  test("are remembered until they expire, which is looked at on every request", async () => {
    const setup = setUp([pair]);
    const token = tokenOf(pair, setup.claims());
    await setup.tokens.verify(token);
    expect(setup.tokens.remembered).toBe(1);
    // Without waiting: nothing is verified any more.
    expect(setup.tokens.verify(token)).toEqual({ ok: true, userId: "ada" });
    setup.now += 606_000;
    expect(setup.tokens.verify(token)).toEqual({ ok: false, reason: "the user token has expired" });
    expect(setup.tokens.remembered).toBe(0);
  });

  test("are remembered within a bound", async () => {
    const setup = setUp([pair], {}, { maxRemembered: 3 });
    for (let n = 0; n < 5; n++) await setup.tokens.verify(tokenOf(pair, setup.claims({ sub: `u-${n}` })));
    expect(setup.tokens.remembered).toBe(3);
  });

  test("are forgotten when a key's file changes or goes", async () => {
    const setup = setUp([pair]);
    const file = join(setup.root, `${pair.kid}.pem`);
    const token = tokenOf(pair, setup.claims());
    expect(await setup.tokens.verify(token)).toMatchObject({ ok: true });
    writeFileSync(file, other.pem);
    utimesSync(file, 1, 1);
    setup.now += 3_000;
    expect(await setup.tokens.verify(token)).toMatchObject({ ok: false });
    expect(await setup.tokens.verify(tokenOf(other, setup.claims()))).toMatchObject({ ok: true });
    rmSync(file);
    setup.now += 3_000;
    expect(await setup.tokens.verify(tokenOf(other, setup.claims()))).toMatchObject({ ok: false });
    expect(setup.tokens.remembered).toBe(0);
  });
});

describe("a key set", () => {
  test("is fetched when it is needed, and again for a key that it did not have", async () => {
    const set = await serveKeySet(pair);
    const setup = setUp([{ jwks: set.url }]);
    expect(set.hits).toBe(0);
    const token = tokenOf(pair, setup.claims(), { kid: pair.kid });
    expect(await setup.tokens.verify(token)).toMatchObject({ ok: true });
    set.keys = [jwkOf(pair), jwkOf(other)];
    setup.now += MINUTE;
    expect(await setup.tokens.verify(tokenOf(other, setup.claims(), { kid: other.kid }))).toMatchObject({ ok: true });
    expect(set.hits).toBe(2);
  });

  test("is not fetched at a caller's will", async () => {
    const set = await serveKeySet(pair);
    const setup = setUp([{ jwks: set.url }]);
    for (let n = 0; n < 10; n++) {
      const token = tokenOf(other, setup.claims(), { kid: `made-up-${n}` });
      expect(await setup.tokens.verify(token)).toMatchObject({ ok: false });
    }
    expect(set.hits).toBe(1);
  });

  test("that lost a key opens for its tokens no more, remembered ones included", async () => {
    const set = await serveKeySet(pair, other);
    const setup = setUp([{ jwks: set.url }]);
    const token = tokenOf(pair, setup.claims({ exp: Math.floor(setup.now / 1000) + 3600 }), { kid: pair.kid });
    expect(await setup.tokens.verify(token)).toMatchObject({ ok: true });
    set.keys = [jwkOf(other)];
    setup.now += 11 * MINUTE;
    // The look that finds the set too old fetches it beside the request.
    await setup.tokens.verify(token);
    await expect.poll(() => setup.tokens.verify(token)).toMatchObject({ ok: false });
  });

  test("that died goes on to count with what it had, for a day", async () => {
    const set = await serveKeySet(pair);
    const setup = setUp([{ jwks: set.url }]);
    const verify = async () => (await setup.tokens.verify(tokenOf(pair, setup.claims(), { kid: pair.kid }))).ok;
    expect(await verify()).toBe(true);
    set.keys = undefined;
    setup.now += 11 * MINUTE;
    expect(await verify()).toBe(true);
    await expect.poll(() => setup.logged.join("")).toContain("A key set cannot be fetched");
    await set.close();
    setup.now += 60 * MINUTE;
    expect(await verify()).toBe(true);
    expect(await verify()).toBe(true);
    setup.now += 24 * 60 * MINUTE;
    expect(await verify()).toBe(false);
  });

  test("that never came lets nobody in", async () => {
    const set = await serveKeySet(pair);
    await set.close();
    const setup = setUp([{ jwks: set.url }]);
    expect(await setup.tokens.verify(tokenOf(pair, setup.claims()))).toEqual({
      ok: false,
      reason: "there is no key that could have signed the user token",
    });
  });

  test("with symmetric keys, keys for encryption, or another algorithm's has none of them", async () => {
    const set = await serveKeySet();
    const secret = Buffer.from("x".repeat(32)).toString("base64url");
    const { alg: _alg, ...plain } = jwkOf(pair) as Record<string, unknown>;
    set.keys = [{ kty: "oct", k: secret, kid: "a" }, { ...plain, use: "enc" }, { ...plain, alg: "RS512" }, null, 1];
    const setup = setUp([{ jwks: set.url }]);
    expect(await setup.tokens.verify(tokenOf(pair, setup.claims()))).toMatchObject({ ok: false });
    expect(await setup.tokens.verify(confusedToken(setup.claims(), "x".repeat(32)))).toMatchObject({ ok: false });
  });
});

test("on a server: the user is known to the workflow, and the token to nobody", async () => {
  const set = await serveKeySet(pair);
  const setup = setUp([{ jwks: set.url }, other]);
  const findApiKey = () => undefined;
  const authenticate = createAuthenticate({ secrets: () => ({}), userTokens: setup.tokens, findApiKey });
  const definition = definitionOf({ request: { auth: { kind: "user-token" } } });
  const { url, engine, logged } = await serve([definition], {}, { authenticate });
  const tokens = [tokenOf(pair, setup.claims(), { kid: pair.kid }), tokenOf(other, setup.claims({ sub: "bob" }))];
  const expired = tokenOf(pair, setup.claims({ exp: 1 }));
  const send = (token: string) =>
    fetch(`${url}/triggers/lead-created`, { method: "POST", headers: { authorization: `bearer ${token}` } });
  for (const token of [...tokens, ...tokens]) expect((await send(token)).status).toBe(202);
  const refused = await send(expired);
  expect(refused.status).toBe(401);
  expect(await refused.text()).not.toContain("expired");
  expect(engine.started.map(({ input }) => input.userId)).toEqual(["ada", "bob", "ada", "bob"]);
  expect(logged.join("")).toContain("the user token has expired");
  const everything = logged.join("") + JSON.stringify(engine.started);
  for (const token of [...tokens, expired]) expect(everything).not.toContain(token.split(".")[2]);
});
