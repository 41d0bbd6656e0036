import { describe, expect, test } from "vitest";
import { checkProject } from "../../src/workflow/check-project.ts";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import { problemToJson, renderProblem, type Problem } from "../../src/workflow/problem.ts";
import { ProjectFolder } from "./project-folder.ts";

function check(yaml: string): string[] {
  const { problems } = parseWorkflow({ workflowId: "x", file: "workflows/x.yaml", yaml, modules: {} });
  return problems.map(({ place, severity, check: name }) => `${place.line} ${severity} ${name}`);
}

const steps = (yaml: string): string => `trigger: { request: {} }\nsteps:\n${yaml}`;
const GET = "http: { url: https://a.example }";

describe("names in expressions", () => {
  test.each([
    [
      "a later step",
      `  - fail: \${{ steps.b.body }}\n    if: "true"\n  - id: b\n    ${GET}\n`,
      ["3 error unknown-step"],
    ],
    ["itself", `  - id: b\n    ${GET}\n    if: steps.b.statusCode == 1\n`, ["5 error unknown-step"]],
    [
      "a step of a branch, afterwards",
      `  - parallel: { l: [{ id: b, ${GET} }] }\n  - fail: \${{ steps.b.body }}\n`,
      [],
    ],
    [
      "a step of a sibling branch",
      `  - parallel:\n      l: [{ id: b, ${GET} }]\n      r: [{ fail: "\${{ steps.b.body }}" }]\n`,
      ["5 error unknown-step"],
    ],
    [
      "a step of a case, afterwards",
      `  - switch: [{ when: 1 == 1, steps: [{ id: b, ${GET} }] }]\n  - fail: \${{ steps.b.body }}\n`,
      [],
    ],
    [
      "a step of a foreach, afterwards",
      `  - foreach: [1]\n    steps: [{ id: b, ${GET} }]\n  - fail: \${{ steps.b.body }}\n`,
      ["5 error unknown-step"],
    ],
    ["a loop's names inside", `  - foreach: [1]\n    as: x\n    steps: [{ fail: "\${{ x }} \${{ x_index }}" }]\n`, []],
    [
      "a loop's name outside",
      `  - foreach: [1]\n    as: x\n    steps: []\n  - fail: \${{ x }}\n`,
      ["6 error unknown-variable"],
    ],
    ["no output of http", `  - id: b\n    ${GET}\n  - fail: \${{ steps.b.status }}\n`, ["5 error unknown-name"]],
    ["error outside on_error", `  - fail: \${{ error.code }}\n`, ["3 error unknown-variable"]],
    ["error in on_error", `  - delay: 1s\non_error:\n  - fail: \${{ error.code }}\n`, []],
    ["a header in capitals", `  - fail: \${{ trigger.headers["X-Id"] }}\n`, ["3 error header-case"]],
    ["a macro's variable", `  - fail: '\${{ trigger.body.xs.exists(y, y.z == 1) ? "a" : "b" }}'\n`, []],
  ])("%s", (_name, yaml, problems) => {
    expect(check(steps(yaml))).toEqual(problems);
  });

  test("fields are known from the rules", () => {
    const yaml = (additional: string, path: string) =>
      `trigger:\n  request:\n    additional: ${additional}\n    body: { email: email, o: { type: object, properties: { name: string } } }\nsteps:\n  - fail: \${{ trigger.body.${path} }}\n`;
    expect(check(yaml("reject", "o.name"))).toEqual([]);
    expect(check(yaml("reject", "other"))).toEqual(["6 error unknown-field"]);
    expect(check(yaml("reject", "o.other"))).toEqual(["6 error unknown-field"]);
    expect(check(yaml("allow", "other"))).toEqual([]);
    expect(check(yaml("allow", "emial"))).toEqual(["6 warning unknown-field"]);
    expect(check(yaml("allow", "email.x"))).toEqual(["6 error unknown-field"]);
  });

  test("idempotency sees the trigger only", () => {
    expect(check(`idempotency: secrets.X\n${steps("  - delay: 1s\n")}`)).toEqual(["1 error unknown-variable"]);
  });
});

describe("rules that cannot hold", () => {
  test.each([
    "{ type: integer, minimum: 3, maximum: 2 }",
    "{ type: integer, exclusive_minimum: 1, exclusive_maximum: 2 }",
    "{ type: number, minimum: 1, exclusive_maximum: 1 }",
    "{ type: number, multiple_of: 10, minimum: 1, maximum: 9 }",
    "{ type: string, min_length: 3, max_length: 2 }",
    "{ type: array, min_items: 3, max_items: 2 }",
    "{ type: integer, enum: [1, a] }",
    "{ type: integer, equals: 1.5 }",
    "{ type: string, enum: [abc], max_length: 2 }",
    "{ type: string, equals: abc, pattern: ^x }",
    "{ enum: [] }",
    "{ enum: [a], equals: b }",
    "{ type: string, equals: null }",
  ])("%s", (rule) => {
    expect(check(`trigger: { request: { body: { a: ${rule} } } }\nsteps: []\n`)).toEqual(["1 error rule-impossible"]);
  });

  test.each([
    "{ type: number, multiple_of: 0.1, minimum: 0.3, maximum: 0.3 }",
    "{ type: integer, minimum: 2, maximum: 2, equals: 2 }",
    "{ type: string, nullable: true, equals: null }",
  ])("%s can", (rule) => {
    expect(check(`trigger: { request: { body: { a: ${rule} } } }\nsteps: []\n`)).toEqual([]);
  });

  test.each([
    ["pattern: '(?=a)b'", "regex-not-linear"],
    ["pattern: '(a)\\1'", "regex-not-linear"],
    ["pattern: '('", "regex-invalid"],
    ["minimum: 1", "rule-without-effect"],
  ])("%s", (rule, name) => {
    const yaml = `trigger: { request: { body: { a: { type: string, ${rule} } } } }\nsteps: []\n`;
    expect(check(yaml)).toEqual([`1 error ${name}`]);
  });
});

describe("responses", () => {
  test.each([
    ["a second one", "  - response: {}\n  - response: {}\n", ["4 error response-unheard"]],
    ["one after a conditional one", "  - response: {}\n    if: 1 == 2\n  - response: {}\n", []],
    [
      "one after a switch that always answers",
      "  - switch: [{ when: 1 == 1, steps: [{ response: {} }] }, { else: [{ response: {} }] }]\n  - response: {}\n",
      ["4 error response-unheard"],
    ],
    [
      "one after a switch that may not answer",
      "  - switch: [{ when: 1 == 1, steps: [{ response: {} }] }]\n  - response: {}\n",
      [],
    ],
    ["one in a foreach", "  - foreach: [1]\n    steps: [{ response: {} }]\n", ["4 error response-unheard"]],
    [
      "two branches",
      "  - parallel:\n      a: [{ response: {} }]\n      b: [{ response: {} }]\n",
      ["5 error response-unheard"],
    ],
    ["one after a long delay", "  - delay: 1m\n  - response: {}\n", ["4 warning response-late"]],
    ["one after a fail", "  - fail: x\n  - response: {}\n", ["4 warning unreachable-step"]],
  ])("%s", (_name, yaml, problems) => {
    expect(check(steps(yaml))).toEqual(problems);
  });
});

describe("a project", () => {
  const flow = (yaml: string) => steps(yaml);

  test("unknown workflows, circles, modules and settings are found", async () => {
    using folder = new ProjectFolder({
      "wf.yaml": "sever: { port: 1 }\n",
      "workflows/a.yaml": flow("  - workflow: b\n"),
      "workflows/b.yaml": flow("  - workflow: a\n"),
      "workflows/c.yaml": flow("  - workflow: d\n  - workflow: bb\n"),
      "workflows/self.yaml": flow("  - workflow: self\n"),
      "workflows/f.yaml": flow(
        "  - function: ./functions/missing.ts\n  - function: ./functions/one.ts\n  - function: ../../out.ts\n",
      ),
      "workflows/functions/one.ts": "import { x } from './two';\nimport './broken.ts';\nexport const y: number = x;\n",
      "workflows/functions/two.ts": "export const x = 1;\n",
      "workflows/functions/broken.ts": "export const = 1;\n",
      "workflows/Bad Name.yaml": flow("  - delay: 1s\n"),
    });
    const { problems, sources, count } = await checkProject(folder.root);
    const seen = problems.map(({ file, place, check: name }) => `${file}:${place.line} ${name}`);
    expect(seen.toSorted()).toEqual(
      [
        "wf.yaml:1 unknown-key",
        "workflows/Bad Name.yaml:1 bad-file-name",
        "workflows/a.yaml:3 workflow-cycle",
        "workflows/b.yaml:3 workflow-cycle",
        "workflows/c.yaml:3 unknown-workflow",
        "workflows/c.yaml:4 unknown-workflow",
        "workflows/f.yaml:3 function-missing",
        "workflows/f.yaml:4 function-no-default",
        "workflows/f.yaml:5 bad-module",
        "workflows/functions/broken.ts:1 function-syntax",
        "workflows/functions/one.ts:1 import-missing",
        "workflows/self.yaml:3 workflow-cycle",
      ].toSorted(),
    );
    expect(count).toBe(9);
    for (const { file } of problems) expect(sources.has(file)).toBe(true);
    const one = await checkProject(folder.root, [folder.path("workflows/a.yaml")]);
    expect(one.problems.map(({ file }) => file)).toEqual(["workflows/a.yaml"]);
    await expect(checkProject(folder.root, [folder.path("nope.yaml")])).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("a problem as text", () => {
  const problem: Problem = {
    severity: "error",
    check: "unknown-key",
    file: "workflows/a.yaml",
    place: { line: 2, column: 3, length: 4 },
    message: "no such key",
    hint: "Did you mean `name`?",
  };

  test("has place, line, caret and hint", () => {
    expect(renderProblem(problem, "a: 1\n  nmae: x\n")).toBe(
      [
        "workflows/a.yaml:2:3 error unknown-key",
        " 2 |   nmae: x",
        "   |   ^^^^ no such key",
        "   = hint: Did you mean `name`?",
      ].join("\n"),
    );
    expect(renderProblem(problem, "a: 1\n  nmae: x\n", { color: true })).toContain("\u001B[31merror\u001B[0m");
    expect(problemToJson(problem)).toMatchObject({ file: "workflows/a.yaml", line: 2, column: 3, length: 4 });
  });

  test("cuts long lines around the caret and never obeys control characters", () => {
    const line = `${"x".repeat(5000)}\u001B[2Jhere${"y".repeat(5000)}`;
    const text = renderProblem({ ...problem, place: { line: 1, column: 5005, length: 4 } }, line);
    expect(text).not.toContain("\u001B");
    const [, source, caret] = text.split("\n");
    expect(source?.length).toBeLessThan(130);
    expect(source?.slice(caret?.indexOf("^"), (caret?.indexOf("^") ?? 0) + 4)).toBe("here");
  });

  test("keeps the caret under the name behind tabs and wide characters", () => {
    const caret = (line: string, column: number) =>
      renderProblem({ ...problem, place: { line: 1, column, length: 1 } }, line)
        .split("\n")[2]
        ?.indexOf("^");
    expect(caret("\tx", 2)).toBe(5 + 2);
    expect(caret("日本x", 3)).toBe(5 + 4);
  });
});

test("a header with a dash after a dot gets one problem that says how to write it", () => {
  const yaml = steps('  - fail: "${{ trigger.headers.x-api-version }}"\n');
  const { problems } = parseWorkflow({ workflowId: "x", file: "workflows/x.yaml", yaml, modules: {} });
  expect(problems.map(({ check: name, hint, place }) => [name, hint, place.length])).toEqual([
    ["header-dash", 'Write `trigger.headers["x-api-version"]`.', "x-api-version".length],
  ]);
  expect(check(steps('  - fail: "${{ trigger.headers.count - 1 }}"\n'))).toEqual([]);
  expect(check(steps('  - fail: "${{ trigger.headers.content-type }}"\n'))).toEqual(["3 error header-dash"]);
});

test.each(["ts", "js"])("a mistake in a .%s function is shown where it stands", async (extension) => {
  using project = new ProjectFolder({
    "workflows/f.yaml": steps(`  - function: ./broken.${extension}\n`),
    [`workflows/broken.${extension}`]: "const a = 1;\n\nexport default ({ input }) => {\n  return (input;\n};\n",
  });
  const { problems } = await checkProject(project.root);
  expect(problems).toMatchObject([
    { check: "function-syntax", file: `workflows/broken.${extension}`, place: { line: 4, column: 16 } },
  ]);
});
