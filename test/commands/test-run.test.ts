import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { runTests, workflowWith } from "./test-fixture.ts";

const CALL = `
  - id: call
    http: { method: POST, url: "https://api.example.com/v1/things", json: { n: "\${{ trigger.body.n }}" } }
    retry: 3
  - response: { json: { id: "\${{ steps.call.body.id }}" } }
`;

it("runs a request through the real path, with mocks as answers, and holds it against what is expected", async () => {
  const { failures } = await runTests(
    workflowWith(CALL, {
      good: `
request: { body: { n: 1 } }
mocks:
  call: { status: 201, json: { id: t-1 }, headers: { x-limit: "5" } }
expect:
  status: 200
  headers: { content-type: application/json; charset=utf-8 }
  body: { id: t-1 }
  exact: true
  expression:
    - body.id == "t-1"
    - steps.call.headers["x-limit"] == "5"
    - execution.status == "SUCCEEDED"
  steps:
    call:
      runs: 1
      status: SUCCEEDED
      output: { statusCode: 201 }
      request: { method: POST, url: https://api.example.com/v1/things, json: { n: 1 } }
  execution: SUCCEEDED
`,
    }),
  );
  expect(failures).toEqual({ good: [] });
});

it("retries by a sequence of answers, in no time", async () => {
  const { failures, results } = await runTests(
    workflowWith(CALL, {
      again: `
request: { body: { n: 1 } }
mocks:
  call:
    - { error: refused }
    - { status: 503, delay: 5s }
    - { json: { id: t-2 } }
expect: { status: 200, body: { id: t-2 }, steps: { call: { runs: 3 } } }
`,
      short: `
request: { body: { n: 1 } }
mocks: { call: { sequence: [{ status: 503 }] } }
expect: { status: 200 }
`,
    }),
  );
  expect(failures["again"]).toEqual([]);
  expect(results[0]?.run?.virtualMs).toBe(10_000 + 5_000 + 20_000);
  expect(failures["short"]).toEqual([
    "`call` has 1 answers, and request 2 came: POST https://api.example.com/v1/things",
  ]);
});

it("waits for days, and answers 542 after 55 s, in no time", async () => {
  const { failures, results } = await runTests(
    workflowWith("\n  - id: wait\n    delay: 7d\n  - response: { json: 1 }\n", {
      late: "request: {}\nexpect: { status: 542, execution: SUCCEEDED, steps: { wait: { runs: 1 } } }\n",
    }),
  );
  expect(failures).toEqual({ late: [] });
  expect(results[0]?.run?.virtualMs).toBe(7 * 86_400_000);
  expect(results[0]?.durationMs).toBeLessThan(10_000);
});

it("ends a step by its timeout on the case's own clock", async () => {
  const { failures } = await runTests(
    workflowWith(
      `
  - id: slow
    http: { url: "https://api.example.com/slow" }
    timeout: 30s
    on_error: continue
  - response: { json: { code: "\${{ steps.slow.error.code }}" } }
`,
      {
        slow: "request: {}\nmocks: { slow: { delay: 40s } }\nexpect: { body: { code: STEP_TIMEOUT } }\n",
        quick: "request: {}\nmocks: { slow: { error: dns } }\nexpect: { body: { code: HTTP_FAILED } }\n",
      },
    ),
  );
  expect(failures).toEqual({ slow: [], quick: [] });
});

it("names the mock that is missing, with YAML to paste, and makes no connection", async () => {
  const connections: unknown[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const steps = `
  - id: call
    http: { url: "http://127.0.0.1:${port}/x" }
    on_error: continue
  - response: { json: 1 }
`;
  const { failures, results } = await runTests(
    workflowWith(steps, { one: "request: {}\nexpect: { status: 200, body: 2 }\n" }),
  );
  expect(failures).toEqual({ one: [`step \`call\` has no mock to answer GET http://127.0.0.1:${port}/x`] });
  expect(results[0]?.failures[0]?.snippet).toBe("mocks:\n  call:\n    status: 200\n    json: {}");
  expect(connections).toEqual([]);
});

it("mocks steps of loops by path, and all turns by id", async () => {
  const { failures } = await runTests(
    workflowWith(
      `
  - id: each
    foreach: \${{ trigger.body }}
    as: n
    steps:
      - id: send
        http: { method: POST, url: "https://api.example.com/\${{ n }}" }
    on_error: continue
  - response: { json: "\${{ steps.each }}" }
`,
      {
        paths: `
request: { body: [1, 2] }
mocks: { "each[0].send": { json: { a: 1 } }, send: { status: 404, json: { a: 2 } } }
expect:
  body: [{ send: { body: { a: 1 } } }, { error: { code: HTTP_STATUS, statusCode: 404 } }]
  steps:
    send: { runs: 2, requests: [{ url: https://api.example.com/1 }, { url: https://api.example.com/2 }] }
    "each[1].send": { status: FAILED, error: { statusCode: 404 } }
`,
        ambiguous:
          "request: { body: [1, 2] }\nmocks: { send: {} }\nexpect: { steps: { send: { status: SUCCEEDED } } }\n",
      },
    ),
  );
  expect(failures).toEqual({ paths: [], ambiguous: ["send ran in 2 places"] });
});

it("runs functions, sub-workflows and switches as they are", async () => {
  const { failures, project } = await runTests(
    workflowWith(
      `
  - id: double
    function: ./double.ts
    with: { n: \${{ trigger.body.n }} }
  - id: route
    switch:
      - when: steps.double > 10
        steps: [{ id: big, response: { json: big } }]
      - else: [{ id: child, workflow: { id: child, body: { n: "\${{ steps.double }}" } } }, { response: { json: "\${{ steps.child.body }}" } }]
`.replace("${{ trigger.body.n }} }", '"${{ trigger.body.n }}" }'),
      {
        big: "request: { body: { n: 6 } }\nexpect: { body: big, steps: { child: { runs: 0 }, double: { output: 12 } } }\n",
        small: `
request: { body: { n: 2 } }
mocks: { child/ask: { text: four } }
expect:
  body: { said: four }
  steps: { child/ask: { request: { url: "https://api.example.com/4" } }, ask: { runs: 1 } }
`,
      },
      {
        "workflows/double.ts": "export default ({ input }: { input: { n: number } }): number => input.n * 2;\n",
        "workflows/child.yaml": `
trigger: { request: { body: { n: integer } } }
steps:
  - id: ask
    http: { url: "https://api.example.com/\${{ trigger.body.n }}" }
  - response: { json: { said: "\${{ steps.ask.body }}" } }
`,
      },
    ),
  );
  expect(failures).toEqual({ big: [], small: [] });
  expect(project.files(".")).not.toContain(".wf");
});

it("keeps functions from the network, and says so", async () => {
  const connections: unknown[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const { failures } = await runTests(
    workflowWith(
      "\n  - id: ask\n    function: ./ask.ts\n",
      { one: "request: {}\nexpect: { steps: { ask: { error: { code: FUNCTION_FAILED, message: none } } } }\n" },
      { "workflows/ask.ts": `export default () => fetch("http://127.0.0.1:${port}/");\n` },
    ),
  );
  expect(failures["one"]?.[0]).toContain("functions have no network in an offline run");
  expect(connections).toEqual([]);
});

it("shows what differs in a larger body as lines", async () => {
  const { results } = await runTests(
    workflowWith("\n  - response: { json: { a: 1, b: { c: [1, 2, 3], d: x }, more: true } }\n", {
      one: "request: {}\nexpect: { body: { a: 2, b: { c: [1, 5, 3], d: x } } }\n",
    }),
  );
  const [failure] = results[0]?.failures ?? [];
  expect(failure?.problem.message).toBe("body.a: expected 2, got 1 (and 1 more)");
  expect(failure?.problem.place).toEqual({ line: 2, column: 22, length: 1 });
  expect(failure?.diff?.filter(({ sign }) => sign !== " ").map(({ sign, text }) => sign + text)).toEqual([
    '-  "a": 2,',
    '+  "a": 1,',
    "-      5,",
    "+      2,",
  ]);
});

it("tells what an expression read that does not hold", async () => {
  const { results } = await runTests(
    workflowWith("\n  - response: { json: { a: [1, 2] } }\n", {
      one: "request: {}\nexpect: { expression: size(body.a) > status }\n",
    }),
  );
  expect(results[0]?.failures[0]?.problem).toMatchObject({
    message: "yields false, not true",
    hint: "body.a is [1,2]; status is 200",
    place: { line: 2, column: 23, length: 21 },
  });
});

it("gives the same ids and times in every run", async () => {
  const files = workflowWith(
    "\n  - response: { json: { id: '${{ execution.id }}', at: '${{ execution.startedAt }}' } }\n",
    {
      one: "request: {}\nexpect: { body: { id: 019b76da-a800-7000-8000-000000000001, at: 2026-01-01T00:00:00.000Z } }\n",
    },
  );
  expect((await runTests(files)).failures).toEqual({ one: [] });
});
