/** What an embedded engine is opened with; types only. */
import type { Definition, DefinitionSource } from "../../workflow/definition.ts";
import type { ExecutionContext, ExecutionEnd } from "../context.ts";
import type { Scrub } from "../record.ts";

export interface EmbeddedEngineOptions {
  /** The project's `.wf` folder; made when it is missing. */
  readonly directory: string;
  /** Walks a definition; usually `interpret` with its effects. */
  readonly walk: (definition: Definition, context: ExecutionContext) => Promise<ExecutionEnd>;
  /** Reads a definition again that was recorded. @throws when it cannot */
  readonly parse: (source: DefinitionSource) => Definition;
  /** Replaces secrets in everything that is recorded; asked for each time, and undefined while there are none. */
  readonly scrub?: Scrub | undefined;
  /** Ended executions are kept this long. */
  readonly retentionMs: number;
  readonly captures?: CaptureBounds;
  readonly log?: EngineLog;
  /** Told once, when an earlier process has left executions that go on now; not of those that sleep in a delay. */
  readonly onResumed?: (count: number) => void;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly clock?: () => number;
  /** A delay at least this long lets an execution leave the memory. @defaultValue 1000 */
  readonly suspendMs?: number;
  /** How long starts wait while another program holds the database. @defaultValue 5000 */
  readonly busyTimeoutMs?: number;
}

/** How many captures are kept; the oldest go first. */
export interface CaptureBounds {
  /** @defaultValue 1000 */
  readonly maxPerWorkflow?: number;
  /** Of all bodies together. @defaultValue 500 MB */
  readonly maxBytes?: number;
}

/** The part of the program's log that an engine uses. */
interface EngineLog {
  info(fields: { readonly [name: string]: unknown }, message: string): void;
  warn(fields: { readonly [name: string]: unknown }, message: string): void;
  error(fields: { readonly [name: string]: unknown }, message: string): void;
}
