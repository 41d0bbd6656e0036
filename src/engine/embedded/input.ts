/** The trigger's input as rows keep it. No I/O. */
import type { Value } from "../../value.ts";
import type { ExecutionStart, TriggerInput } from "../engine.ts";
import { type EncodedValue, encodeValue, recordValue, type Scrub } from "../record.ts";

/** The input ready to be written, and as the walk is to see it. */
export interface EncodedInput extends EncodedValue {
  readonly input: TriggerInput;
}

/** @throws {@link WfError} `STEP_INVALID` for what JSON cannot hold */
export function encodeInput(start: ExecutionStart, scrub: Scrub | undefined): EncodedInput {
  const { input, bodyText } = start;
  // Escapes that JSON.stringify would not write could hide a secret from the scrub.
  if (bodyText !== undefined && input.file === undefined && !(scrub !== undefined && /\\[u/]/.test(bodyText))) {
    const { method, url, query, headers, userId } = input;
    const encoded = encodeValue({ method, url, query, headers, ...(userId === undefined ? {} : { userId }) }, Infinity);
    const json = `${encoded.json.slice(0, -1)},"body":${bodyText}}`;
    if (encoded.files === null && (scrub === undefined || scrub(json) === json)) return { json, files: null, input };
  }
  const recorded = recordValue(input as unknown as Value, scrub, Infinity);
  return { json: recorded.json, files: recorded.files, input: recorded.value as unknown as TriggerInput };
}
