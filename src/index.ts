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
