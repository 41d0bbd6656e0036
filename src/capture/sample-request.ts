/** A request that is likely to keep a trigger's rules, to begin with. No I/O. */
import type { Json } from "../json.ts";
import type { RequestRules, Rule, RuleSet } from "../workflow/rule.ts";
import type { TestRequest } from "./test-data.ts";

/** Every field of the rules with an example of its type; what a pattern asks for is left to people. */
export function sampleRequest(workflowId: string, methods: readonly string[], rules: RequestRules): TestRequest {
  const query = new URLSearchParams(texts(rules.query)).toString();
  return {
    method: methods[0] ?? "POST",
    url: `/test/${workflowId}${query === "" ? "" : `?${query}`}`,
    headers: texts(rules.headers),
    body: rules.body ? { kind: "value", value: sampleMap(rules.body) } : { kind: "none" },
  };
}

function texts(fields: RuleSet): [string, string][] {
  return Object.entries(fields).map(([name, rule]) => {
    const value = sampleOf(rule);
    return [name, typeof value === "string" ? value : JSON.stringify(value)];
  });
}

function sampleMap(fields: RuleSet): { [name: string]: Json } {
  return Object.fromEntries(Object.entries(fields).map(([name, rule]) => [name, sampleOf(rule)]));
}

const SAMPLES: { readonly [type: string]: Json } = {
  boolean: true,
  date: "2026-01-31",
  "date-time": "2026-01-31T09:30:00Z",
  email: "ada@example.com",
  url: "https://example.com/",
  uuid: "123e4567-e89b-42d3-a456-426614174000",
};

function sampleOf(rule: Rule): Json {
  if (rule.equals !== undefined) return rule.equals;
  if (rule.enum?.[0] !== undefined) return rule.enum[0];
  if (rule.type === "object") return sampleMap(rule.properties ?? {});
  if (rule.type === "array") {
    const item = rule.items ? sampleOf(rule.items) : "text";
    return Array.from({ length: Math.min(Math.max(1, rule.minItems ?? 1), 10) }, () => item);
  }
  if (rule.type === "number" || rule.type === "integer") return sampleNumber(rule);
  const text = SAMPLES[rule.type] ?? "text";
  if (typeof text !== "string" || rule.type !== "string") return text;
  return text.padEnd(Math.min(rule.minLength ?? 0, 1000), ".").slice(0, rule.maxLength);
}

function sampleNumber({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }: Rule): number {
  const step = multipleOf ?? 1;
  const low = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + step);
  const high = maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - step);
  const wanted = Math.min(Math.max(1, low ?? 1), high ?? Number.MAX_SAFE_INTEGER);
  const fitted = Math.ceil(wanted / step) * step;
  return high !== undefined && fitted > high ? Math.floor(wanted / step) * step : fitted;
}
