/** A stretch of a file; `line` and `column` count from 1, `length` in UTF-16 units, at least 1 and within the line. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** What `wf check` finds: an error keeps the file from going live, a warning does not. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** Kebab-case name of the check, for example `unknown-key`, `unknown-step`, `regex-not-linear`. */
  readonly check: string;
  /** Relative to the project's root, with `/`. */
  readonly file: string;
  readonly place: Place;
  readonly message: string;
  readonly hint?: string;
}
