/** The query of a request's URL. No I/O. */
import { WfError } from "../errors.ts";
import type { ValueObject } from "../value.ts";
import { parseFields } from "./urlencoded.ts";

/**
 * @param search - What follows the path, with or without the `?`; a fragment is not expected.
 * @returns Text by name, a list of texts for a name that comes more than once.
 * @throws {@link WfError} `REQUEST_INVALID` for a malformed percent-encoding and for a field named `__proto__`
 */
export function parseQuery(search: string): ValueObject {
  const text = search.startsWith("?") ? search.slice(1) : search;
  return text === "" ? {} : parseFields(text, queryError);
}

function queryError(reason: string): WfError {
  return new WfError("REQUEST_INVALID", `The query ${reason}`, { hint: "Percent-encode the query as UTF-8." });
}
