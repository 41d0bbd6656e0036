/** The parsed workflow file: what the parser yields and the interpreter walks. No I/O, no YAML. */
import type { SignatureScheme } from "../signature/scheme.ts";
import type { Expression, Template } from "./expression.ts";
import type { RequestRules } from "./rule.ts";

/** All that is needed to parse a definition again: recovery and replay use it long after the file has changed. */
export interface DefinitionSource {
  readonly workflowId: string;
  /** The workflow file relative to the project's root, with `/`. */
  readonly file: string;
  readonly yaml: string;
  /** Source text of every module that its function steps reach by relative imports, by path relative to the root. */
  readonly modules: { readonly [path: string]: string };
}

export interface Definition {
  readonly id: string;
  /** SHA-256 over the source, 64 lower-case hex digits. */
  readonly hash: string;
  readonly source: DefinitionSource;
  readonly name?: string;
  readonly description?: string;
  readonly request: RequestTrigger;
  /** Name of the event that starts it, in place of requests: `request` then takes no method. */
  readonly event?: string;
  readonly steps: readonly Step[];
  /** Run when the execution fails, with `error` in scope; empty when the file has none. */
  readonly onError: readonly Step[];
  /** From acceptance to the end, delays included; none when absent. */
  readonly timeoutMs?: number;
  /** Yields the idempotency key; null or an empty string means none. */
  readonly idempotency?: Expression;
  /** True when a response step stands anywhere in it, so that a caller waits for the reply. */
  readonly responds: boolean;
}

/** How a caller proves who it is. `secrets` are names of secrets, any of which is right, so that they can be rotated. */
export type TriggerAuth =
  | { readonly kind: "none" }
  /** A JWT, signed with one of the keys in wf.yaml. */
  | { readonly kind: "user-token" }
  /** A secret in a header of any name; without secrets, one of the project's API keys with scope `trigger`. */
  | {
      readonly kind: "api-key";
      /** Lower case. @defaultValue x-api-key */
      readonly header: string;
      readonly secrets: readonly string[];
    }
  | { readonly kind: "basic"; readonly username: string; readonly secrets: readonly string[] }
  | { readonly kind: "bearer"; readonly secrets: readonly string[] }
  | {
      readonly kind: "signature";
      readonly scheme: SignatureScheme;
      readonly secrets: readonly string[];
      /** How far the signed time may lie from now. @defaultValue 5 minutes */
      readonly toleranceMs: number;
      /** What the sender takes for this server, for schemes that sign the URL; the `Host` header says so otherwise. */
      readonly origin?: string;
    };

export type AuthKind = TriggerAuth["kind"];

export interface RequestTrigger {
  /** Upper case, for example `["POST"]`; empty when an event starts the workflow. */
  readonly methods: readonly string[];
  readonly auth: TriggerAuth;
  readonly rules: RequestRules;
}

export type StepKind =
  | "http"
  | "function"
  | "switch"
  | "foreach"
  | "parallel"
  | "delay"
  | "response"
  | "workflow"
  | "fail";

export interface RetryPolicy {
  /** Retries after the first attempt. @defaultValue 5 */
  readonly max: number;
  /** Wait before each retry in milliseconds; the last entry repeats. @defaultValue 10, 20, 30, 50, 80 s */
  readonly delaysMs: readonly number[];
  /** Each further wait is the one before times this; 1 for none. */
  readonly backoff: number;
  readonly maxDelayMs: number;
  /** Decides with `error` in scope; without it, what the step itself calls retryable is tried again. */
  readonly when?: Expression;
}

interface StepBase {
  /** Unique in the file; made from kind and position (`http_2`) where the file gives none. */
  readonly id: string;
  /** False when the id was made up; such steps are not reachable as `steps.<id>`. */
  readonly named: boolean;
  readonly name?: string;
  /** The step is skipped, and its output null, unless this yields true. */
  readonly if?: Expression;
  readonly retry?: RetryPolicy;
  /** Per attempt. */
  readonly timeoutMs?: number;
  /** `continue`: the error becomes the output, as `{ error: { code, message, … } }`. */
  readonly onError: "fail" | "continue";
  /** Of the step in its file, from 1. */
  readonly line: number;
}

export interface HttpStep extends StepBase {
  readonly kind: "http";
  readonly http: HttpRequest;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: Template;
  /** True when scheme, host and port are literal text in the file; only then may the host be a private address. */
  readonly hostIsLiteral: boolean;
  readonly query?: Template;
  readonly headers?: Template;
  readonly body?: HttpBody;
  readonly auth?: HttpAuth;
  /** @defaultValue 5; 0 answers with the redirect itself. */
  readonly maxRedirects: number;
  /** Decoded bytes. @defaultValue 10 MB */
  readonly maxResponseBytes: number;
  /** @defaultValue auto: JSON and text by Content-Type, everything else a file */
  readonly response: "auto" | "json" | "text" | "file";
  readonly paginate?: Pagination;
}

export type HttpBody =
  | { readonly kind: "json"; readonly value: Template }
  | { readonly kind: "form"; readonly fields: Template }
  | { readonly kind: "multipart"; readonly parts: Template }
  /** A string or a file; the Content-Type comes from `headers`, or from the file, or is text/plain. */
  | { readonly kind: "raw"; readonly value: Template };

export type HttpAuth =
  | { readonly kind: "bearer"; readonly token: Template }
  | { readonly kind: "basic"; readonly username: Template; readonly password: Template }
  | { readonly kind: "query"; readonly name: string; readonly value: Template }
  | { readonly kind: "header"; readonly name: string; readonly value: Template }
  | {
      readonly kind: "oauth2";
      readonly tokenUrl: Template;
      readonly clientId: Template;
      readonly clientSecret: Template;
      readonly scope?: Template;
      readonly audience?: Template;
    };

/** Each page's answer is in scope as `page` (`statusCode`, `headers`, `body`), the count so far as `pages`. */
export interface Pagination {
  /** Yields the list of a page; the lists of all pages, joined, become the step's `body`. */
  readonly items: Expression;
  /** Yields the token of the next page; null, absent or empty ends it. */
  readonly token: Expression;
  /** Where the token goes in the next request; `url`: the token is the next URL. */
  readonly in: { readonly kind: "query" | "header" | "body"; readonly name: string } | { readonly kind: "url" };
  /** Ends it when true. */
  readonly until?: Expression;
  /** @defaultValue 100 */
  readonly maxPages: number;
}

export interface FunctionStep extends StepBase {
  readonly kind: "function";
  /** The module relative to the project's root, with `/`; a key of {@link DefinitionSource.modules}. */
  readonly module: string;
  readonly with?: Template;
  /** @defaultValue 128 MB */
  readonly maxMemoryBytes: number;
}

export interface SwitchStep extends StepBase {
  readonly kind: "switch";
  /** The first case that holds is taken; one without `when` (the file's `else`) comes last. Output `{ case: index }`, or null. */
  readonly cases: readonly { readonly when?: Expression; readonly steps: readonly Step[] }[];
}

export interface ForeachStep extends StepBase {
  readonly kind: "foreach";
  readonly list: Template;
  /** The loop variable; its position is in scope as `<as>_index`. @defaultValue item */
  readonly as: string;
  /** @defaultValue 10 */
  readonly concurrency: number;
  /** Output: a list of one object a turn, the outputs of its named steps by id; a failed turn is `{ error }`. */
  readonly steps: readonly Step[];
}

export interface ParallelStep extends StepBase {
  readonly kind: "parallel";
  /** All run at once. Output: by branch, the outputs of its named steps by id. */
  readonly branches: readonly { readonly name: string; readonly steps: readonly Step[] }[];
}

export interface DelayStep extends StepBase {
  readonly kind: "delay";
  /** `for` yields a duration string or milliseconds, `until` an ISO 8601 time. */
  readonly delay: { readonly kind: "for" | "until"; readonly value: Template };
}

export interface ResponseStep extends StepBase {
  readonly kind: "response";
  /** Yields an integer from 200 to 599. @defaultValue 200 */
  readonly status: Template;
  readonly headers?: Template;
  readonly body: { readonly kind: "json" | "text" | "file"; readonly value: Template } | { readonly kind: "empty" };
}

export interface WorkflowStep extends StepBase {
  readonly kind: "workflow";
  readonly workflow: string;
  readonly query?: Template;
  readonly headers?: Template;
  readonly body?: Template;
  /** False: go on once it is recorded, with output `{ executionId }`; true: `{ executionId, statusCode, body }`. @defaultValue true */
  readonly wait: boolean;
}

export interface FailStep extends StepBase {
  readonly kind: "fail";
  readonly message: Template;
}

export type Step =
  | HttpStep
  | FunctionStep
  | SwitchStep
  | ForeachStep
  | ParallelStep
  | DelayStep
  | ResponseStep
  | WorkflowStep
  | FailStep;
