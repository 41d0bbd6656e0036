/** Captures become test data. */
import type { Capture } from "../engine/captures.ts";
import { credentialHeaders, redactTestData, type SecretValues } from "./redact.ts";
import { nameProblem, testDataFromCapture } from "./test-data.ts";
import { listTestData, type WrittenTestData, writeTestData } from "./test-data-file.ts";

export interface SavedCapture extends WrittenTestData {
  /** Parts that hold placeholders now: `url`, `body`, `headers.<name>`. */
  readonly redacted: readonly string[];
  /** Lower-case names of headers that carry credentials and were kept as they came: worth a warning. */
  readonly credentials: readonly string[];
}

/**
 * Saves a capture as test data, without the secrets that the project knows.
 *
 * @param secrets - Values by name, as `LiveSecrets.used` yields them.
 * @param options - `credentials` replaces `authorization`, `cookie` and signature headers too; `overwrite` as in
 * `writeTestData`.
 * @throws {@link WfError} `TEST_DATA_EXISTS`; `USAGE` for a name that cannot be
 */
export async function saveCapture(
  root: string,
  capture: Capture,
  body: Buffer,
  name: string,
  secrets: SecretValues,
  options: { readonly credentials?: boolean; readonly overwrite?: boolean } = {},
): Promise<SavedCapture> {
  const data = redactTestData(testDataFromCapture(capture, body, name), secrets, options);
  const written = await writeTestData(root, data, options);
  return { ...written, redacted: Object.keys(data.redacted ?? {}), credentials: credentialHeaders(data) };
}

/** A name for a capture's test data that is not taken yet: what kind of event it is, where the sender says so. */
export async function freeName(root: string, capture: Capture): Promise<string> {
  const kind = capture.headers.find(([name]) => /^x-[a-z]+-(?:event|topic|event-type)$/i.test(name))?.[1] ?? "";
  const cleaned = kind
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 40);
  const base = cleaned === "" || nameProblem(cleaned) !== undefined ? "real" : cleaned;
  const taken = new Set(await listTestData(root, capture.workflowId));
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
  return name;
}
