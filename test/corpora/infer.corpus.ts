import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inferFrom } from "../../src/capture/infer-rules.ts";
import type { RequestRules, RuleSet } from "../../src/workflow/rule.ts";
import { RuleCompiler, type RuledRequest } from "../../src/workflow/rules.ts";
import { corpus } from "./corpus.ts";

it("infers rules for every GitHub event that accept its payloads and tell them from others", () => {
  const root = corpus("github-webhooks");
  const events = new Map<string, RuledRequest[]>();
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const files = readdirSync(join(root, entry.name)).filter((file) => file.endsWith(".json"));
    const headers = { "content-type": "application/json", "x-github-event": entry.name };
    const read = (file: string): RuledRequest => ({
      query: {},
      headers,
      body: JSON.parse(readFileSync(join(root, entry.name, file), "utf8")) as RuledRequest["body"],
    });
    if (files.length > 0) events.set(entry.name, files.map(read));
  }
  const compiler = new RuleCompiler();
  let samples = 0;
  let rejected = 0;
  let heldOut = 0;
  let heldOutAccepted = 0;
  const shares: number[] = [];
  const counts: number[] = [];
  for (const [event, requests] of events) {
    const { rules } = inferFrom(requests);
    counts.push(count(rules));
    const validator = compiler.compile(rules);
    samples += requests.length;
    rejected += requests.filter((request) => !validator.validate(request).ok).length;
    if (requests.length >= 4) {
      for (const request of requests) {
        const rest = requests.filter((one) => one !== request);
        heldOut++;
        if (compiler.compile(inferFrom(rest).rules).validate(request).ok) heldOutAccepted++;
      }
    }
    // By the body alone: what a rule on the event's header refuses is no achievement.
    const bodyOnly = compiler.compile({ ...rules, headers: {} });
    const others = [...events].filter(([name]) => name !== event).flatMap(([, its]) => its);
    shares.push(others.filter((request) => !bodyOnly.validate(request).ok).length / others.length);
  }
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  process.stdout.write(`events=${events.size} samples=${samples} rejected=${rejected}\n`);
  process.stdout.write(
    `payloads of other events rejected by their body alone: mean ${percent(mean)}, min ${percent(Math.min(...shares))}\n`,
  );
  process.stdout.write(
    `payloads accepted by rules of the event's other payloads (of 4 and more): ${heldOutAccepted} of ${heldOut}\n`,
  );
  const sorted = counts.toSorted((a, b) => a - b);
  process.stdout.write(`rules of an event: median ${sorted[sorted.length >> 1]}, most ${sorted.at(-1)}\n`);
  expect(rejected).toBe(0);
  expect(samples).toBeGreaterThan(0);
}, 300_000);

function count({ query, headers, body = {} }: RequestRules): number {
  const size = (rules: RuleSet): number =>
    Object.values(rules).reduce(
      (sum, { properties = {}, items }) => sum + 1 + size(properties) + size(items?.properties ?? {}),
      0,
    );
  return size(query) + size(headers) + size(body);
}
