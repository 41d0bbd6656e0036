/** Pages of executions kept in memory. No I/O. */
import { WfError } from "../errors.ts";
import type { Execution, ExecutionFilter, Page } from "../engine/engine.ts";

const STATUSES: readonly string[] = ["EXECUTING", "DELAYED", "SUCCEEDED", "FAILED", "CANCELLED"];

/**
 * @param executions - In the order in which they started.
 * @throws {@link WfError} `REQUEST_INVALID`
 */
export function pageOf(executions: readonly Execution[], filter: ExecutionFilter): Page<Execution> {
  const { limit = 100, status, workflowId, userId } = filter;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw invalid(`limit ${limit}`);
  if (status !== undefined && !STATUSES.includes(status)) throw invalid(`status ${JSON.stringify(status)}`);
  const before = timeOf("before", filter.before) ?? Infinity;
  const after = timeOf("after", filter.after) ?? -Infinity;
  const matching = executions.filter(
    (one) =>
      (workflowId === undefined || one.workflowId === workflowId) &&
      (userId === undefined || one.userId === userId) &&
      (status === undefined || one.status === status) &&
      Date.parse(one.dateStarted) < before &&
      Date.parse(one.dateStarted) > after,
  );
  const ordered = filter.order === "ASC" ? matching : matching.toReversed();
  const from = filter.cursor === undefined ? 0 : ordered.findIndex(({ id }) => id === filter.cursor) + 1;
  if (filter.cursor !== undefined && from === 0) throw invalid("the cursor");
  const items = ordered.slice(from, from + limit);
  const last = items.at(-1);
  return last === undefined || from + limit >= ordered.length ? { items } : { items, next: last.id };
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw invalid(`${name} ${JSON.stringify(text)}`);
  return ms;
}

function invalid(what: string): WfError {
  return new WfError("REQUEST_INVALID", `Executions cannot be listed by ${what}.`);
}
