/** Regular expressions that take time linear in the text, whatever the pattern: RE2 syntax, no backtracking. No I/O. */
import { RE2JS } from "re2js";

export interface Pattern {
  /** True when the pattern matches anywhere in the text. */
  test(text: string): boolean;
}

/**
 * @throws SyntaxError when the pattern is not RE2 syntax; look-around and back-references are not, because no engine
 * evaluates them in linear time.
 */
export function compilePattern(source: string): Pattern {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  return { test: (text) => compiled.test(text) };
}
