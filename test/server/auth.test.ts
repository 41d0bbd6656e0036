/** Every kind of `auth` on a real server, by what its callers see. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ApiScope } from "../../src/engine/api-keys.ts";
import { openApiKeys } from "../../src/engine/embedded/api-keys.ts";
import { createLog } from "../../src/log.ts";
import { createAuthenticate } from "../../src/server/auth/authenticate.ts";
import { UserTokens } from "../../src/server/auth/user-tokens.ts";
import { hmacScheme } from "../../src/signature/hmac.ts";
import { PRESET_NAMES, SIGNATURE_PRESETS } from "../../src/signature/presets.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import { DEFAULT_USER_TOKENS } from "../../src/workflow/settings-auth.ts";
import type { Definition } from "../../src/workflow/definition.ts";
import { exchange, type Fixture, serve } from "./server-fixture.ts";

const random = (): string => randomBytes(24).toString("base64");

function define(auth: string, more = ""): Definition {
  const yaml = `trigger:\n  request:\n    auth: ${auth}\n${more}steps: []\n`;
  const { definition, problems } = parseWorkflow({ workflowId: "w", file: "workflows/w.yaml", yaml, modules: {} });
  if (definition === undefined) throw new Error(JSON.stringify(problems));
  return definition;
}

interface AuthFixture extends Fixture {
  readonly secrets: Record<string, string>;
  makeKey(scopes: readonly ApiScope[], expiresAt?: string): string;
  revokeKey(): void;
  now: number;
  send(headers?: Record<string, string>, body?: string, search?: string): Promise<Response>;
}

async function serveWith(auth: string, secrets: Record<string, string> = {}, more = ""): Promise<AuthFixture> {
  const directory = mkdtempSync(join(tmpdir(), "wf-auth-"));
  const keys = openApiKeys(directory);
  onTestFinished(() => {
    keys.close();
    rmSync(directory, { recursive: true });
  });
  const findApiKey = (secret: string) => keys.find(secret);
  const userTokens = new UserTokens({
    settings: DEFAULT_USER_TOKENS,
    project: "demo",
    root: directory,
    log: createLog({ stream: { write: () => true } }),
  });
  const state = { now: Date.now() };
  const authenticate = createAuthenticate({ secrets: () => secrets, userTokens, findApiKey, clock: () => state.now });
  const fixture = await serve([define(auth, more)], {}, { authenticate, findApiKey });
  return {
    ...fixture,
    secrets,
    get now() {
      return state.now;
    },
    set now(now) {
      state.now = now;
    },
    makeKey(scopes, expiresAt) {
      const made = keys.create({ name: "key", scopes, expiresAt: expiresAt ?? null });
      if (made === undefined) throw new Error("the name is taken");
      return made.secret;
    },
    revokeKey: () => void keys.revoke("key"),
    send: (headers = {}, body = "{}", search = "") =>
      fetch(`${fixture.url}/triggers/w${search}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      }),
  };
}

/** A refusal tells its caller one thing, whatever the reason, which only the log has. */
async function expectRefused(
  fixture: AuthFixture,
  response: Response,
  reason: string,
  scheme = "Bearer",
): Promise<void> {
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toMatch(new RegExp(`^${scheme} realm="wf"`));
  expect(await response.json()).toEqual({
    message: "The request is not authenticated.",
    code: "UNAUTHORIZED",
    hint: "Send the credentials that the workflow's `auth` asks for.",
  });
  expect(fixture.logged.join("")).toContain(reason);
}

function expectUnlogged({ logged }: Fixture, ...texts: readonly string[]): void {
  for (const text of texts) expect(logged.join("")).not.toContain(text);
}

describe("bearer", () => {
  const AUTH = "{ bearer: { secret: [NEXT, OLD] } }";

  test("takes any of the secrets, and hands none of them to steps", async () => {
    const secrets = { NEXT: random(), OLD: random() };
    const fixture = await serveWith(AUTH, secrets);
    for (const secret of Object.values(secrets)) {
      expect((await fixture.send({ authorization: `Bearer ${secret}`, "x-other": "1" })).status).toBe(202);
    }
    expect(fixture.engine.started).toHaveLength(2);
    for (const { input } of fixture.engine.started) {
      expect(input.headers).toMatchObject({ "x-other": "1", "content-type": "application/json" });
      expect(input.headers).not.toHaveProperty("authorization");
      expect(JSON.stringify(input)).not.toContain(secrets.NEXT);
    }
    expectUnlogged(fixture, secrets.NEXT, secrets.OLD);
  });

  test("refuses everything else", async () => {
    const secrets = { NEXT: random(), OLD: random() };
    const fixture = await serveWith(AUTH, secrets);
    const wrong = random();
    await expectRefused(fixture, await fixture.send(), "there is no bearer token");
    await expectRefused(fixture, await fixture.send({ authorization: `Bearer ${wrong}` }), "is not the secret");
    for (const authorization of ["", "Bearer", `Basic ${secrets.NEXT}`, secrets.NEXT, `Bearer ${secrets.NEXT}x`]) {
      expect({ authorization, status: (await fixture.send({ authorization })).status }).toMatchObject({ status: 401 });
    }
    expect(fixture.engine.started).toHaveLength(0);
    expectUnlogged(fixture, secrets.NEXT, wrong);
  });

  test("refuses two Authorization headers, even when one of them is right", async () => {
    const secrets = { NEXT: random(), OLD: random() };
    const { port, engine } = await serveWith(AUTH, secrets);
    for (const pair of [
      [secrets.NEXT, "x"],
      ["x", secrets.NEXT],
      [secrets.NEXT, secrets.NEXT],
    ]) {
      const fields = pair.map((one) => `Authorization: Bearer ${one}\r\n`).join("");
      const answer = await exchange(
        port,
        `POST /triggers/w HTTP/1.1\r\nHost: localhost\r\n${fields}Connection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    }
    expect(engine.started).toHaveLength(0);
  });

  test("without its secrets lets nobody in, not even with an empty token, and says so in the log", async () => {
    const fixture = await serveWith(AUTH, { NEXT: "" });
    await expectRefused(fixture, await fixture.send({ authorization: "Bearer x" }), "no secret is set: NEXT, OLD");
    expect((await fixture.send({ authorization: "Bearer " })).status).toBe(401);
  });

  test("no spelling of the path gets around it", async () => {
    const { port, engine } = await serveWith(AUTH, { NEXT: random() });
    const paths = [
      "/triggers/w/",
      "//triggers/w",
      "/triggers//w",
      "/triggers/%77",
      "/triggers/w%2f",
      "/triggers/w;x",
      "/TRIGGERS/w",
    ];
    for (const path of [
      ...paths,
      "/triggers/../triggers/w",
      "/triggers/./w",
      "/test/w",
      "/projects/demo/sdk/triggers/w",
    ]) {
      const answer = await exchange(
        port,
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      expect({ path, answer: answer.slice(0, 12) }).toMatchObject({ answer: expect.stringMatching(/ 40[14]$/) });
    }
    expect(engine.started).toHaveLength(0);
  });
});

describe("basic", () => {
  const basic = (username: string, password: string): { authorization: string } => ({
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
  });

  test("takes the username with any of the passwords, colons and all", async () => {
    const secrets = { NEXT: `a:${random()}:ä`, OLD: random() };
    const fixture = await serveWith("{ basic: { username: partner, secret: [NEXT, OLD] } }", secrets);
    expect((await fixture.send(basic("partner", secrets.NEXT))).status).toBe(202);
    expect((await fixture.send(basic("partner", secrets.OLD))).status).toBe(202);
    expect(fixture.engine.started[0]?.input.headers).not.toHaveProperty("authorization");
  });

  test("refuses a wrong name, a wrong password, and what is no such credential", async () => {
    const secrets = { PASSWORD: random() };
    const fixture = await serveWith("{ basic: { username: partner, secret: PASSWORD } }", secrets);
    await expectRefused(fixture, await fixture.send(basic("other", secrets.PASSWORD)), "username or password", "Basic");
    await expectRefused(fixture, await fixture.send(basic("partner", "x")), "username or password", "Basic");
    await expectRefused(fixture, await fixture.send({ authorization: "Basic x" }), "no basic credentials", "Basic");
    await expectRefused(fixture, await fixture.send(), "no basic credentials", "Basic");
    expectUnlogged(fixture, secrets.PASSWORD, basic("other", secrets.PASSWORD).authorization.slice(6));
  });
});

describe("api-key", () => {
  test("takes a project's key with the scope, in either header, until it is revoked", async () => {
    const fixture = await serveWith("api-key");
    const key = fixture.makeKey(["trigger"]);
    expect((await fixture.send({ authorization: `Bearer ${key}` })).status).toBe(202);
    expect((await fixture.send({ "x-api-key": key })).status).toBe(202);
    expect(JSON.stringify(fixture.engine.started)).not.toContain(key);
    await expectRefused(fixture, await fixture.send({ "x-api-key": `${key}x` }), "wrong, revoked or expired");
    fixture.revokeKey();
    await expectRefused(fixture, await fixture.send({ "x-api-key": key }), "wrong, revoked or expired");
    expectUnlogged(fixture, key);
  });

  test("refuses a key of another scope, an expired one, and the server's own token", async () => {
    const other = await serveWith("api-key");
    const key = other.makeKey(["history:read", "history:write", "deploy"]);
    await expectRefused(other, await other.send({ "x-api-key": key }), "the API key `key` lacks the scope trigger");
    await expectRefused(other, await other.send({ authorization: "Bearer local-token-for-tests" }), "no such API key");
    const fixture = await serveWith("api-key");
    const expired = fixture.makeKey(["trigger"], new Date(Date.now() - 1000).toISOString());
    await expectRefused(fixture, await fixture.send({ "x-api-key": expired }), "expired");
  });

  test("takes a secret of its own in a header of any name", async () => {
    const secrets = { PARTNER: random() };
    const fixture = await serveWith("{ api-key: { header: X-Partner-Key, secret: PARTNER } }", secrets);
    expect((await fixture.send({ "x-partner-key": secrets.PARTNER })).status).toBe(202);
    expect(fixture.engine.started[0]?.input.headers).not.toHaveProperty("x-partner-key");
    await expectRefused(fixture, await fixture.send({ "x-api-key": secrets.PARTNER }), "x-partner-key is missing");
    await expectRefused(fixture, await fixture.send({ "x-partner-key": random() }), "not the secret");
    const project = fixture.makeKey(["trigger"]);
    await expectRefused(fixture, await fixture.send({ "x-partner-key": project }), "not the secret");
  });
});

describe("user-token", () => {
  test("without keys in wf.yaml lets nobody in", async () => {
    const fixture = await serveWith("user-token");
    await expectRefused(fixture, await fixture.send(), "there is no user token");
    await expectRefused(fixture, await fixture.send({ authorization: "Bearer a.b.c" }), "no `auth.user_token.keys`");
  });
});

describe("signature", () => {
  test.each(PRESET_NAMES)("%s: what its sender signs is taken, and nothing else", async (preset) => {
    const secrets = { SIGN: random(), OLD: random() };
    const fixture = await serveWith(`{ signature: { preset: ${preset}, secret: [SIGN, OLD] } }`, secrets);
    const isForm = preset === "twilio";
    const body = isForm ? "a=1&b=2" : ' { "a" : 1 }\n';
    const type = isForm ? "application/x-www-form-urlencoded" : "application/json";
    const request = {
      url: `${fixture.url}/triggers/w?x=1`,
      headers: { "content-type": type },
      body: Buffer.from(body),
    };
    const signed = SIGNATURE_PRESETS[preset].sign(request, secrets.OLD, fixture.now);
    const headers = { ...request.headers, ...signed };
    expect((await fixture.send(headers, body, "?x=1")).status).toBe(202);
    const recorded = fixture.engine.started[0]?.input.headers ?? {};
    for (const name of SIGNATURE_PRESETS[preset].headers) expect(recorded).not.toHaveProperty(name);
    await expectRefused(
      fixture,
      await fixture.send(headers, isForm ? "a=1&b=3" : '{"a":1}', "?x=1"),
      "not made with any",
      "Signature",
    );
    await expectRefused(fixture, await fixture.send({}, body, "?x=1"), "missing", "Signature");
    expect(fixture.engine.started).toHaveLength(1);
    expectUnlogged(fixture, secrets.SIGN, secrets.OLD, ...Object.values(signed).filter((value) => value.length > 40));
  });

  test("a delivery that comes again gets the first execution's answer, and one that is too old none", async () => {
    const secrets = { SIGN: random() };
    const fixture = await serveWith("{ signature: { preset: stripe, secret: SIGN, tolerance: 1m } }", secrets);
    const request = { url: "", headers: {}, body: Buffer.from("{}") };
    const sign = () => SIGNATURE_PRESETS.stripe.sign(request, secrets.SIGN, fixture.now);
    const headers = sign();
    const first = (await (await fixture.send(headers)).json()) as { executionId: string };
    const again = await fixture.send({ ...headers, "idempotency-key": "another" });
    expect(await again.json()).toMatchObject({ executionId: first.executionId });
    const signature = /v1=(.*)/.exec(headers["Stripe-Signature"] ?? "")?.[1];
    expect(JSON.stringify(fixture.engine.started)).not.toContain(signature);
    fixture.now += 2_000;
    expect((await fixture.send(sign())).status).toBe(202);
    expect(fixture.engine.started).toHaveLength(2);
    expect(fixture.engine.started[0]).toMatchObject({
      // A digest: records hold no signature.
      idempotencyKey: expect.stringMatching(/^delivery:[0-9a-f]{64}$/),
      idempotencyWindowMs: 120_000,
    });
    fixture.now += 60_000;
    await expectRefused(fixture, await fixture.send(headers), "s old; 60 s are tolerated", "Signature");
  });

  test("the workflow's own idempotency goes before the delivery's id", async () => {
    const secrets = { SIGN: random() };
    const own = await serveWith(
      "{ signature: { preset: github, secret: SIGN } }",
      secrets,
      "idempotency: trigger.body.id\n",
    );
    const body = '{"id":7}';
    const request = { url: "", headers: {}, body: Buffer.from(body) };
    for (const id of ["d-1", "d-2"]) {
      const headers = SIGNATURE_PRESETS.github.sign(request, secrets.SIGN, own.now, { id });
      expect((await own.send(headers, body)).status).toBe(202);
    }
    expect(own.engine.started.map(({ idempotencyKey }) => idempotencyKey)).toEqual(["7"]);
  });

  test("a general HMAC over the URL that a proxy was asked for", async () => {
    const secrets = { SIGN: random() };
    const options =
      "header: X-Sig, algorithm: sha512, encoding: base64, prefix: 'v1=', timestamp: { header: X-At, format: iso }, content: '{timestamp}.{url}.{body}'";
    const fixture = await serveWith(`{ signature: { ${options}, secret: SIGN } }`, secrets);
    const scheme = hmacScheme({
      header: "X-Sig",
      algorithm: "sha512",
      encoding: "base64",
      prefix: "v1=",
      timestamp: { header: "X-At", format: "iso" },
      content: [{ name: "timestamp" }, ".", { name: "url" }, ".", { name: "body" }],
    });
    const signFor = (url: string) =>
      scheme.sign({ url, headers: {}, body: Buffer.from("{}") }, secrets.SIGN, fixture.now);
    const forwarded = { "x-forwarded-proto": "https, http", "x-forwarded-host": "hooks.example.com" };
    const headers = signFor("https://hooks.example.com/triggers/w?a=1");
    expect((await fixture.send({ ...headers, ...forwarded }, "{}", "?a=1")).status).toBe(202);
    expect((await fixture.send({ ...headers, ...forwarded }, "{}", "?a=2")).status).toBe(401);
    expect((await fixture.send(signFor(`${fixture.url}/triggers/w`), "{}")).status).toBe(202);
    const fixed = await serveWith(
      `{ signature: { ${options}, secret: SIGN, origin: "https://fixed.example" } }`,
      secrets,
    );
    expect((await fixed.send({ ...signFor("https://fixed.example/triggers/w"), ...forwarded }, "{}")).status).toBe(202);
  });
});
