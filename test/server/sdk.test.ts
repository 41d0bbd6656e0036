/** What an SDK in a browser calls: the routes of users, and what pages of other origins are told. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { openUsers } from "../../src/engine/embedded/users.ts";
import { createLog } from "../../src/log.ts";
import { createAuthenticate } from "../../src/server/auth/authenticate.ts";
import { UserTokens } from "../../src/server/auth/user-tokens.ts";
import type { ServerSettings } from "../../src/server/server-context.ts";
import type { Definition } from "../../src/workflow/definition.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import { DEFAULT_USER_TOKENS } from "../../src/workflow/settings-auth.ts";
import { definitionOf, serve, TOKEN, type Fixture } from "./server-fixture.ts";
import { claimsAt, makePair, tokenOf } from "./token-fixture.ts";

const SDK = "/projects/demo/sdk";
const APP = "https://app.example.com";
const PAIR = makePair();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface SdkFixture extends Fixture {
  readonly directory: string;
  call(
    method: string,
    path: string,
    user?: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>;
}

function bearer(user: string): Record<string, string> {
  return { authorization: `Bearer ${tokenOf(PAIR, claimsAt(Date.now(), { sub: user }))}` };
}

async function serveUsers(settings: Partial<ServerSettings> = {}): Promise<SdkFixture> {
  const directory = mkdtempSync(join(tmpdir(), "wf-sdk-"));
  writeFileSync(join(directory, "key.pem"), PAIR.pem);
  const users = openUsers(directory);
  onTestFinished(() => {
    users.close();
    rmSync(directory, { recursive: true });
  });
  const userTokens = new UserTokens({
    settings: { ...DEFAULT_USER_TOKENS, keys: [{ pemFile: "key.pem" }] },
    project: "demo",
    root: directory,
    log: createLog({ stream: { write: () => true } }),
  });
  const findApiKey = (): undefined => undefined;
  const fixture = await serve(
    [
      definitionOf({ id: "lead", name: "New lead", request: { auth: { kind: "user-token" } } }),
      definitionOf({ id: "open" }),
      definitionOf({ id: "inner", request: { auth: { kind: "bearer", secrets: ["S"] } } }),
    ],
    settings,
    {
      users: () => users,
      verifyUser: (token) => userTokens.verify(token),
      authenticate: createAuthenticate({ secrets: () => ({}), userTokens, findApiKey }),
    },
  );
  return {
    ...fixture,
    directory,
    call: (method, path, user, body, headers = {}) =>
      fetch(fixture.url + path, {
        method,
        headers: {
          "content-type": "application/json",
          "x-paragon-sdk-version": "2.4.0",
          ...(user === undefined ? {} : bearer(user)),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  };
}

interface Me {
  readonly userId: string;
  readonly meta: unknown;
  readonly integrations: {
    readonly [type: string]: {
      readonly allCredentials: readonly {
        readonly id: string;
        readonly status: string;
        readonly configurations: readonly {
          readonly id: string;
          readonly isDefault: boolean;
          readonly workflowSettings: { readonly [id: string]: { readonly enabled: boolean } };
        }[];
      }[];
    };
  };
}
interface Integration {
  readonly type: string;
  readonly isActive: boolean;
  readonly configs: readonly { readonly values: { readonly workflowMeta: object } }[];
}

async function settingsOf(fixture: SdkFixture, user: string): Promise<{ readonly [id: string]: boolean }> {
  const me = (await (await fixture.call("GET", `${SDK}/me`, user)).json()) as Me;
  const settings = me.integrations["wf"]?.allCredentials[0]?.configurations[0]?.workflowSettings ?? {};
  return Object.fromEntries(Object.entries(settings).map(([id, { enabled }]) => [id, enabled]));
}

describe("the routes of users", () => {
  test("show one integration, with the workflows that users may start, connected for everybody", async () => {
    const fixture = await serveUsers();
    for (const base of [SDK, `/v2${SDK}`]) {
      const integrations = (await (await fixture.call("GET", `${base}/integrations`, "ada")).json()) as Integration[];
      expect(integrations).toHaveLength(1);
      expect(Object.keys(integrations[0]?.configs[0]?.values.workflowMeta ?? {})).toEqual(["lead", "open"]);
      expect(integrations[0]).toMatchObject({ type: "wf", isActive: true });
      const me = (await (await fixture.call("GET", `${base}/me`, "ada")).json()) as Me;
      expect(me).toMatchObject({ authenticated: true, userId: "ada", meta: {}, resources: [] });
      expect(Object.keys(me.integrations)).toEqual(["wf"]);
      const [credential, ...others] = me.integrations["wf"]?.allCredentials ?? [];
      expect(others).toEqual([]);
      expect(credential).toMatchObject({ status: "VALID", id: expect.stringMatching(UUID) });
      expect(credential?.configurations).toMatchObject([
        {
          id: expect.stringMatching(UUID),
          connectCredentialId: credential?.id,
          isDefault: true,
          workflowSettings: { lead: { enabled: true, settings: {} }, open: { enabled: true } },
        },
      ]);
    }
  });

  test("switch workflows off and on for one user, and forget nothing at a restart", async () => {
    const fixture = await serveUsers();
    const off = await fixture.call("DELETE", `${SDK}/workflows/lead`, "ada");
    expect([off.status, await off.json()]).toEqual([200, { workflowId: "lead", enabled: false }]);
    expect(await settingsOf(fixture, "ada")).toEqual({ lead: false, open: true });
    expect(await settingsOf(fixture, "bob")).toEqual({ lead: true, open: true });
    const again = openUsers(fixture.directory);
    expect(again.get("ada").disabled).toEqual(new Set(["lead"]));
    again.close();
    expect((await fixture.call("POST", `${SDK}/workflows/lead`, "ada")).status).toBe(201);
    expect(await settingsOf(fixture, "ada")).toEqual({ lead: true, open: true });
    for (const id of ["inner", "nobody"]) {
      const refused = await fixture.call("POST", `${SDK}/workflows/${id}`, "ada");
      expect([refused.status, await refused.json()]).toMatchObject([404, { code: "WORKFLOW_NOT_FOUND" }]);
    }
  });

  test("keep what an application says of a user, joined with what it said before", async () => {
    const fixture = await serveUsers();
    await fixture.call("PATCH", `${SDK}/me`, "ada", { meta: { Name: "Ada", plan: "free" } });
    const answer = await fixture.call("PATCH", `${SDK}/me`, "ada", { meta: { plan: "team" } });
    expect(await answer.json()).toMatchObject({ userId: "ada", meta: { Name: "Ada", plan: "team" } });
    expect(await (await fixture.call("GET", `${SDK}/me`, "bob")).json()).toMatchObject({ meta: {} });
    for (const body of [{}, { meta: [] }, { meta: null }, []]) {
      expect((await fixture.call("PATCH", `${SDK}/me`, "ada", body)).status).toBe(400);
    }
    const half = "x".repeat(40_000);
    expect((await fixture.call("PATCH", `${SDK}/me`, "ada", { meta: { a: half } })).status).toBe(200);
    expect((await fixture.call("PATCH", `${SDK}/me`, "ada", { meta: { b: half } })).status).toBe(413);
  });

  test("open to user tokens alone, and tell nobody why they do not", async () => {
    const fixture = await serveUsers();
    const expired = tokenOf(PAIR, claimsAt(Date.now() - 3_600_000));
    const foreign = tokenOf(makePair(), claimsAt(Date.now()));
    const routes = [
      ["GET", "/me"],
      ["HEAD", "/me"],
      ["PATCH", "/me"],
      ["GET", "/integrations"],
      ["POST", "/workflows/lead"],
      ["DELETE", "/workflows/lead"],
    ] as const;
    for (const [method, path] of routes) {
      for (const token of [undefined, expired, foreign, TOKEN, "x"]) {
        for (const base of [SDK, `/v2${SDK}`]) {
          const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
          const answer = await fetch(fixture.url + base + path, { method, headers });
          expect(answer.status).toBe(401);
          expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="wf"');
          if (method !== "HEAD") {
            expect(await answer.json()).toMatchObject({ message: "The request is not authenticated." });
          }
        }
      }
    }
    expect(fixture.logged.join("")).toContain("the user token has expired");
    expect(fixture.logged.join("")).not.toContain(expired);
    expect((await fixture.call("GET", "/projects/other/sdk/me", "ada")).status).toBe(404);
  });

  test("a user's token opens no other route", async () => {
    const fixture = await serveUsers();
    for (const path of [
      "/projects/demo/task-history/workflow-executions",
      "/projects/demo/sdk",
      `${SDK}/../captures`,
    ]) {
      expect([401, 404]).toContain((await fixture.call("GET", path, "ada")).status);
    }
  });
});

describe("events", () => {
  const listener = (id: string, event: string, more = ""): Definition => {
    const yaml = `trigger: { event: ${event} }\n${more}steps: []\n`;
    const { definition, problems } = parseWorkflow({ workflowId: id, file: `${id}.yaml`, yaml, modules: {} });
    if (definition === undefined) throw new Error(JSON.stringify(problems));
    return definition;
  };
  async function serveListeners(settings: Partial<ServerSettings> = {}): Promise<SdkFixture> {
    const fixture = await serveUsers(settings);
    for (const one of [
      listener("greet", "Order Created"),
      listener("count", "Order Created", "idempotency: trigger.body.id\n"),
      listener("other", "Order Deleted"),
    ]) {
      fixture.live.set(one.id, one);
    }
    return fixture;
  }
  const event = (payload: unknown): unknown => ({ name: "Order Created", payload });

  test("start every workflow of their name, for their user, with the payload as the body", async () => {
    const fixture = await serveListeners();
    for (const base of [SDK, `/v2${SDK}`]) {
      const answer = await fixture.call("POST", `${base}/events/trigger`, "ada", event({ id: base }));
      expect(answer.status).toBe(201);
      const started = fixture.engine.started.splice(0);
      expect(started.map(({ definition }) => definition.id)).toEqual(["greet", "count"]);
      expect(await answer.json()).toEqual({
        executions: started.map(({ id, definition }) => ({ workflowId: definition.id, executionId: id })),
      });
      for (const { input } of started) expect(input).toMatchObject({ userId: "ada", body: { id: base }, query: {} });
    }
    const nobody = await fixture.call("POST", `${SDK}/events/trigger`, "ada", { name: "Nothing" });
    expect([nobody.status, await nobody.json()]).toEqual([201, { executions: [] }]);
  });

  test("start no workflow that is switched off for the user", async () => {
    const fixture = await serveListeners();
    await fixture.call("DELETE", `${SDK}/workflows/greet`, "ada");
    await fixture.call("POST", `${SDK}/events/trigger`, "ada", event({ id: 1 }));
    expect(fixture.engine.started.map(({ definition }) => definition.id)).toEqual(["count"]);
    await fixture.call("POST", `${SDK}/events/trigger`, "bob", event({ id: 2 }));
    expect(fixture.engine.started.map(({ definition }) => definition.id)).toEqual(["count", "greet", "count"]);
  });

  test("start each workflow once for equal keys", async () => {
    const fixture = await serveListeners();
    const send = (payload: unknown, headers = {}): Promise<Response> =>
      fixture.call("POST", `${SDK}/events/trigger`, "ada", event(payload), headers);
    const first = await (await send({ id: 7 }, { "idempotency-key": "a" })).json();
    expect(await (await send({ id: 7 }, { "idempotency-key": "a" })).json()).toEqual(first);
    expect(fixture.engine.started).toHaveLength(2);
    // The workflow's own expression, without a key in the request.
    await send({ id: 7 });
    expect(fixture.engine.started.map(({ definition }) => definition.id)).toEqual(["greet", "count", "greet"]);
    // One that cannot be computed starts nothing at all.
    expect((await send({})).status).toBe(400);
    expect(fixture.engine.started).toHaveLength(3);
  });

  test("are sent by the client, once however often they are tried", async () => {
    const fixture = await serveListeners();
    let calls = 0;
    const client = createClient({
      baseUrl: fixture.url,
      projectId: "demo",
      token: tokenOf(PAIR, claimsAt(Date.now())),
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (++calls === 1) throw new TypeError("the connection broke");
        return response;
      },
    });
    const executions = await client.event("Order Created", { id: 1 });
    expect(executions.map(({ workflowId }) => workflowId)).toEqual(["greet", "count"]);
    expect(executions.map(({ executionId }) => executionId)).toEqual(fixture.engine.started.map(({ id }) => id));
    expect(await client.event("Nothing")).toEqual([]);
  });

  test("are refused without a token, a name, or room", async () => {
    const fixture = await serveListeners({ maxExecutions: 1, maxBodyBytes: 1_000 });
    const path = `${SDK}/events/trigger`;
    expect((await fixture.call("POST", path, undefined, event({ id: 1 }))).status).toBe(401);
    for (const body of [{}, [], { name: 1 }, { name: "" }]) {
      expect((await fixture.call("POST", path, "ada", body)).status).toBe(400);
    }
    expect((await fixture.call("POST", path, "ada", event({ id: "x".repeat(1_000) }))).status).toBe(413);
    fixture.engine.running = 1;
    const busy = await fixture.call("POST", path, "ada", event({ id: 1 }));
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(fixture.engine.started).toHaveLength(0);
  });

  test("a request to the workflow itself is told so; SDKs see the workflow as any other", async () => {
    const fixture = await serveListeners();
    const answer = await fixture.call("POST", `${SDK}/triggers/greet`, "ada", {});
    expect(answer.status).toBe(405);
    expect(await answer.json()).toMatchObject({
      message: "An event starts workflow `greet`, not a request.",
      hint: expect.stringContaining("Order Created"),
    });
    expect(await settingsOf(fixture, "ada")).toMatchObject({ greet: true, count: true, other: true });
  });
});

describe("pages of other origins", () => {
  const preflight = (fixture: Fixture, path: string, origin: string, method = "POST"): Promise<Response> =>
    fetch(fixture.url + path, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers":
          "authorization,content-type,x-paragon-configuration-id,x-paragon-credential,x-paragon-sdk-version",
      },
    });

  test("may call triggers and the routes of users when wf.yaml lists their origin", async () => {
    const fixture = await serveUsers({ corsOrigins: [APP] });
    for (const path of [`${SDK}/triggers/lead`, "/triggers/lead", `${SDK}/me`, `/v2${SDK}/events/trigger`]) {
      const asked = await preflight(fixture, path, APP);
      expect({ path, status: asked.status }).toEqual({ path, status: 204 });
      expect(asked.headers.get("access-control-allow-origin")).toBe(APP);
      expect(asked.headers.get("access-control-allow-methods")).toContain("POST");
      expect(asked.headers.get("access-control-allow-headers")).toContain("x-paragon-sdk-version");
      expect(asked.headers.get("access-control-max-age")).toBe("600");
      expect(asked.headers.get("vary")).toBe("Origin");
    }
    const run = await fixture.call("POST", `${SDK}/triggers/lead`, "ada", {}, { origin: APP });
    expect(run.status).toBe(202);
    expect(run.headers.get("access-control-allow-origin")).toBe(APP);
    expect(run.headers.get("access-control-expose-headers")).toContain("X-Execution-Id");
    expect(fixture.engine.started[0]?.input.userId).toBe("ada");
    // What was refused has to be read as well.
    for (const path of [`${SDK}/triggers/lead`, `${SDK}/me`, `${SDK}/triggers/nobody`]) {
      const refused = await fixture.call(path.endsWith("/me") ? "GET" : "POST", path, undefined, undefined, {
        origin: APP,
      });
      expect([401, 404]).toContain(refused.status);
      expect(refused.headers.get("access-control-allow-origin")).toBe(APP);
    }
    expect((await fixture.call("GET", `${SDK}/me`, "ada", undefined, { origin: APP })).status).toBe(200);
  });

  test("are told nothing otherwise, nor by any route that is not for them", async () => {
    const named = await serveUsers({ corsOrigins: [APP] });
    const silent = await serveUsers();
    for (const [fixture, origin] of [
      [named, "https://evil.example.com"],
      [named, "null"],
      [named, `${APP}.evil.example.com`],
      [silent, APP],
    ] as const) {
      for (const path of [`${SDK}/triggers/lead`, `${SDK}/me`]) {
        const asked = await preflight(fixture, path, origin);
        expect(asked.status).toBe(204);
        for (const name of asked.headers.keys()) expect(name).not.toMatch(/^access-control/);
      }
    }
    for (const path of ["/test/lead", "/projects/demo/task-history/workflow-executions", "/healthz"]) {
      const asked = await preflight(named, path, APP, "GET");
      expect(asked.headers.get("access-control-allow-origin")).toBeNull();
    }
    const history = await fetch(`${named.url}/projects/demo/task-history/workflow-executions`, {
      headers: { origin: APP, authorization: `Bearer ${TOKEN}` },
    });
    expect(history.status).toBe(403);
  });

  test("every origin may call when wf.yaml says so", async () => {
    const fixture = await serveUsers({ corsOrigins: ["*"] });
    const asked = await preflight(fixture, `${SDK}/triggers/lead`, "https://any.example.com");
    expect(asked.headers.get("access-control-allow-origin")).toBe("https://any.example.com");
    expect(asked.headers.get("access-control-allow-credentials")).toBeNull();
  });
});
