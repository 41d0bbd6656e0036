/** Drives the test shelf: what the source tells becomes events, effects are carried out, the detail's content is loaded. */
import type { Capture } from "../engine/captures.ts";
import { ContentLoader } from "./shelf-loader.ts";
import { runEffect, type ShelfHost } from "./shelf-effects.ts";
import { reduce } from "./shelf-keys.ts";
import type { Size } from "./shelf-layout.ts";
import type { LineView } from "./line-view.ts";
import type { ShelfSource } from "./shelf-source.ts";
import { initialState, MAX_CAPTURES, type ShelfEvent, type ShelfState } from "./shelf-state.ts";

/** What is drawn. */
export interface ShelfSnapshot {
  readonly state: ShelfState;
  readonly view: LineView | undefined;
}

/** Captures that arrive within so long are taken in together: a frame of the screen. */
const FRAME_MS = 33;

export class ShelfSession {
  readonly #source: ShelfSource;
  readonly #host: ShelfHost;
  readonly #content: ContentLoader;
  readonly #listeners = new Set<() => void>();
  readonly #arrived = new Map<string, Capture>();
  #snapshot: ShelfSnapshot;
  #frame: NodeJS.Timeout | undefined;
  #unsubscribe: () => void = () => undefined;
  #isClosed = false;

  constructor(source: ShelfSource, size: Size, host: ShelfHost) {
    this.#source = source;
    this.#host = host;
    this.#snapshot = { state: initialState(source.workflowId, source.url, size), view: undefined };
    this.#content = new ContentLoader(source, () => this.#contentChanged());
  }

  get snapshot(): ShelfSnapshot {
    return this.#snapshot;
  }

  /** Subscribes to the source, and loads what it has. */
  start(): void {
    this.#unsubscribe = this.#source.subscribe(
      (capture) => this.#arrive(capture),
      (isUp) => this.dispatch({ kind: "link", isUp }),
    );
    void this.#load();
  }

  /** @returns Ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  dispatch(event: ShelfEvent): void {
    if (this.#isClosed) return;
    const { state, effects } = reduce(this.#snapshot.state, event);
    this.#show(state);
    for (const effect of effects) {
      void runEffect(effect, {
        source: this.#source,
        host: this.#host,
        state: () => this.#snapshot.state,
        dispatch: (next) => this.dispatch(next),
      });
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#frame);
    this.#unsubscribe();
    this.#content.close();
    this.#listeners.clear();
  }

  async #load(): Promise<void> {
    try {
      let cursor: string | undefined;
      do {
        const page = await this.#source.list(cursor);
        this.dispatch({ kind: "captures", captures: page.items, fresh: false });
        cursor = page.next;
      } while (cursor !== undefined && !this.#isClosed && this.#snapshot.state.captures.length < MAX_CAPTURES);
    } catch (error) {
      this.dispatch({ kind: "notice", notice: { text: messageOf(error), tone: "bad" } });
    }
    this.dispatch({ kind: "loaded" });
  }

  #arrive(capture: Capture): void {
    this.#arrived.set(capture.id, capture);
    this.#frame ??= setTimeout(() => {
      this.#frame = undefined;
      const captures = [...this.#arrived.values()];
      this.#arrived.clear();
      this.dispatch({ kind: "captures", captures, fresh: true });
    }, FRAME_MS);
  }

  #contentChanged(): void {
    if (!this.#isClosed) this.dispatch({ kind: "content", lines: this.#content.view?.known ?? 0 });
  }

  #show(state: ShelfState): void {
    const lines = this.#content.look(state);
    const settled = lines === undefined ? state : reduce(state, { kind: "content", lines }).state;
    this.#snapshot = { state: settled, view: this.#content.view };
    for (const listener of this.#listeners) listener();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
