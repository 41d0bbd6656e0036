import { reduce } from "../../src/capture/shelf-keys.ts";
import {
  initialState,
  selectedIndex,
  type ShelfEffect,
  type ShelfEvent,
  type ShelfState,
} from "../../src/capture/shelf-state.ts";
import type { Capture } from "../../src/engine/captures.ts";
import { capture } from "./fake-shelf-source.ts";

/** A shelf that remembers its effects. */
export class Shelf {
  state: ShelfState = initialState("lead-created", "http://127.0.0.1:4000/test/lead-created", {
    columns: 80,
    rows: 24,
  });
  effects: ShelfEffect[] = [];

  do(event: ShelfEvent): this {
    const { state, effects } = reduce(this.state, event);
    this.state = state;
    this.effects.push(...effects);
    return this;
  }

  press(...keys: readonly string[]): this {
    for (const key of keys) this.do({ kind: "key", key });
    return this;
  }

  type(text: string): this {
    return this.press(...Array.from(text));
  }

  arrive(...captures: readonly Capture[]): this {
    return this.do({ kind: "captures", captures, fresh: true });
  }

  get selected(): number {
    return selectedIndex(this.state);
  }

  get ids(): string[] {
    return this.state.shown.map(({ id }) => id);
  }
}

export function shelfOf(count: number, more: (number: number) => Partial<Capture> = () => ({})): Shelf {
  const captures = Array.from({ length: count }, (_, number) => capture(number, more(number)));
  return new Shelf().do({ kind: "captures", captures, fresh: false }).do({ kind: "loaded" });
}

export const id = (number: number): string => capture(number).id;
