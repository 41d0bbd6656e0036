import { expect, test } from "vitest";
import { inferFrom } from "../../src/capture/infer-rules.ts";
import { findDrift } from "../../src/capture/rules-drift.ts";
import type { Value } from "../../src/value.ts";
import { parseRules } from "../../src/workflow/parse-rules.ts";
import type { RequestRules } from "../../src/workflow/rule.ts";
import type { RuledRequest } from "../../src/workflow/rules.ts";

const NONE: RequestRules = { query: {}, headers: {}, additional: "allow" };

function rules(request: string): RequestRules {
  return parseRules("w.yaml", `trigger:\n  request: ${request}\nsteps: []\n`).rules;
}

function bodies(...all: Value[]): RuledRequest[] {
  return all.map((body) => ({ query: {}, headers: {}, body }));
}

function brief(fresh: readonly RuledRequest[], own: RequestRules, saved: readonly RuledRequest[] = []): string[] {
  return findDrift(fresh, own, saved).map(
    ({ kind, path, against, requests }) => `${kind} ${path} ${against} ${requests ?? "-"}`,
  );
}

test("requests like those that rules were inferred from show no drift", () => {
  const requests = bodies({ a: 1, b: { c: ["x"] } }, { a: 2, b: { c: [] }, d: null });
  expect(findDrift(requests, inferFrom(requests).rules, requests)).toEqual([]);
});

test("names what breaks rules, with the number of requests", () => {
  const own = rules(
    "{ body: { a: { type: integer, required: true }, s: { enum: [x, y] }, n: { type: number, maximum: 3 }, l: { type: array, items: email } } }",
  );
  const fresh = bodies({ a: "1", s: "z" }, { s: "z", n: 4 }, { a: 1, l: ["a@b.co", "b", "c"] });
  expect(brief(fresh, own).toSorted()).toEqual([
    "missing body.a rules 1",
    "rule body.n rules 1",
    "type body.a rules 1",
    "type body.l[] rules 1",
    "value body.s rules 2",
  ]);
});

test("names fields without a rule where others have one", () => {
  const own = rules("{ query: { q: any }, body: { a: { properties: { b: any } }, free: object } }");
  const fresh: RuledRequest[] = [
    {
      query: { q: "1", page: "2" },
      headers: { "x-new": "1" },
      body: { a: { b: 1, c: 2 }, free: { x: 1 }, z: "a@b.co" },
    },
  ];
  expect(findDrift(fresh, own, [])).toEqual([
    { kind: "added", path: "query.page", against: "rules", message: "no rule names it; it is string" },
    { kind: "added", path: "body.a.c", against: "rules", message: "no rule names it; it is integer" },
    { kind: "added", path: "body.z", against: "rules", message: "no rule names it; it is email" },
  ]);
  expect(findDrift(fresh, NONE, [])).toEqual([]);
});

test("`additional: reject` reports them as broken rules, once", () => {
  expect(brief(bodies({ a: 1, z: 2 }), rules("{ body: { a: any }, additional: reject }"))).toEqual([
    "added body.z rules 1",
  ]);
});

test("compares with saved requests", () => {
  const saved = bodies(
    { id: 1, mail: "a@b.co", at: null, lines: [{ sku: "a" }], gone: true, some: 1 },
    { id: 2, mail: "c@d.co", at: null, lines: [], gone: true },
  );
  const fresh = bodies({ id: "1", mail: "?", at: "2026-11-25", lines: [{ sku: 1, gift: true }], more: 1 });
  expect(findDrift(fresh, NONE, saved)).toEqual([
    { kind: "type", path: "body.id", against: "test data", message: "it was integer, now it is string" },
    { kind: "type", path: "body.mail", against: "test data", message: "it was email, now it is string" },
    { kind: "type", path: "body.lines[].sku", against: "test data", message: "it was string, now it is integer" },
    {
      kind: "added",
      path: "body.lines[].gift",
      against: "test data",
      message: "no saved request has it; it is boolean",
    },
    { kind: "added", path: "body.more", against: "test data", message: "no saved request has it; it is integer" },
    {
      kind: "missing",
      path: "body.gone",
      against: "test data",
      message: "every saved request has it (boolean), no fresh one does",
    },
  ]);
});

test("whole numbers are numbers, and dictionaries may have any names", () => {
  expect(findDrift(bodies({ n: 1, byId: { "3": 1 } }), NONE, bodies({ n: 1.5, byId: { "1": 1, "2": 2 } }))).toEqual([]);
});
