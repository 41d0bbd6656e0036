/** The test shelf's filter: words that a capture must all match. No I/O. */
import type { Capture } from "../engine/captures.ts";
import type { Json } from "../json.ts";

/** One word of the filter. */
export type FilterTerm =
  /** Anywhere in the request; the body too. */
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "method"; readonly text: string }
  /** `4xx`, `42`, `422`. */
  | { readonly kind: "status"; readonly text: string }
  | { readonly kind: "header"; readonly name: string; readonly text: string }
  | { readonly kind: "query"; readonly name: string; readonly text: string }
  /** `path` is empty for the whole body. */
  | { readonly kind: "body"; readonly path: readonly string[]; readonly text: string }
  | { readonly kind: "is"; readonly text: string };

/** `unknown`: the body decides, see {@link matchesBody}. */
export type Match = "yes" | "no" | "unknown";

/** Bodies beyond this are not searched. */
const SEARCHED_BYTES = 1024 * 1024;

/**
 * Reads a filter: words between spaces, `"…"` around spaces.
 *
 * @remarks
 * `method:post` `status:4xx` `header.x-github-event:push` `query.source:web` `body.items[0].email:ada` `body:ada`
 * `is:saved` `is:refused` `is:accepted` `is:signed` `is:replay`; every other word is looked for everywhere. Case never counts.
 */
export function parseFilter(text: string): readonly FilterTerm[] {
  return [...text.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)].map(([word]) => termOf(word.replaceAll('"', "").toLowerCase()));
}

function termOf(word: string): FilterTerm {
  const colon = word.indexOf(":");
  const key = colon === -1 ? "" : word.slice(0, colon);
  const text = word.slice(colon + 1);
  const [head = "", ...path] = key.split(/[.[\]]+/).filter((part) => part !== "");
  const name = key.slice(head.length + 1);
  if (key === "method" || key === "status" || key === "is") return { kind: key, text };
  if (head === "header" || head === "headers") return { kind: "header", name, text };
  if (head === "query") return { kind: "query", name, text };
  if (head === "body") return { kind: "body", path, text };
  return { kind: "text", text: word };
}

/** What a capture alone says, without its body. */
export function matchCapture(capture: Capture, terms: readonly FilterTerm[]): Match {
  let match: Match = "yes";
  for (const term of terms) {
    const one = matchTerm(capture, term);
    if (one === "no") return "no";
    if (one === "unknown") match = "unknown";
  }
  return match;
}

/** Decides what {@link matchCapture} left unknown. */
export function matchesBody(capture: Capture, body: Buffer, terms: readonly FilterTerm[]): boolean {
  let text: string | undefined;
  let value: Json | undefined;
  return terms.every((term) => {
    const match = matchTerm(capture, term);
    if (match !== "unknown") return match === "yes";
    if (body.length > SEARCHED_BYTES) return false;
    text ??= body.toString("utf8").toLowerCase();
    if (term.kind !== "body" || term.path.length === 0) return text.includes(term.text);
    value ??= jsonOf(text) ?? formOf(text);
    const found = term.path.reduce<Json | undefined>(stepInto, value);
    return found !== undefined && textOf(found).includes(term.text);
  });
}

function matchTerm(capture: Capture, term: FilterTerm): Match {
  switch (term.kind) {
    case "method":
      return said(capture.method.toLowerCase().startsWith(term.text));
    case "status":
      return said(matchesStatus(capture.answer?.status, term.text));
    case "is":
      return said(matchesState(capture, term.text));
    case "header":
      return said(
        capture.headers.some(
          ([name, value]) =>
            (term.name === "" || name.toLowerCase() === term.name) && value.toLowerCase().includes(term.text),
        ),
      );
    case "query":
      return said(
        [...queryOf(capture.url)].some(
          ([name, value]) =>
            (term.name === "" || name.toLowerCase() === term.name) && value.toLowerCase().includes(term.text),
        ),
      );
    case "body":
      return capture.bodySize === 0 ? "no" : "unknown";
    default:
      if (headOf(capture).includes(term.text)) return "yes";
      return capture.bodySize === 0 ? "no" : "unknown";
  }
}

function said(fits: boolean): Match {
  return fits ? "yes" : "no";
}

function matchesStatus(status: number | undefined, pattern: string): boolean {
  if (status === undefined) return pattern === "";
  const digits = String(status);
  return Array.from(pattern).every((wanted, at) => wanted === "x" || wanted === digits[at]);
}

function matchesState(capture: Capture, state: string): boolean {
  const { verdict, signature, savedAs, replayOf } = capture;
  switch (state) {
    case "saved":
      return savedAs !== null;
    case "accepted":
    case "refused":
      return verdict?.kind === state;
    case "signed":
      return signature === "valid";
    case "replay":
      return replayOf !== null;
    default:
      return ["saved", "accepted", "refused", "signed", "replay"].some((known) => known.startsWith(state));
  }
}

function headOf(capture: Capture): string {
  const headers = capture.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return `${capture.method} ${capture.url}\n${headers}\n${capture.savedAs ?? ""}\n${capture.id}`.toLowerCase();
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at === -1 ? "" : url.slice(at + 1));
}

function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function formOf(text: string): Json {
  return Object.fromEntries(new URLSearchParams(text));
}

function stepInto(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as { readonly [key: string]: Json })[key];
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
