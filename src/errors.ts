/** Where in a file an error lies; `line` and `column` count from 1. */
export interface ErrorPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface ErrorEntry {
  /** HTTP status when the error answers a request. */
  readonly status: number;
  /** Exit code when the error ends a command: 1 the run or check failed, 2 wrong usage, 3 nothing answered. */
  readonly exit: 1 | 2 | 3;
  /** How to mend it, where the place that throws knows nothing better. */
  readonly hint: string;
}

/** The code of a {@link WfError}. */
export type ErrorCode =
  | "REQUEST_INVALID"
  | "BODY_MALFORMED"
  | "BODY_TOO_LARGE"
  | "ENCODING_UNSUPPORTED"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "WORKFLOW_NOT_FOUND"
  | "EXECUTION_NOT_FOUND"
  | "CAPTURE_NOT_FOUND"
  | "DEPLOYMENT_NOT_FOUND"
  | "DEPLOYMENT_INVALID"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "TOO_MANY_EXECUTIONS"
  | "DRAINING"
  | "EXECUTION_FAILED"
  | "EXECUTION_CANCELLED"
  | "INTERNAL"
  | "STORE_FULL"
  | "STORE_BUSY"
  | "STORE_FAILED"
  | "STORE_LOCKED"
  | "STORE_VERSION"
  | "EXPRESSION_FAILED"
  | "SECRET_MISSING"
  | "HTTP_FAILED"
  | "HTTP_STATUS"
  | "HTTP_RESPONSE_TOO_LARGE"
  | "HTTP_RESPONSE_MALFORMED"
  | "ADDRESS_REFUSED"
  | "FUNCTION_FAILED"
  | "FUNCTION_CRASHED"
  | "STEP_TIMEOUT"
  | "WORKFLOW_TIMEOUT"
  | "STEP_INVALID"
  | "OUTPUT_TOO_LARGE"
  | "FAILED_BY_STEP"
  | "MOCK_MISSING"
  | "WORKFLOW_INVALID"
  | "SETTINGS_INVALID"
  | "PROJECT_NOT_FOUND"
  | "TEST_DATA_NOT_FOUND"
  | "TEST_DATA_EXISTS"
  | "TEST_DATA_INVALID"
  | "NO_SAMPLES"
  | "USAGE"
  | "ADDRESS_IN_USE"
  | "ADDRESS_PUBLIC"
  | "SERVER_UNREACHABLE";

/** Every error code, the one table. A test holds it against the README both ways. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  // A request
  REQUEST_INVALID: { status: 400, exit: 1, hint: "Each entry of `errors` names the place and the rule that it broke." },
  BODY_MALFORMED: { status: 400, exit: 1, hint: "Send a body that matches its Content-Type." },
  BODY_TOO_LARGE: { status: 413, exit: 1, hint: "Send less, or raise `limits.max_body` in wf.yaml." },
  ENCODING_UNSUPPORTED: { status: 415, exit: 1, hint: "Send the body in UTF-8, plain or with gzip, deflate or br." },
  UNAUTHORIZED: { status: 401, exit: 1, hint: "Send the credentials that the workflow's `auth` asks for." },
  FORBIDDEN: { status: 403, exit: 1, hint: "Send the request to the address that `wf serve` printed." },
  WORKFLOW_NOT_FOUND: {
    status: 404,
    exit: 1,
    hint: "Check the workflow id; `wf serve` lists each workflow with its URL.",
  },
  EXECUTION_NOT_FOUND: { status: 404, exit: 1, hint: "Check the execution id; `wf history` lists them." },
  CAPTURE_NOT_FOUND: {
    status: 404,
    exit: 1,
    hint: "The newest captures are kept: 1,000 of a workflow, 500 MB of all, unless wf.yaml says otherwise.",
  },
  DEPLOYMENT_NOT_FOUND: { status: 404, exit: 1, hint: "`wf deployments` lists them." },
  DEPLOYMENT_INVALID: {
    status: 400,
    exit: 1,
    hint: "Mend the workflows, then deploy again; what was live stays live.",
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    exit: 1,
    hint: "Workflows answer at /triggers/<workflow>, the API below /projects/<project>, where the project is the one of wf.yaml.",
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    exit: 1,
    hint: "Use a method that `Allow` lists, or add it to `trigger.request.methods`.",
  },
  TOO_MANY_EXECUTIONS: {
    status: 429,
    exit: 1,
    hint: "Try again after `Retry-After`, or raise `limits.max_executions` in wf.yaml.",
  },
  DRAINING: { status: 503, exit: 1, hint: "The server is shutting down; try again after `Retry-After`." },
  EXECUTION_FAILED: { status: 500, exit: 1, hint: "`wf history show <execution id>` shows the step that failed." },
  EXECUTION_CANCELLED: { status: 500, exit: 1, hint: "Someone cancelled the execution; start a new one." },
  INTERNAL: { status: 500, exit: 1, hint: "This is a defect in wf; the server's log has the details." },

  // The store
  STORE_FULL: { status: 503, exit: 1, hint: "Free space on the disk that holds .wf/, or shorten `retention`." },
  STORE_BUSY: { status: 503, exit: 1, hint: "Another program holds the database; try again." },
  STORE_FAILED: { status: 503, exit: 1, hint: "Check the disk that holds .wf/." },
  STORE_LOCKED: {
    status: 503,
    exit: 1,
    hint: "Stop the other process, or give this one a store of its own with --store <folder>.",
  },
  STORE_VERSION: { status: 503, exit: 1, hint: "Use the version of wf that wrote .wf/wf.db, or a newer one." },

  // A step
  EXPRESSION_FAILED: {
    status: 500,
    exit: 1,
    hint: "Guard a value that may be absent with has(…) or .?name.orValue(…).",
  },
  SECRET_MISSING: { status: 500, exit: 1, hint: "Set the secret in the environment or in .env." },
  HTTP_FAILED: { status: 500, exit: 1, hint: "The other server could not be reached or broke off." },
  HTTP_STATUS: {
    status: 500,
    exit: 1,
    hint: "The other server answered with an error; `on_error: continue` makes it the step's output.",
  },
  HTTP_RESPONSE_TOO_LARGE: { status: 500, exit: 1, hint: "Raise the step's `max_response`." },
  HTTP_RESPONSE_MALFORMED: {
    status: 500,
    exit: 1,
    hint: "The other server's answer does not match its Content-Type; `response: text` takes it as it is.",
  },
  ADDRESS_REFUSED: {
    status: 500,
    exit: 1,
    hint: "A host that an expression yields may not be a private address; write the host into the file, or list it in `http.allow_private`.",
  },
  FUNCTION_FAILED: { status: 500, exit: 1, hint: "The function threw; its logs are with the step." },
  FUNCTION_CRASHED: { status: 500, exit: 1, hint: "The function ran out of memory or ended its thread." },
  STEP_TIMEOUT: { status: 500, exit: 1, hint: "Raise the step's `timeout`." },
  WORKFLOW_TIMEOUT: { status: 500, exit: 1, hint: "Raise the workflow's `timeout`." },
  STEP_INVALID: { status: 500, exit: 1, hint: "An expression yielded a value that this step cannot use." },
  OUTPUT_TOO_LARGE: { status: 500, exit: 1, hint: "Pass large data on as a file." },
  MOCK_MISSING: { status: 500, exit: 1, hint: "Add an answer under `mocks` of the test data." },
  FAILED_BY_STEP: { status: 500, exit: 1, hint: "The workflow's own `fail` step ended it." },

  // A command
  WORKFLOW_INVALID: { status: 500, exit: 1, hint: "`wf check` shows every problem with its place." },
  SETTINGS_INVALID: { status: 500, exit: 1, hint: "Mend wf.yaml." },
  PROJECT_NOT_FOUND: { status: 500, exit: 2, hint: "Run `wf init` here, or name the project's folder with --dir." },
  TEST_DATA_NOT_FOUND: { status: 404, exit: 1, hint: "`wf testdata list <workflow>` shows what there is." },
  TEST_DATA_EXISTS: { status: 409, exit: 1, hint: "Choose another name, or overwrite it with --force." },
  TEST_DATA_INVALID: { status: 400, exit: 1, hint: "Mend the file; `wf testdata show` reads it again." },
  NO_SAMPLES: {
    status: 404,
    exit: 1,
    hint: "Send a request to its test URL, or enter one with `wf testdata new <workflow> <name>`.",
  },
  USAGE: { status: 500, exit: 2, hint: "`wf <command> --help` shows the options with examples." },
  ADDRESS_IN_USE: { status: 500, exit: 1, hint: "Choose another port with --port, or stop the program that has it." },
  ADDRESS_PUBLIC: {
    status: 500,
    exit: 2,
    hint: "Bind 127.0.0.1, give every workflow an `auth`, or say --allow-unauthenticated.",
  },
  SERVER_UNREACHABLE: {
    status: 500,
    exit: 3,
    hint: "Start it with `wf serve`, or name another server (`--url`, `--to`).",
  },
};

/** The one class of expected errors: what went wrong, where, and how to mend it. */
export class WfError extends Error {
  override readonly name = "WfError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly at: ErrorPlace | undefined;

  /**
   * @param message - One sentence for people, with the values that matter, without secrets.
   * @param more - `hint` defaults to the code's own; `at` is the place in a file; `cause` never leaves the process.
   */
  constructor(code: ErrorCode, message: string, more: { hint?: string; at?: ErrorPlace; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.hint = more.hint ?? ERRORS[code].hint;
    this.at = more.at;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get exit(): 1 | 2 | 3 {
    return ERRORS[this.code].exit;
  }
}
