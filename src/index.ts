export { readVersion } from "./version.ts";
export { ERRORS, WfError } from "./errors.ts";
export type { ErrorCode, ErrorPlace } from "./errors.ts";
export type { Json, JsonObject } from "./json.ts";
export type {
  Execution,
  ExecutionFilter,
  ExecutionStatus,
  ExecutionWithSteps,
  Page,
  StepError,
  StepExecution,
} from "./engine/engine.ts";
export { createClient } from "./client/client.ts";
export type { Client, ClientOptions, TriggerOptions, TriggerResult } from "./client/client.ts";
export { ClientError } from "./client/client-error.ts";
export type { BrokenRule } from "./client/client-error.ts";
export type {
  ClientExecution,
  ClientExecutionDetails,
  ClientExecutionStatus,
  ClientHistory,
  ClientHistoryFilter,
  ClientHistoryPage,
  ClientStepExecution,
} from "./client/client-history.ts";
