/** What the engine writes: every kind of change to the store, as a value. Types only. */
import type { WfError } from "../../errors.ts";
import type { EncodedValue } from "../record.ts";

/** The execution that a write belongs to. */
export interface WriteOwner {
  readonly seq: number;
  /** Set when its start could not be recorded: nothing of it may be written then. */
  void: boolean;
}

interface WriteBase {
  readonly owner: WriteOwner;
  /** Called once it is durable. @param changed - false when the row's final state forbade it */
  readonly done?: (changed: boolean) => void;
  /** Called when it was given up, or for the first time when it is kept to be tried again. */
  readonly failed?: (error: WfError) => void;
}

/** A new execution. Its final state is written along when the walk ended before the commit. */
export interface StartWrite extends WriteBase {
  readonly kind: "start";
  readonly id: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  /** JSON of the definition's source; asked for once per definition. */
  readonly definitionSource: () => string;
  readonly userId: string | null;
  readonly started: number;
  readonly idempotencyKey: string | null;
  readonly replayOf: string | null;
  readonly parentId: string | null;
  readonly input: EncodedValue;
  status: number;
  ended: number | null;
  tasks: number;
  error: EncodedValue | null;
  /** True once it was handed to SQLite; later changes need a write of their own. */
  written: boolean;
}

export interface StepWrite extends WriteBase {
  readonly kind: "step";
  readonly key: number;
  readonly path: string;
  readonly attempt: number;
  readonly stepId: string;
  readonly stepKind: string;
  readonly name: string | null;
  readonly status: number;
  readonly started: number;
  readonly ended: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly input: EncodedValue | null;
  readonly output: EncodedValue | null;
  readonly logs: string | null;
}

export interface MarkWrite extends WriteBase {
  readonly kind: "mark";
  readonly key: number;
  readonly mark: number;
  readonly path: string;
  readonly at: number;
  readonly started: number;
  readonly stepId: string | null;
  readonly name: string | null;
}

export interface ReplyWrite extends WriteBase {
  readonly kind: "reply";
  readonly path: string;
  readonly reply: EncodedValue;
}

export interface StatusWrite extends WriteBase {
  readonly kind: "status";
  readonly status: number;
  readonly ended: number | null;
  readonly wake: number | null;
  /** Undefined leaves the count as it is. */
  readonly tasks: number | undefined;
  readonly error: EncodedValue | null;
}

/** Waits for what was added before it, and writes nothing itself. */
interface EmptyWrite extends WriteBase {
  readonly kind: "none";
}

/** A change of a table that no execution owns. */
interface OtherWrite extends WriteBase {
  readonly kind: "other";
  readonly apply: () => void;
}

export type Write = StartWrite | StepWrite | MarkWrite | ReplyWrite | StatusWrite | EmptyWrite | OtherWrite;
