/** Loads what the detail pane shows, one thing at a time, and keeps the bodies looked at last. */
import type { Capture } from "../engine/captures.ts";
import { type LineView, viewOf } from "./line-view.ts";
import {
  bodyContent,
  diffContent,
  failedContent,
  gone,
  headersContent,
  responseContent,
  schemaContent,
  stepsContent,
} from "./shelf-content.ts";
import { layOutShelf } from "./shelf-layout.ts";
import { line, own } from "./shelf-line.ts";
import type { ShelfSource } from "./shelf-source.ts";
import { comparedCapture, selectedCapture, type ShelfState, type Tab } from "./shelf-state.ts";

interface Wanted {
  readonly key: string;
  readonly tab: Tab;
  readonly capture: Capture;
  readonly compared: Capture | undefined;
}

/** Bodies of so many bytes are kept. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** A body is broken into lines so many bytes at a time, a few milliseconds of work. */
const SLICE_BYTES = 256 * 1024;
/** Loading that takes longer says so. */
const PATIENCE_MS = 150;
/** An execution that has not ended is looked at again. */
const AGAIN_MS = 1000;

export class ContentLoader {
  readonly #source: ShelfSource;
  readonly #changed: () => void;
  readonly #bodies = new Map<string, Buffer>();
  #keptBytes = 0;
  #wanted: Wanted | undefined;
  #loading = false;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Undefined where nothing is selected, or the detail does not show. */
  view: LineView | undefined;

  /** @param changed - Called when the view is another one, or has found more lines. */
  constructor(source: ShelfSource, changed: () => void) {
    this.#source = source;
    this.#changed = changed;
  }

  /** Makes the view that of the state. @returns Its lines so far, where it changed. */
  look(state: ShelfState): number | undefined {
    const wanted = wantedBy(state);
    if (wanted?.key === this.#wanted?.key) return undefined;
    this.#wanted = wanted;
    clearTimeout(this.#timer);
    this.view = wanted === undefined ? undefined : (atOnce(wanted) ?? viewOf([]));
    if (wanted === undefined || atOnce(wanted) !== undefined) return this.view?.known ?? 0;
    this.#timer = setTimeout(() => {
      this.view = viewOf([line(own("Loading …", "dim"))]);
      this.#changed();
    }, PATIENCE_MS);
    if (!this.#loading) void this.#load();
    return 0;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#bodies.clear();
  }

  /** Loads until what was loaded is what is wanted: moving fast through the list skips what lies between. */
  async #load(): Promise<void> {
    this.#loading = true;
    try {
      for (;;) {
        const wanted = this.#wanted;
        if (wanted === undefined || this.#isClosed || atOnce(wanted) !== undefined) return;
        const loaded = await this.#loadOne(wanted);
        if (this.#isClosed) return;
        if (this.#wanted?.key !== wanted.key) continue;
        clearTimeout(this.#timer);
        this.view = loaded.view;
        if (loaded.again) this.#timer = setTimeout(() => void this.#load(), AGAIN_MS);
        this.#scan(loaded.view);
        return;
      }
    } finally {
      this.#loading = false;
    }
  }

  #scan(view: LineView): void {
    if (this.#isClosed || this.view !== view) return;
    view.advance(SLICE_BYTES);
    this.#changed();
    // Between two slices keys are heard and frames drawn.
    if (!view.complete) setImmediate(() => this.#scan(view));
  }

  async #loadOne({ tab, capture, compared }: Wanted): Promise<{ readonly view: LineView; readonly again?: boolean }> {
    try {
      switch (tab) {
        case "body":
          return { view: bodyContent(capture, await this.#body(capture)) };
        case "diff": {
          const [body, other] = await Promise.all([this.#body(capture), compared && this.#body(compared)]);
          if (body === undefined || (compared !== undefined && other === undefined)) return { view: gone() };
          const before = compared && other && { capture: compared, body: other };
          return { view: diffContent({ capture, body }, before) };
        }
        case "schema":
          return { view: schemaContent((await this.#source.inferRules([capture.id])).yaml) };
        case "steps": {
          if (capture.executionId === null) return { view: stepsContent(capture, undefined) };
          const execution = await this.#source.execution(capture.executionId);
          return { view: stepsContent(capture, execution), again: !execution.ended };
        }
        default:
          return { view: viewOf([]) };
      }
    } catch (error) {
      return { view: failedContent(error instanceof Error ? error.message : String(error)) };
    }
  }

  async #body({ id, bodySize }: Capture): Promise<Buffer | undefined> {
    const kept = this.#bodies.get(id);
    if (kept !== undefined) return kept;
    const body = await this.#source.body(id);
    if (body === undefined) return undefined;
    for (const [oldest, bytes] of this.#bodies) {
      if (this.#keptBytes + bodySize <= KEPT_BYTES) break;
      this.#bodies.delete(oldest);
      this.#keptBytes -= bytes.length;
    }
    this.#bodies.set(id, body);
    this.#keptBytes += body.length;
    return body;
  }
}

function wantedBy(state: ShelfState): Wanted | undefined {
  const isVisible = state.focus === "detail" || layOutShelf(state.size).wide;
  const capture = selectedCapture(state);
  if (!isVisible || capture === undefined) return undefined;
  const { tab } = state;
  const compared = tab === "diff" ? comparedCapture(state) : undefined;
  const { id, verdict, answer, executionId, savedAs } = capture;
  const settled = `${verdict?.kind} ${answer?.status} ${executionId} ${tab === "headers" ? savedAs : ""}`;
  return { key: `${id} ${tab} ${settled} ${compared?.id}`, tab, capture, compared };
}

/** What needs nothing loaded. */
function atOnce({ tab, capture }: Wanted): LineView | undefined {
  if (tab === "headers") return headersContent(capture);
  return tab === "response" ? responseContent(capture) : undefined;
}
