/** Lines of the test shelf as text with colours (ECMA-48 SGR); the only escapes that lines ever hold. No I/O. */
import type { Line, Span, Tone } from "./shelf-line.ts";

/** Colours carry meaning, never alone: every one goes with a word, a mark or a place. */
const COLOURED: Readonly<Record<Tone, string>> = {
  plain: "",
  dim: "2",
  good: "32",
  bad: "31",
  warn: "33",
  title: "1",
  key: "1;36",
  name: "36",
  text: "32",
  number: "33",
  word: "35",
  mark: "1;35",
  cursor: "7",
};
/** NO_COLOR (https://no-color.org) forbids colours, not weight. */
const UNCOLOURED: Readonly<Record<Tone, string>> = {
  plain: "",
  dim: "2",
  good: "",
  bad: "1",
  warn: "",
  title: "1",
  key: "1",
  name: "",
  text: "",
  number: "",
  word: "",
  mark: "7",
  cursor: "7",
};

export function paintLine({ spans }: Line, coloured: boolean): string {
  const codes = coloured ? COLOURED : UNCOLOURED;
  let painted = "";
  let run = "";
  let open = "";
  const end = (): void => {
    if (run !== "") painted += open === "" ? run : `\u001b[${open}m${run}\u001b[0m`;
    run = "";
  };
  for (const span of spans) {
    const code = codeOf(span, codes);
    if (code !== open) end();
    open = code;
    run += span.text;
  }
  end();
  return painted;
}

/** The selected row is one bar: grey on it would be hard to read, so only what is bold stays. */
function codeOf({ tone, selected }: Span, codes: Readonly<Record<Tone, string>>): string {
  if (!selected) return codes[tone];
  return tone === "title" || tone === "mark" ? "1;7" : "7";
}
