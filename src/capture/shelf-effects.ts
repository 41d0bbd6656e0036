/** Carries out what the test shelf's keys ask for. */
import { readVersion } from "../version.ts";
import type { Capture } from "../engine/captures.ts";
import { toCurl } from "./curl.ts";
import { toHar } from "./har.ts";
import { requestFromText, requestToText } from "./request-text.ts";
import { matchesBody } from "./shelf-filter.ts";
import { sizeOf } from "./shelf-list.ts";
import type { InferredRules, ShelfSource } from "./shelf-source.ts";
import type { Notice, ShelfEffect, ShelfEvent, ShelfState } from "./shelf-state.ts";

/** What the shelf needs of its terminal. */
export interface ShelfHost {
  quit(): void;
  /** Gives the terminal away until `run` ends. */
  suspend(run: () => Promise<void>): Promise<void>;
  /** Puts text on the clipboard of the user's terminal, where it lets programs. */
  copy(text: string): void;
}

interface Tools {
  readonly source: ShelfSource;
  readonly host: ShelfHost;
  /** The present state. */
  readonly state: () => ShelfState;
  readonly dispatch: (event: ShelfEvent) => void;
}

/** Bodies are fetched so many at a time. */
const AT_A_TIME = 8;
/** Longest text that terminals take by OSC 52 (xterm's limit, in base64). */
const MAX_COPIED = 74_994;
/** What was inferred last, by what it is shown in; `y` writes it. */
const inferred = new WeakMap<ShelfSource, InferredRules>();

/** Never rejects: what fails becomes a notice. */
export async function runEffect(effect: ShelfEffect, tools: Tools): Promise<void> {
  const { source, dispatch } = tools;
  try {
    switch (effect.kind) {
      case "quit":
        return tools.host.quit();
      case "look":
        return await look(effect.filter, effect.captures, tools);
      case "save":
        return await save(effect.id, effect.name, tools);
      case "replay":
        return dispatch({ kind: "notice", notice: sentNotice(await source.replay(effect.id)) });
      case "edit":
        return await edit(effect.id, tools);
      case "curl":
        return await copyAsCurl(effect.id, tools);
      case "har":
        return await exportHar(effect.ids, tools);
      case "infer": {
        const rules = await source.inferRules(effect.ids);
        inferred.set(source, rules);
        return dispatch({ kind: "inferred", ids: effect.ids, yaml: rules.yaml });
      }
      case "writeRules": {
        const text = (await inferred.get(source)?.write()) ?? "";
        return dispatch({ kind: "closed", notice: { text, tone: "good" } });
      }
    }
  } catch (error) {
    const notice = { text: error instanceof Error ? error.message : String(error), tone: "bad" } as const;
    const isAsked = effect.kind === "infer" || effect.kind === "writeRules";
    dispatch(isAsked ? { kind: "closed", notice } : { kind: "notice", notice });
  }
}

/** Newest first, so that what is on the screen fills soonest; ends when the filter is another one. */
async function look(filter: string, captures: readonly Capture[], tools: Tools): Promise<void> {
  const { source, state, dispatch } = tools;
  for (let at = 0; at < captures.length; at += AT_A_TIME * 4) {
    const { filter: now } = state();
    if (now.text !== filter) return;
    const found = new Map<string, boolean>();
    const some = captures.slice(at, at + AT_A_TIME * 4);
    await eachOf(some, async (capture) => {
      const body = await source.body(capture.id);
      found.set(capture.id, body !== undefined && matchesBody(capture, body, now.terms));
    });
    dispatch({ kind: "looked", filter, found });
  }
}

async function eachOf<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const workers = Array.from({ length: AT_A_TIME }, async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await run(item);
  });
  await Promise.all(workers);
}

async function save(id: string, name: string, { source, dispatch }: Tools): Promise<void> {
  const wrong = source.nameProblem(name);
  if (wrong !== undefined) return dispatch({ kind: "saveFailed", problem: `The name ${wrong}.` });
  try {
    const path = await source.save(id, name);
    dispatch({ kind: "saved", name, path });
  } catch (error) {
    dispatch({ kind: "saveFailed", problem: error instanceof Error ? error.message : String(error) });
  }
}

async function edit(id: string, { source, host, state, dispatch }: Tools): Promise<void> {
  const { capture, body } = await captureOf(id, { source, state });
  const before = requestToText({ ...capture, body });
  let edited: Buffer | undefined;
  await host.suspend(async () => {
    edited = await source.edit(before);
  });
  const request = edited && requestFromText(edited, before);
  if (request === undefined) {
    return dispatch({ kind: "notice", notice: { text: "Nothing was changed, nothing sent.", tone: "plain" } });
  }
  dispatch({ kind: "notice", notice: sentNotice(await source.send(request)) });
}

function sentNotice({ status }: { readonly status: number }): Notice {
  return { text: `Sent: answered ${status}.`, tone: status < 400 ? "good" : "bad" };
}

async function copyAsCurl(id: string, { source, host, state, dispatch }: Tools): Promise<void> {
  const { capture, body } = await captureOf(id, { source, state });
  const command = toCurl({ ...capture, body }, new URL(source.url).origin);
  if (command === undefined) {
    const text = `The body (${sizeOf(body.length)}) is too long for a command line: save it (s) and send it by wf trigger --test-data.`;
    return dispatch({ kind: "notice", notice: { text, tone: "bad" } });
  }
  const fits = Buffer.byteLength(command, "utf8") * 1.34 < MAX_COPIED;
  if (fits) host.copy(command);
  const text = fits
    ? "Copied, where the terminal lets programs copy (OSC 52)."
    : "Too long for the terminal's clipboard; select it here.";
  dispatch({
    kind: "text",
    title: "As curl",
    lines: command.split("\n"),
    notice: { text, tone: fits ? "good" : "plain" },
  });
}

async function exportHar(ids: readonly string[], { source, state, dispatch }: Tools): Promise<void> {
  const wanted = new Set(ids);
  const captures = state().captures.filter(({ id }) => wanted.has(id));
  const bodies = new Map<string, Buffer | undefined>();
  await eachOf(captures, async ({ id }) => {
    bodies.set(id, await source.body(id));
  });
  const inOrder = captures.map(({ id }) => bodies.get(id));
  const har = toHar(captures, inOrder, { origin: new URL(source.url).origin, version: readVersion() });
  const stamp = new Date().toISOString().slice(0, 19).replace(/\D+/g, "-");
  const path = await source.writeFile(`${source.workflowId}-${stamp}.har`, har);
  const count = `${captures.length} capture${captures.length === 1 ? "" : "s"}`;
  dispatch({ kind: "notice", notice: { text: `Wrote ${count} to ${path}.`, tone: "good" } });
}

async function captureOf(
  id: string,
  { source, state }: Pick<Tools, "source" | "state">,
): Promise<{ readonly capture: Capture; readonly body: Buffer }> {
  const capture = state().captures.find((one) => one.id === id);
  const body = await source.body(id);
  if (capture === undefined || body === undefined) throw new Error("The store has dropped this capture.");
  return { capture, body };
}
