/** Collects what does not hold, at its place in the file. No I/O. */
import type { Value } from "../value.ts";
import type { Node, Range } from "../workflow/parse/node.ts";
import { jsonOf, type Reader } from "../workflow/parse/reader.ts";
import { diffOf, type Failure } from "./failure.ts";
import { mismatches, plainJson, projected } from "./match.ts";

/** Collects failures of one file. */
export class Judging {
  readonly failures: Failure[] = [];
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  fail(
    range: Range,
    check: string,
    message: string,
    more: Omit<Failure, "problem"> & { readonly hint?: string } = {},
  ): void {
    const { hint, ...rest } = more;
    const place = this.#reader.place(range);
    const problem = { severity: "error", check, file: this.#reader.file, place, message } as const;
    this.failures.push({ problem: hint === undefined ? problem : { ...problem, hint }, ...rest });
  }

  /** Compares a value; `what` names it in messages. */
  value(
    expected: Node | undefined,
    came: Value | undefined,
    check: string,
    what: string,
    more: { readonly exact?: boolean; readonly hint?: string | undefined } = {},
  ): void {
    const { exact = false, hint } = more;
    if (expected === undefined) return;
    const actual = came === undefined ? undefined : plainJson(came);
    const found = mismatches(expected, actual, exact);
    const [only] = found;
    if (only === undefined) return;
    // One short value beside another needs no lines of context.
    const isPlain = found.length === 1 && typeof actual !== "string";
    const diff = isPlain ? undefined : diffOf(jsonOf(expected), projected(expected, actual, exact));
    const message = `${placeOf(what, only.path)}: ${only.message}`;
    const others = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
    this.fail(only.range, check, message + others, {
      ...(diff === undefined ? {} : { diff }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function placeOf(what: string, path: string): string {
  return path === "" ? what : path.startsWith("[") ? `${what}${path}` : `${what}.${path}`;
}
