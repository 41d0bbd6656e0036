import { existsSync } from "node:fs";
import { join } from "node:path";

const SOURCES = `Put these public data sets into one folder and name it in WF_CORPORA:
  github-webhooks/           payload examples of https://github.com/octokit/webhooks
  json-test-suite/           test_parsing of https://github.com/nst/JSONTestSuite
  json-schema-test-suite/    tests/draft2020-12 of https://github.com/json-schema-org/JSON-Schema-Test-Suite
  naughty-strings/           https://github.com/minimaxir/big-list-of-naughty-strings`;

/** The folder of one corpus; throws with where to get it when it is not there. */
export function corpus(name: string): string {
  const folder = join(process.env["WF_CORPORA"] ?? "corpora", name);
  if (!existsSync(folder)) throw new Error(`No corpus at ${folder}.\n${SOURCES}`);
  return folder;
}
