/** A line of text being typed. No I/O. */

/** Longest text that can be typed. */
export const MAX_TYPED = 200;

/** The text after a key; undefined for keys that do not type. */
export function typeInto(text: string, key: string): string | undefined {
  switch (key) {
    case "backspace":
    case "delete":
      return Array.from(text).slice(0, -1).join("");
    case "ctrl-u":
      return "";
    case "ctrl-w":
      return text.replace(/\S*\s*$/u, "");
    default:
      return isTyped(key) ? (text + key).slice(0, MAX_TYPED) : undefined;
  }
}

const NAMED = /^(?:ctrl-.|shift-tab|tab|enter|escape|up|down|left|right|home|end|pageup|pagedown)$/;

function isTyped(key: string): boolean {
  return key !== "" && !NAMED.test(key) && !/\p{C}/u.test(key);
}
