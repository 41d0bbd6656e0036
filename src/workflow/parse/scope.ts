/** Which names an expression may use where it stands. No I/O. */

/** The ids of one sequence of steps, with the moment from which each is visible. */
export class Frame {
  readonly parent: Frame | undefined;
  /** How messages name the place: `foreach`, `branch`, `case`. */
  readonly label: string;
  readonly #since = new Map<string, number>();

  constructor(label: string, parent?: Frame) {
    this.label = label;
    this.parent = parent;
  }

  add(id: string, moment: number): void {
    this.#since.set(id, moment);
  }

  /** Makes the ids of a finished inner sequence visible from now on. */
  adopt(inner: Frame, moment: number): void {
    for (const id of inner.#since.keys()) this.#since.set(id, moment);
  }

  sees(id: string, moment: number): boolean {
    const since = this.#since.get(id);
    if (since !== undefined && since < moment) return true;
    return this.parent?.sees(id, moment) ?? false;
  }

  visible(moment: number): string[] {
    const own = [...this.#since].filter(([, since]) => since < moment).map(([id]) => id);
    return [...own, ...(this.parent?.visible(moment) ?? [])];
  }
}

/** The variables at one place of the file. */
export interface ParseScope {
  /** Undefined where no step has run: authentication options, the idempotency key. */
  readonly frame: Frame | undefined;
  /** Root variables: `trigger`, `steps`, loop names, … */
  readonly roots: ReadonlySet<string>;
}

export const BASE_ROOTS: readonly string[] = ["trigger", "steps", "secrets", "execution"];

/** Every root variable that some place has; a loop cannot take their names. */
export const RESERVED_ROOTS: readonly string[] = [...BASE_ROOTS, "error", "page", "pages"];

/** Words that CEL keeps for itself, so that no variable can have them as its name. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  (
    "true false null in as break const continue else for function if import let loop package namespace return var " +
    "void while"
  ).split(" "),
);

export function withRoots(scope: ParseScope, ...names: string[]): ParseScope {
  return { frame: scope.frame, roots: new Set([...scope.roots, ...names]) };
}
