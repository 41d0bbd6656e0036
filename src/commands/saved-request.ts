/** Test data as the request that it sends again. */
import { fillSecrets } from "../capture/redact.ts";
import { requestOf, type TestRequest } from "../capture/test-data.ts";
import { readTestData } from "../capture/test-data-file.ts";
import type { CapturedRequest } from "../engine/captures.ts";
import { Secrets } from "../secrets.ts";
import { CONNECTION_FIELDS } from "../workflow/header-syntax.ts";
import { listWorkflowIds } from "../workflow/load.ts";
import { findRoot } from "./project.ts";
import { requireWorkflow } from "./workflow-id.ts";

/**
 * Loads test data and puts the project's secrets into it.
 *
 * @param replaced - Lower-case names of headers that are given anew: they need no secret for their old values.
 * @throws {@link WfError} `WORKFLOW_NOT_FOUND`, `TEST_DATA_NOT_FOUND`, `TEST_DATA_INVALID`, `SECRET_MISSING`
 */
export async function loadSavedRequest(
  workflow: string,
  name: string,
  dir: string | undefined,
  replaced: ReadonlySet<string>,
): Promise<CapturedRequest> {
  const root = findRoot(dir);
  requireWorkflow(workflow, await listWorkflowIds(root));
  const data = await readTestData(root, workflow, name);
  const skip = new Set([...replaced].map((header) => `headers.${header}`));
  const request = requestOf(fillSecrets(data, Secrets.load(root).values, { skip }));
  return { ...request, headers: endToEnd(request.headers) };
}

/** Without the fields of the old connection: the new one has its own (RFC 9110, section 7.6.1). */
function endToEnd(headers: TestRequest["headers"]): TestRequest["headers"] {
  const named = headers
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) =>
      value
        .toLowerCase()
        .split(",")
        .map((one) => one.trim()),
    );
  const dropped = new Set([...CONNECTION_FIELDS, "host", "expect", ...named]);
  return headers.filter(([name]) => !dropped.has(name.toLowerCase()));
}
