/** Fields of a query or an urlencoded form, changed without touching the others' spelling. No I/O. */

/**
 * Sets a field: the first of its name gets the value in its place, others of that name go; a new one comes last.
 *
 * @param text - Without `?`.
 * @param value - A list repeats the field; undefined takes it away.
 */
export function withField(text: string, name: string, value: string | readonly string[] | undefined): string {
  const values = value === undefined ? [] : typeof value === "string" ? [value] : value;
  const written = values.map((one) => new URLSearchParams([[name, one]]).toString());
  const fields = text === "" ? [] : text.split("&");
  const first = fields.findIndex((field) => nameOf(field) === name);
  const others = fields.filter((field) => nameOf(field) !== name);
  return others.toSpliced(first < 0 ? others.length : first, 0, ...written).join("&");
}

function nameOf(field: string): string | undefined {
  return new URLSearchParams(field).keys().next().value;
}
