/** Names of keys, from what Ink makes of a terminal's bytes. No I/O. */
import type { Key } from "ink";

const NAMED: readonly (readonly [flag: keyof Key, name: string])[] = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "pageup"],
  ["pageDown", "pagedown"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "escape"],
  ["backspace", "backspace"],
  ["delete", "delete"],
];

/** The keys of one input; several characters that came at once are so many keys. */
export function keysOf(input: string, key: Key): string[] {
  if (key.tab) return [key.shift ? "shift-tab" : "tab"];
  const named = NAMED.find(([flag]) => key[flag] === true);
  if (named) return [named[1]];
  if (key.ctrl) return input.length === 1 ? [`ctrl-${input}`] : [];
  if (key.meta || key.super) return [];
  return Array.from(input).map((character) => (character === "\r" || character === "\n" ? "enter" : character));
}
