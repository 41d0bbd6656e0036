import type { ResponseStep } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import { CONNECTION_FIELDS } from "../../workflow/header-syntax.ts";
import { FileValue } from "../../value.ts";
import type { Reply } from "../engine.ts";
import { readHeaders } from "../header.ts";
import { failed, kindOf } from "../outcome.ts";
import type { FailedOutcome } from "../outcome.ts";

type Response = Extract<Reply, { readonly kind: "response" }>;

/** What a response step answers. */
export function replyOf(step: ResponseStep, scope: Scope): Response | FailedOutcome {
  const invalid = (problem: string): FailedOutcome =>
    failed("STEP_INVALID", `\`response\` of step \`${step.id}\`: ${problem}`);

  const status = step.status.evaluate(scope);
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 599) {
    return invalid(`status must be an integer from 200 to 599, got ${kindOf(status)}`);
  }
  const reading = readHeaders(step.headers?.evaluate(scope) ?? null);
  if (!reading.ok) return invalid(reading.problem);
  const { headers } = reading;
  const own = Object.keys(headers).find((name) => CONNECTION_FIELDS.has(name));
  if (own !== undefined) return invalid(`header "${own}" is set by the server`);

  if (step.body.kind === "empty") return { kind: "response", status, headers, body: { kind: "empty" } };
  const value = step.body.value.evaluate(scope);
  switch (step.body.kind) {
    case "json":
      return { kind: "response", status, headers, body: { kind: "json", value } };
    case "text":
      if (typeof value === "object" && value !== null) return invalid(`text must be a string, got ${kindOf(value)}`);
      return { kind: "response", status, headers, body: { kind: "text", text: value === null ? "" : String(value) } };
    case "file":
      break;
  }
  if (!(value instanceof FileValue)) {
    return invalid(`file must be a file that an http step or the trigger yields, got ${kindOf(value)}`);
  }
  return { kind: "response", status, headers, body: { kind: "file", file: value } };
}
