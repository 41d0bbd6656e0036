/** What each tab of the detail pane shows, as lines. No I/O: bodies and executions are handed in. */
import type { Capture, CaptureVerdict } from "../engine/captures.ts";
import { bodyView, formOf } from "./body-view.ts";
import { type Difference, diffCaptures } from "./capture-diff.ts";
import { type LineView, viewOf } from "./line-view.ts";
import { yamlLines } from "./shelf-help.ts";
import { EMPTY, foreign, type Line, line, own, type Tone } from "./shelf-line.ts";
import { sizeOf, timeOf } from "./shelf-list.ts";
import type { ShownExecution } from "./shelf-source.ts";

export function bodyContent(capture: Capture, body: Buffer | undefined): LineView {
  if (body === undefined) return gone();
  const { verdict } = capture;
  const isMalformed = verdict?.kind === "refused" && verdict.code === "BODY_MALFORMED";
  const form = formOf(body, headerOf(capture, "content-type"), headerOf(capture, "content-encoding"));
  return bodyView(body, isMalformed && form === "json" ? "text" : form);
}

export function gone(): LineView {
  return viewOf([line(own("The store has dropped this capture: it keeps the newest ones.", "dim"))]);
}

function headerOf({ headers }: Capture, wanted: string): string {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? "";
}

export function headersContent(capture: Capture): LineView {
  const { method, url, headers, signature, id, receivedAt, replayOf, savedAs } = capture;
  const query = url.indexOf("?");
  const parameters = query === -1 ? [] : [...new URLSearchParams(url.slice(query + 1))];
  const lines: Line[] = [line(foreign(method, "name"), own(" "), foreign(url)), EMPTY];
  if (parameters.length > 0) {
    lines.push(line(own("Query", "title")), ...pairLines(parameters), EMPTY);
  }
  lines.push(line(own("Headers, as they came", "title")), ...pairLines(headers), EMPTY, line(own("Capture", "title")));
  const signed = signature === null ? "the workflow asks for none" : signature;
  lines.push(
    ...pairLines([
      ["id", id],
      ["received", receivedAt],
      ["signature", signed],
      ...(savedAs === null ? [] : [["saved as", savedAs] as const]),
      ...(replayOf === null ? [] : [["replay of", replayOf] as const]),
    ]),
  );
  return viewOf(lines);
}

function pairLines(pairs: readonly (readonly [string, string])[]): Line[] {
  return pairs.map(([name, value]) => line(own("  "), foreign(name, "name"), own(": ", "dim"), foreign(value)));
}

export function responseContent({ answer, verdict }: Capture): LineView {
  if (answer === null) return viewOf([line(own("The request still runs.", "dim"))]);
  const { status, headers, text, bodySize } = answer;
  const tone: Tone = status >= 500 ? "bad" : status >= 400 ? "warn" : "good";
  const lines: Line[] = [line(own("Status ", "dim"), own(String(status), tone)), EMPTY];
  if (verdict?.kind === "refused") lines.push(...refusalLines(verdict), EMPTY);
  if (headers.length > 0) lines.push(line(own("Headers", "title")), ...pairLines(headers), EMPTY);
  if (text !== undefined && text !== "") lines.push(line(own("Body", "title")), ...textLines(text));
  const left = bodySize - Buffer.byteLength(text ?? "");
  if (left > 0) lines.push(line(own(`${sizeOf(left)} ${text === undefined ? "of body" : "more"}, not kept`, "dim")));
  return viewOf(lines);
}

function refusalLines({ code, message, errors }: Extract<CaptureVerdict, { kind: "refused" }>): Line[] {
  return [
    line(foreign(code, "bad"), own(" "), foreign(message)),
    ...errors.map(({ in: part, path, rule, message: why }) =>
      line(
        own("  ✗ ", "bad"),
        foreign(path === "" ? part : `${part}.${path}`, "name"),
        own("  "),
        foreign(why),
        own("  "),
        foreign(rule, "dim"),
      ),
    ),
  ];
}

/** Answers are shown with everything around them, so their lines are made at once: the store keeps 64 KB of text. */
function textLines(text: string): Line[] {
  const bytes = Buffer.from(text);
  const view = bodyView(bytes, formOf(bytes, ""));
  view.advance(bytes.length + 1);
  return Array.from({ length: view.known }, (_, at) => view.line(at, MAX_ANSWER_COLUMNS, 0));
}

const MAX_ANSWER_COLUMNS = 4000;

export function stepsContent(capture: Capture, execution: ShownExecution | undefined): LineView {
  if (execution === undefined) {
    const why = capture.verdict === null ? "The request still runs." : "This request started no execution.";
    return viewOf([line(own(why, "dim"))]);
  }
  return viewOf([
    ...execution.lines.map((text) => line(foreign(text, toneOfStep(text)))),
    EMPTY,
    line(own("execution ", "dim"), own(capture.executionId ?? "")),
    line(own("wf history show ", "dim"), own(capture.executionId ?? "", "dim"), own(" --full", "dim")),
    line(foreign(execution.url, "dim")),
  ]);
}

function toneOfStep(text: string): Tone {
  const first = text.trimStart()[0] ?? "";
  if (first === "✓") return "good";
  if (first === "✗") return "bad";
  if (first === "▸" || first === "◷") return "warn";
  return first === "–" || /^\s*(?:in|out|body|log|details|answer|attempt)\b/.test(text) ? "dim" : "plain";
}

export function diffContent(
  after: { capture: Capture; body: Buffer },
  before: { capture: Capture; body: Buffer } | undefined,
): LineView {
  if (before === undefined) {
    return viewOf([line(own("There is none before it. d picks one to compare with.", "dim"))]);
  }
  const differences = diffCaptures(before, after);
  const heading = [
    line(own("- ", "bad"), own(`${timeOf(before.capture.receivedAt)}  ${before.capture.id}`, "dim")),
    line(own("+ ", "good"), own(`${timeOf(after.capture.receivedAt)}  ${after.capture.id}`, "dim")),
    EMPTY,
  ];
  if (differences.length === 0) return viewOf([...heading, line(own("Nothing differs.", "good"))]);
  return viewOf([...heading, ...differences.flatMap(differenceLines)]);
}

function differenceLines({ path, before, after }: Difference): Line[] {
  const lines = [line(foreign(path, "name"))];
  if (before !== undefined) lines.push(line(own("  - ", "bad"), foreign(before, "bad")));
  if (after !== undefined) lines.push(line(own("  + ", "good"), foreign(after, "good")));
  return lines;
}

export function schemaContent(yaml: string): LineView {
  return viewOf([line(own("Rules that this capture keeps; v writes them.", "dim")), EMPTY, ...yamlLines(yaml)]);
}

export function failedContent(message: string): LineView {
  return viewOf([line(own("✗ ", "bad"), foreign(message, "bad"))]);
}
