/** The parameters of the Task History API. No I/O. */
import type { ExecutionFilter, ExecutionStatus } from "../engine/engine.ts";
import { RequestInvalidError } from "./reply-error.ts";

export const PAGE_SIZE = 100;
/** Skipping reads what it skips, so it is bounded; `nextLink` goes on from any place without it. */
const MAX_OFFSET = 10_000;

/** A list request, understood. */
export interface HistoryQuery {
  readonly filter: ExecutionFilter;
  readonly offset: number;
  /** Set when the caller asks for executions of an integration: this engine has none. */
  readonly empty: boolean;
}

const STATUSES: readonly string[] = [
  "EXECUTING",
  "DELAYED",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
] satisfies ExecutionStatus[];
const PARAMETERS: ReadonlySet<string> = new Set([
  "userId",
  "workflowId",
  "integration",
  "status",
  "beforeDate",
  "afterDate",
  "offset",
  "cursor",
  "sortBy",
]);
const ISO_DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * Reads the query of a list request.
 *
 * @throws {@link RequestInvalidError} naming each wrong parameter
 */
export function parseHistoryQuery(query: Readonly<Record<string, unknown>>): HistoryQuery {
  const wrong: { in: "query"; path: string; rule: string; message: string }[] = [];
  const refuse = (path: string, rule: string, message: string): undefined => {
    wrong.push({ in: "query", path, rule, message });
    return undefined;
  };

  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (!PARAMETERS.has(name)) {
      refuse(name.slice(0, 40), "additional: reject", `unknown parameter; known are ${[...PARAMETERS].join(", ")}`);
    } else if (typeof value !== "string") refuse(name, "type: string", `\`${name}\` must be given once`);
    // An empty parameter is a form field that was left blank.
    else if (value !== "") texts[name] = value;
  }
  const date = (name: string): string | undefined => {
    const text = texts[name];
    if (text === undefined) return undefined;
    // A `+` that was not encoded arrives as a space.
    const time = readDate(text.replace(" ", "+"));
    return time ?? refuse(name, "type: date", `\`${name}\` must be an ISO 8601 date such as 2026-11-23T15:00:00Z`);
  };
  const oneOf = (name: string, values: readonly string[]): string | undefined => {
    const text = texts[name];
    if (text === undefined || values.includes(text)) return text;
    return refuse(name, `enum: [${values.join(", ")}]`, `\`${name}\` must be one of ${values.join(", ")}`);
  };

  const before = date("beforeDate");
  const after = date("afterDate");
  const status = oneOf("status", STATUSES) as ExecutionStatus | undefined;
  const order = (oneOf("sortBy", ["ASC", "DESC"]) ?? "DESC") as "ASC" | "DESC";
  const offset = Number(/^\d{1,9}$/.test(texts["offset"] ?? "0") ? (texts["offset"] ?? "0") : Number.NaN);
  if (Number.isNaN(offset)) refuse("offset", "type: integer", "`offset` must be a whole number from 0");
  else if (offset > MAX_OFFSET) {
    refuse(
      "offset",
      `maximum: ${MAX_OFFSET}`,
      `\`offset\` goes up to ${MAX_OFFSET}; follow \`nextLink\`, or narrow by date`,
    );
  }
  const { userId, workflowId, cursor, integration } = texts;
  if (cursor !== undefined && offset > 0) refuse("offset", "maximum: 0", "give `cursor` or `offset`, not both");
  if (wrong.length > 0) throw new RequestInvalidError(wrong);

  return {
    filter: {
      order,
      ...(userId !== undefined && { userId }),
      ...(workflowId !== undefined && { workflowId }),
      ...(status !== undefined && { status }),
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
      ...(cursor !== undefined && { cursor }),
    },
    offset,
    empty: integration !== undefined,
  };
}

/** ISO 8601 in UTC with milliseconds, as records have it; a time without a zone is UTC. */
function readDate(text: string): string | undefined {
  if (!ISO_DATE.test(text)) return undefined;
  const hasZone = !text.includes("T") || /(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  const time = Date.parse(hasZone ? text : `${text}Z`);
  if (Number.isNaN(time)) return undefined;
  // JavaScript reads February 31 as March 3; people who write it mean something else.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return day.toISOString().startsWith(text.slice(0, 10)) ? new Date(time).toISOString() : undefined;
}
