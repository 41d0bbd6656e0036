import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { TestReport } from "../../src/commands/test-report.ts";
import { TestSession } from "../../src/commands/test-session.ts";
import { watchTests } from "../../src/commands/test-watch.ts";
import type { ProjectFolder } from "../workflow/project-folder.ts";
import { messagesOf, runTests, workflowWith } from "./test-fixture.ts";

const REPLY = `
  - id: call
    http: { url: "https://api.example.com/x" }
    on_error: continue
  - id: reply
    response: { status: 201, headers: { x-a: "1" }, json: { id: 7, list: [{ a: 1, b: 2 }], text: "\${{ trigger.body.t }}" } }
`;

/** A report that shows nothing: results are looked at by value. */
function silentReport(): TestReport {
  return Object.assign(Object.create(TestReport.prototype) as TestReport, { case: () => {}, end: () => {} });
}

function text(project: ProjectFolder, name: string): string {
  return readFileSync(project.path(`workflows/w.testdata/${name}.yaml`), "utf8");
}

it("updates what does not hold, and leaves comments and everything else as they were", async () => {
  const before = `# kept
request: { body: { t: hello } }
mocks: { call: { status: 500 } } # kept too
expect:
  status: 200 # soon 201
  headers: { x-a: "0", x-b: null }
  body:
    # the id
    id: 6
    gone: 1
    list: [{ a: 2 }]
  steps:
    call: { runs: 2, error: { statusCode: 404 }, request: { method: POST } }
  execution: FAILED
`;
  const { session, project } = await runTests(workflowWith(REPLY, { one: before }));
  expect(await session.update(await session.load())).toMatchObject([{ file: "workflows/w.testdata/one.yaml" }]);
  const after = text(project, "one");
  for (const kept of ["# kept\n", "# kept too\n", "# soon 201", "# the id"]) expect(after).toContain(kept);
  expect(after).not.toContain("gone");
  const again = await session.load();
  expect(messagesOf(await session.run(again))).toEqual({ one: [] });
  expect(await session.update(again)).toEqual([]);
});

it.each(["", "expect:\n"])(
  "fills an expectation that says nothing (%j) with the answer, the runs and the end",
  async (own) => {
    const data = { one: `request: { body: { t: hi } }\nmocks: { call: {} }\n${own}` };
    const { session, project } = await runTests(workflowWith(REPLY, data));
    await session.update(await session.load());
    const after = text(project, "one");
    expect(after).toContain("status: 201");
    expect(after).toContain("text: hi");
    expect(after).toMatch(/call:\s+runs: 1/);
    expect(after).toContain("execution: SUCCEEDED");
  },
);

it("records the answers of real services once, without secrets, and then runs offline", async () => {
  const secret = randomBytes(12).toString("hex");
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    if (request.url === "/csv")
      response.setHeader("content-type", "application/octet-stream").end(Buffer.from([0, 255]));
    else if (request.url === "/text") response.setHeader("content-type", "text/plain").end("plain");
    else if (seen.length === 1) response.writeHead(503).end();
    else response.setHeader("content-type", "application/json").end(JSON.stringify({ echo: secret, n: seen.length }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const steps = `
  - id: call
    http: { url: "${at}/json", auth: { bearer: "\${{ secrets.TOKEN }}" } }
    retry: 2
  - id: each
    foreach: [text, csv]
    as: what
    steps: [{ id: get, http: { url: "${at}/\${{ what }}" } }]
  - response: { json: { echo: "\${{ steps.call.body.echo }}", text: "\${{ steps.each[0].get.body }}", size: "\${{ steps.each[1].get.body.size }}" } }
`;
  const data = {
    one: "request: {} # kept\nexpect: { status: 200, body: { text: plain, size: 2, echo: '[secret TOKEN]' } }\n",
  };
  const { session, project } = await runTests(workflowWith(steps, data, { ".env": `TOKEN=${secret}\n` }));
  expect(seen).toEqual([]);
  const recorded = await session.record(await session.load(), silentReport());
  expect(messagesOf(recorded)).toEqual({ one: [] });
  expect(seen[0]).toBe(`/json Bearer ${secret}`);
  const after = text(project, "one");
  expect(after).toContain("# kept");
  expect(after).not.toContain(secret);
  expect(after).toContain("[secret TOKEN]");
  const requests = seen.length;
  expect(messagesOf(await session.run(await session.load()))).toEqual({ one: [] });
  await session.record(await session.load(), silentReport());
  expect(seen).toHaveLength(requests);
  expect(text(project, "one")).toBe(after);
});

it("runs again what a change touches, and only that", async () => {
  const { project } = await runTests({
    ...workflowWith("\n  - response: { json: 1 }\n", {
      a: "request: {}\nexpect: { body: 1 }\n",
      b: "request: {}\nexpect: { body: 1 }\n",
    }),
    "workflows/v.yaml":
      "trigger: { request: {} }\nsteps:\n  - id: f\n    function: ./f.ts\n  - response: { json: 1 }\n",
    "workflows/f.ts": "export default () => 1;\n",
    "workflows/v.testdata/c.yaml": "request: {}\nexpect: { steps: { f: { output: 1 } } }\n",
  });
  const session = new TestSession(project.root, { workflows: [], all: true });
  const controller = new AbortController();
  const passes: (readonly string[])[] = [];
  let arrived = Promise.withResolvers<void>();
  const next = async (change: () => void): Promise<readonly string[]> => {
    const count = passes.length;
    change();
    while (passes.slice(count).every((names) => names.length === 0)) {
      arrived = Promise.withResolvers<void>();
      await arrived.promise;
    }
    return passes.slice(count).flat();
  };
  const results: string[] = [];
  const report = Object.assign(silentReport(), {
    case: ({ name, status }: { name: string; status: string }) => results.push(`${name} ${status}`),
  });
  const watching = watchTests(session, report, controller.signal, (names) => {
    passes.push(names);
    arrived.resolve();
  });
  expect(await next(() => {})).toEqual(["v/c", "w/a", "w/b"]);
  expect(await next(() => project.write("workflows/w.testdata/b.yaml", "request: {}\nexpect: { body: 2 }\n"))).toEqual([
    "w/b",
  ]);
  expect(await next(() => project.write("workflows/f.ts", "export default () => 2;\n"))).toEqual(["v/c"]);
  controller.abort();
  await watching;
  expect(results).toEqual(["c passed", "a passed", "b passed", "b failed", "c failed"]);
});
