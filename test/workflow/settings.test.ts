import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { DEFAULT_USER_TOKENS } from "../../src/workflow/settings-auth.ts";
import { loadSettings } from "../../src/workflow/settings.ts";
import { ProjectFolder } from "./project-folder.ts";

test("without wf.yaml everything is at its default", async () => {
  using folder = new ProjectFolder();
  const { settings, problems } = await loadSettings(folder.root);
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    host: "127.0.0.1",
    port: 4000,
    responseTimeoutMs: 55_000,
    maxBodyBytes: 10_000_000,
    store: ".wf",
  });
  expect(settings.project).toMatch(/^[a-z0-9-]+$/);
});

test("wf.yaml overrides what it names", async () => {
  using folder = new ProjectFolder({
    "wf.yaml":
      "project: shop\nserver: { host: localhost, port: 0 }\nlimits: { response_timeout: 2s, max_body: 1KB, max_executions: 5, drain: 1s }\nretention: 7d\nhttp: { allow_private: [10.0.0.1] }\ncaptures: { max_per_workflow: 5, max_bytes: 1MB }\nstore: data\n",
  });
  const { settings, problems } = await loadSettings(folder.root);
  expect(problems).toEqual([]);
  expect(settings).toEqual({
    userTokens: DEFAULT_USER_TOKENS,
    project: "shop",
    host: "localhost",
    port: 0,
    responseTimeoutMs: 2000,
    maxBodyBytes: 1000,
    maxExecutions: 5,
    drainMs: 1000,
    retentionMs: 604_800_000,
    allowPrivate: ["10.0.0.1"],
    corsOrigins: [],
    captures: { maxPerWorkflow: 5, maxBytes: 1_000_000 },
    store: "data",
  });
});

test("every mistake is a problem at its place, and the default stands", async () => {
  using folder = new ProjectFolder({
    "wf.yaml": "server: { prot: 1, port: 70000 }\nlimits: { drain: 30 }\nproject: a/b\nretention: forever\n",
  });
  const { settings, problems } = await loadSettings(folder.root);
  expect(problems.map(({ place, check, hint }) => `${place.line}:${place.column} ${check} ${hint ?? ""}`)).toEqual([
    "1:11 unknown-key Did you mean `port`?",
    "1:26 out-of-range ",
    "2:18 bad-duration With a unit: 30s.",
    "3:10 bad-id Letters, digits, - and _, at most 64: it is part of URLs.",
    "4:12 bad-duration For example 500ms, 30s, 5m, 2h, 7d.",
  ]);
  expect(settings.port).toBe(4000);
});

test.each(["", "# nothing yet\n"])("an empty wf.yaml is fine", async (text) => {
  using folder = new ProjectFolder({ "wf.yaml": text });
  expect((await loadSettings(folder.root)).problems).toEqual([]);
});

test("keys of user tokens are read, and those that would not protect are refused where they stand", async () => {
  const pem = (bits: number) =>
    generateKeyPairSync("rsa", {
      modulusLength: bits,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
  const good = pem(2048);
  using folder = new ProjectFolder({
    "wf.yaml": `auth:
  user_token:
    keys:
      - pem_file: good.pem
      - jwks: https://login.example.com/jwks.json
      - jwks: http://127.0.0.1:9/jwks.json
    algorithms: [RS256, ES256]
    clock_tolerance: 30s
`,
    "good.pem": good.publicKey,
    "private.pem": good.privateKey,
    "weak.pem": pem(1024).publicKey,
    "text.pem": "no key",
  });
  const { settings, problems } = await loadSettings(folder.root);
  expect(problems).toEqual([]);
  expect(settings.userTokens).toEqual({
    keys: [
      { pemFile: "good.pem" },
      { jwks: "https://login.example.com/jwks.json" },
      { jwks: "http://127.0.0.1:9/jwks.json" },
    ],
    algorithms: ["RS256", "ES256"],
    clockToleranceMs: 30_000,
  });
  folder.write(
    "wf.yaml",
    `auth:
  user_token:
    keys:
      - pem_file: private.pem
      - pem_file: weak.pem
      - pem_file: text.pem
      - pem_file: gone.pem
      - jwks: http://login.example.com/jwks.json
      - { pem_file: good.pem, jwks: https://a.example }
    algorithms: [HS256, none]
`,
  );
  const found = (await loadSettings(folder.root)).problems;
  expect(found.map(({ place, message }) => `${place.line}:${place.column} ${message}`)).toEqual([
    "4:19 this is a private key",
    "5:19 an RSA key of 1024 bits is too weak",
    "6:19 this is no public key in PEM form",
    "7:19 there is no such file",
    "8:15 a key set is fetched by https",
    "9:9 a key has either `pem_file` or `jwks`",
    "10:18 an algorithm cannot be `HS256`",
    "10:25 an algorithm cannot be `none`",
  ]);
});

test("origins of pages are scheme, host and port alone, or a star", async () => {
  using right = new ProjectFolder({
    "wf.yaml": 'server: { cors_origins: ["https://App.example.com", "http://localhost:5173", "*"] }\n',
  });
  const { settings, problems } = await loadSettings(right.root);
  expect(problems).toEqual([]);
  expect(settings.corsOrigins).toEqual(["https://app.example.com", "http://localhost:5173", "*"]);
  using wrong = new ProjectFolder({
    "wf.yaml": 'server:\n  cors_origins: ["https://a.example.com/", "a.example.com", "ftp://a.example.com", "null"]\n',
  });
  const refused = await loadSettings(wrong.root);
  expect(refused.settings.corsOrigins).toEqual([]);
  expect(refused.problems.map(({ check, place }) => `${check} ${place.line}:${place.column}`)).toEqual([
    "bad-origin 2:18",
    "bad-origin 2:44",
    "bad-origin 2:61",
    "bad-origin 2:84",
  ]);
});
