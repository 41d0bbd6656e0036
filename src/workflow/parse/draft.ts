/** What reading a file gathers besides the steps themselves; the checks work on it. No I/O. */
import type { AuthKind, Step } from "../definition.ts";
import type { Range } from "./node.ts";
import { Expressions } from "./expressions.ts";
import { Reader } from "./reader.ts";

export class Draft {
  readonly reader: Reader;
  readonly expressions: Expressions;
  readonly workflowId: string;
  /** The folder of the workflow file relative to the root, without a slash at the end; empty for the root. */
  readonly folder: string;
  /** The named steps by id. */
  readonly steps: Map<string, { readonly range: Range; readonly step?: Step }> = new Map();
  /** Where each step stands. */
  readonly ranges: Map<Step, Range> = new Map();
  /** Function modules with the place that names them. */
  readonly functions: { readonly module: string; readonly range: Range }[] = [];
  /** Workflows that `workflow` steps start. */
  readonly calls: { readonly workflow: string; readonly range: Range }[] = [];
  /** The trigger's `auth`, with the place of its kind. */
  auth: { readonly kind: AuthKind; readonly range: Range } | undefined;
  /** Secrets that the trigger's `auth` names. */
  readonly authSecrets: { readonly name: string; readonly range: Range }[] = [];
  readonly #reserved: ReadonlySet<string>;
  readonly #counts = new Map<string, number>();

  constructor(reader: Reader, workflowId: string, reserved: ReadonlySet<string>) {
    this.reader = reader;
    this.expressions = new Expressions(reader);
    this.workflowId = workflowId;
    this.folder = reader.file.includes("/") ? reader.file.slice(0, reader.file.lastIndexOf("/")) : "";
    this.#reserved = reserved;
  }

  /** An id for a step that the file gives none: kind and position, and no id that the file uses. */
  makeId(kind: string): string {
    for (;;) {
      const count = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, count);
      const id = `${kind}_${count}`;
      if (!this.#reserved.has(id)) return id;
    }
  }
}
