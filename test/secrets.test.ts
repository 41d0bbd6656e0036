import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { Secrets } from "../src/secrets.ts";
import { createProject } from "./project.ts";

it("replaces a secret in every spelling in which it may leak", () => {
  const value = `"p/ä+${randomBytes(9).toString("base64")}\n`;
  const secrets = new Secrets({ TOKEN: value });
  secrets.use(["TOKEN"]);
  const spellings = [
    value,
    JSON.stringify(value),
    encodeURIComponent(value),
    Buffer.from(value).toString("base64"),
    Buffer.from(value).toString("base64url"),
  ];
  for (const spelling of spellings) {
    expect(secrets.scrub(`before ${spelling} after`)).toMatch(/^before "?\[secret TOKEN\]"? after$/);
  }
});

it("replaces a secret whole where a shorter one is a part of it", () => {
  const short = randomBytes(6).toString("hex");
  const secrets = new Secrets({ SHORT: short, LONG: `${short}-${short}` });
  secrets.use(["SHORT", "LONG"]);
  expect(secrets.scrub(`${short}-${short}`)).toBe("[secret LONG]");
});

it("leaves variables alone that no workflow asks for, and values too short to be told from ordinary text", () => {
  const secrets = new Secrets({ HOME_PAGE: "https://example.com", PIN: "1234" });
  secrets.use(["PIN", "ABSENT"]);
  expect(secrets.scrub("1234 https://example.com")).toBe("1234 https://example.com");
});

it("reads .env, and the environment wins", async () => {
  await using project = await createProject({ ".env": "A=from-file\nB=from-file\n" });
  const { values } = Secrets.load(project.root, { B: "from-environment" });
  expect(values).toMatchObject({ A: "from-file", B: "from-environment" });
  expect(Secrets.load(`${project.root}/absent`, {}).values).toEqual({});
});
