/** What a field's name tells about its values, where the samples alone would mislead. No I/O. */
import { hidesExpected } from "../workflow/rule-text.ts";

/** Written by people: one that happens to be an address or a date says nothing about the next. */
const FREE_TEXT = words(
  "body comment content description label message name note notes query q search subject summary text title value",
);

/** Of few possible values, all of which may come up soon. */
const CHOICE = words(
  "action category channel color currency environment env event format gender kind level locale lang language method mode",
  "object plan platform priority reason region resource role scope severity size source stage state status tier topic type",
  "unit visibility",
);

/** Texts of digits that are no numbers: 02134 follows on 90210. */
const DIGITS = words(
  "account code document ean fax id ids iban isbn key mobile number no phone pin postal postcode ref reference serial sku",
  "ssn tel telephone token upc vat version zip zipcode hash sha order invoice ticket customer user",
);

/** Numbers that are whole by chance. */
const DECIMAL = words(
  "amount average avg balance cost degrees discount distance duration fee height humidity lat latitude lng lon longitude",
  "percent percentage price rate rating ratio score subtotal tax temperature total volume weight width",
);

const MAX_NAME_LENGTH = 500;

export function isFreeText(name: string): boolean {
  return FREE_TEXT.has(lastWord(name));
}

/** True for names whose values may be listed; never for what might be a secret. */
export function isChoice(name: string): boolean {
  return CHOICE.has(lastWord(name)) && !hidesExpected(name);
}

/** True where a text of digits may be taken for a number. */
export function isNumberOfText(name: string): boolean {
  return !DIGITS.has(lastWord(name));
}

export function isDecimal(name: string): boolean {
  return DECIMAL.has(lastWord(name));
}

/** True for what can be a key in a workflow file. */
export function isNameable(name: string): boolean {
  return name !== "__proto__" && name.length <= MAX_NAME_LENGTH && name.isWellFormed();
}

/** `billing_address.zipCode` → `code`: the last word says what it is. Plurals count as their singular where that is known. */
function lastWord(name: string): string {
  const word = name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .findLast((part) => part !== "");
  return word ?? "";
}

function words(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(" ")));
}
