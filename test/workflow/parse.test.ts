import { describe, expect, test } from "vitest";
import type { Definition } from "../../src/workflow/definition.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";

const HEAD = "trigger: { request: {} }\n";

function parse(yaml: string) {
  return parseWorkflow({ workflowId: "x", file: "workflows/x.yaml", yaml, modules: {} });
}

function good(yaml: string): Definition {
  const { definition, problems } = parse(yaml);
  expect(problems).toEqual([]);
  if (!definition) throw new Error("no definition");
  return definition;
}

/** `line:column check` of every problem. */
function found(yaml: string): string[] {
  return parse(yaml).problems.map(({ place, check }) => `${place.line}:${place.column} ${check}`);
}

describe("reading a file", () => {
  test("yields every kind of step with its defaults", () => {
    const definition = good(`${HEAD}steps:
  - id: a
    http: { url: https://a.example/x }
  - function: ./functions/score.ts
    with: { n: 1 }
  - switch:
      - when: steps.a.statusCode == 200
        steps: [{ id: inner, fail: "no" }]
      - else: []
  - foreach: [1, 2]
    steps: [{ delay: 5s }]
  - parallel:
      left: [{ delay: { until: 2027-01-01T00:00:00Z } }]
      right: []
  - workflow: other
  - fail: \${{ steps.a.body }}
    if: "false"
  - response: {}
`);
    expect(definition.steps.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      "a http",
      "function_1 function",
      "switch_1 switch",
      "foreach_1 foreach",
      "parallel_1 parallel",
      "workflow_1 workflow",
      "fail_1 fail",
      "response_1 response",
    ]);
    expect(definition.responds).toBe(true);
    expect(definition.steps[0]).toMatchObject({
      line: 3,
      named: true,
      onError: "fail",
      http: { method: "GET", maxRedirects: 5, maxResponseBytes: 10_000_000, response: "auto", hostIsLiteral: true },
    });
    expect(definition.steps[1]).toMatchObject({
      module: "workflows/functions/score.ts",
      timeoutMs: 30_000,
      maxMemoryBytes: 128_000_000,
    });
    expect(definition.steps[3]).toMatchObject({ as: "item", concurrency: 10 });
  });

  test("ids that are made up stay clear of the file's own", () => {
    const { steps } = good(`${HEAD}steps:\n  - fail: a\n    if: "true"\n  - id: fail_1\n    delay: 1s\n`);
    expect(steps.map(({ id }) => id)).toEqual(["fail_2", "fail_1"]);
  });

  test("the hash follows the text and the modules", () => {
    const source = {
      workflowId: "x",
      file: "workflows/x.yaml",
      yaml: `${HEAD}steps: []\n`,
      modules: { a: "1", b: "2" },
    };
    const hash = parseWorkflow(source).definition?.hash;
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(parseWorkflow({ ...source, modules: { b: "2", a: "1" } }).definition?.hash).toBe(hash);
    expect(parseWorkflow({ ...source, modules: { a: "1", b: "3" } }).definition?.hash).not.toBe(hash);
  });

  test.each([
    ["retry: true", { max: 5, delaysMs: [10_000, 20_000, 30_000, 50_000, 80_000], backoff: 1 }],
    ["retry: 2", { max: 2 }],
    [
      "retry: { max: 50, delay: 1s, backoff: 2, max_delay: 1m }",
      { max: 50, delaysMs: [1000], backoff: 2, maxDelayMs: 60_000 },
    ],
    ["retry: { delay: [1s, 2s], when: error.code == 'HTTP_STATUS' }", { max: 5, delaysMs: [1000, 2000] }],
  ])("%s", (retry, policy) => {
    const [step] = good(`${HEAD}steps:\n  - http: { url: https://a.example }\n    ${retry}\n`).steps;
    expect(step?.retry).toMatchObject(policy);
  });

  test.each([
    ["https://a.example/${{ trigger.query.x }}", true],
    ["https://a.example:8080?x=${{ trigger.query.x }}", true],
    ["https://a.example${{ trigger.query.x }}", false],
    ["https://a.example:${{ trigger.query.x }}/", false],
    ["https://user@${{ trigger.query.x }}/", false],
    ["https:///${{ trigger.query.x }}/", false],
    ["https://a.example\\\\${{ trigger.query.x }}/", false],
    ["${{ trigger.query.x }}", false],
  ])("the host of %s is literal: %s", (url, literal) => {
    const [step] = good(`${HEAD}steps:\n  - http: { url: "${url}" }\n`).steps;
    expect(step).toMatchObject({ http: { hostIsLiteral: literal } });
  });
});

describe("YAML", () => {
  test.each([
    ["CRLF", `${HEAD}steps:\n  - response: {}\n`.replaceAll("\n", "\r\n")],
    ["a byte order mark", `\uFEFF${HEAD}steps: []\n`],
    [
      "anchors and merge keys",
      `${HEAD}steps:\n  - http: &h { url: "https://a.example", method: PUT }\n  - http: { <<: *h, json: 1 }\n`,
    ],
    ["keys that look like numbers", `${HEAD}steps:\n  - response: { json: { 200: ok } }\n`],
  ])("%s works", (_name, yaml) => {
    good(yaml);
  });

  test.each([
    ["a tab", `${HEAD}steps:\n\t- response: {}\n`, ["3:1 yaml-syntax"]],
    ["nothing", "", ["1:1 empty-file"]],
    ["comments only", "# hello\n", ["1:1 empty-file"]],
    ["a list", "- a\n", ["1:1 wrong-type"]],
    ["two documents", `${HEAD}steps: []\n---\na: 1\n`, ["3:1 yaml-documents"]],
    ["an equal key", `${HEAD}steps: []\nsteps: []\n`, ["3:1 duplicate-key"]],
    ["__proto__", `${HEAD}steps: []\n__proto__: { a: 1 }\n`, ["3:1 key-refused"]],
    ["a list as a key", `${HEAD}steps: []\n? [a]\n: 1\n`, ["3:3 key-not-text"]],
    ["an unknown alias", `${HEAD}steps: *nowhere\n`, ["2:8 yaml-alias"]],
    ["an alias inside its anchor", `${HEAD}steps: &a [*a]\n`, ["2:12 yaml-alias"]],
    ["a tag", `${HEAD}steps: []\nidempotency: !has(trigger.body)\n`, ["3:14 yaml-syntax"]],
    ["a number past 2^53", `${HEAD}steps: [{ response: { json: 9007199254740993 } }]\n`, ["2:29 number-range"]],
    ["infinity", `${HEAD}steps: [{ response: { json: .inf } }]\n`, ["2:29 number-range"]],
    ["a NUL", `${HEAD}steps: []\0`, ["2:10 yaml-syntax"]],
    ["too many brackets", "[".repeat(100_000), [expect.stringContaining("yaml-depth")]],
    ["10 MB", "a".repeat(10_000_000), ["1:1 file-too-large"]],
  ])("%s is one clear problem", (_name, yaml, problems) => {
    expect(found(yaml)).toEqual(problems);
  });

  test("an anchor bomb is refused", () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) =>
        `k${i}: &k${i} [${
          i === 0
            ? "1"
            : Array(10)
                .fill(`*k${i - 1}`)
                .join(", ")
        }]`,
    );
    expect(found(levels.join("\n"))).toEqual([expect.stringContaining("yaml-alias")]);
  });

  test("a file of many keys and many mistakes stays bounded", () => {
    const yaml = Array.from({ length: 50_000 }, (_, i) => `key${i}: 1`).join("\n");
    const { problems } = parse(yaml);
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)?.check).toBe("more-problems");
  });
});

describe("problems", () => {
  test("all of a file come at once, in its order, each at its place", () => {
    const yaml = `nam: x
trigger:
  request: { auht: none }
steps:
  - id: Bad-Id
    http: { url: https://a.example }
  - htp: {}
  - http: { url: https://a.example }
    delay: 5s
  - id: a
    timeout: 30
    response: {}
  - id: a
    fail: stop
`;
    expect(found(yaml)).toEqual([
      "1:1 unknown-key",
      "3:14 unknown-key",
      "5:9 bad-id",
      "7:5 unknown-key",
      "9:5 two-kinds",
      "11:14 bad-duration",
      "13:9 duplicate-id",
    ]);
    const { problems } = parse(yaml);
    expect(problems[0]?.hint).toBe("Did you mean `name`?");
    expect(problems[1]?.hint).toBe("Did you mean `auth`?");
    expect(problems[3]?.hint).toBe("Did you mean `http`?");
  });

  test("what `auth` lacks or has too much of is told where it stands", () => {
    const withAuth = (auth: string): string => `trigger: { request: { auth: ${auth} } }\nsteps: []\n`;
    expect(found(withAuth("none"))).toEqual([]);
    expect(found(withAuth("user-token"))).toEqual([]);
    expect(found(withAuth("signature"))).toEqual(["1:29 missing-key"]);
    expect(found(withAuth("{ basic: {} }"))).toEqual(["1:31 missing-key", "1:31 missing-key"]);
    expect(found(withAuth("{ bearer: { secret: sk_live-4711! } }"))).toEqual(["1:49 bad-secret"]);
    expect(found(withAuth("{ signature: { preset: githup, secret: A } }"))).toEqual(["1:52 unknown-value"]);
    const unsigned = "{ header: X-S, timestamp: { header: X-T }, content: '{body}', secret: A }";
    expect(found(withAuth(`{ signature: ${unsigned} }`))).toEqual(["1:94 bad-content"]);
    const nowhere = "{ header: X-S, content: '{timestamp}.{id}.{body}', secret: A }";
    expect(found(withAuth(`{ signature: ${nowhere} }`))).toEqual(["1:66 bad-content", "1:66 bad-content"]);
    const { problems } = parse(withAuth("{ bearer: { secret: sk_live-4711! } }"));
    expect(JSON.stringify(problems)).not.toContain("4711");
  });

  test.each([
    ["plain", "      text: hi ${{ stepz.x }}\n", "4:20"],
    ["single quotes", "      text: 'it''s ${{ stepz.x }}'\n", "4:24"],
    ["double quotes", '      text: "\\t\\u0041 ${{ stepz.x }}"\n', "4:27"],
    ["a literal block", "      text: |-\n        one\n          ${{ stepz.x }}\n", "6:15"],
    ["a folded block", "      text: >\n        one\n        two ${{ stepz.x }}\n", "6:17"],
    ["folded lines", "      text: one\n        two ${{ stepz.x }}\n", "5:17"],
  ])("an expression in %s has its caret under the name", (_name, text, place) => {
    expect(found(`${HEAD}steps:\n  - response:\n${text}`)).toEqual([`${place} unknown-variable`]);
  });
});
