import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createProject, type TestProject } from "../project.ts";
import { wf, type CliResult } from "./wf.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

let seen: Seen[] = [];
let answer: (response: ServerResponse) => void;
let url: string;
let project: TestProject;

const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    answer(response);
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  project = await createProject({
    "wf.yaml": "project: demo\n",
    "lead.xml": "<lead/>",
    "lead.json": '{"email":"a@b.co"}\n',
  });
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await project[Symbol.asyncDispose]();
});

beforeEach(() => {
  seen = [];
  answer = (response) => {
    response.writeHead(202, { "content-type": "application/json" });
    response.end('{"executionId":"0199f3a2-0000-7000-8000-000000000001","workflowId":"lead","status":"EXECUTING"}');
  };
});

function trigger(args: readonly string[], stdin?: string | Uint8Array): Promise<CliResult> {
  return wf(["trigger", "lead", "--url", url, ...args], {
    cwd: project.root,
    ...(stdin === undefined ? {} : { stdin }),
  });
}

it("posts JSON with query and headers, prints the body to stdout and the rest to stderr", async () => {
  const { exit, stdout, stderr } = await trigger([
    "--data",
    '{"seats": 3}',
    "--query",
    "tag=a=b",
    "--query",
    "tag=ü &",
    "--header",
    "X-Api-Version: 2",
    "--idempotency-key",
    "k-1",
  ]);
  expect(exit).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: "EXECUTING" });
  expect(stderr).toContain("HTTP 202 Accepted");
  expect(stderr).toContain("execution 0199f3a2-0000-7000-8000-000000000001");
  expect(seen).toMatchObject([
    { method: "POST", url: "/triggers/lead?tag=a%3Db&tag=%C3%BC+%26", body: Buffer.from('{"seats": 3}') },
  ]);
  expect(seen[0]?.headers).toMatchObject({
    "content-type": "application/json",
    "x-api-version": "2",
    "idempotency-key": "k-1",
    "content-length": "12",
  });
});

it.each([
  ["a file by its extension", ["--data", "@lead.xml"], undefined, "application/xml", "<lead/>"],
  ["a JSON file unchanged", ["--data", "@lead.json"], undefined, "application/json", '{"email":"a@b.co"}\n'],
  ["JSON from stdin", ["--data", "-"], "[1]", "application/json", "[1]"],
  ["text from stdin", ["--data", "-"], "hello", "text/plain; charset=utf-8", "hello"],
  ["text", ["--data", "hello"], undefined, "text/plain; charset=utf-8", "hello"],
  ["broken JSON on request", ["--data", "{x", "--header", "content-type: text/x"], undefined, "text/x", "{x"],
])("sends %s", async (_what, args, stdin, type, body) => {
  expect((await trigger(args, stdin)).exit).toBe(0);
  expect(seen[0]?.headers["content-type"]).toBe(type);
  expect(seen[0]?.body.toString()).toBe(body);
});

it("sends bytes from stdin as they are", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  expect((await trigger(["--data", "-"], bytes)).exit).toBe(0);
  expect(seen[0]?.headers["content-type"]).toBe("application/octet-stream");
  expect(seen[0]?.body.equals(bytes)).toBe(true);
});

it("uses another method, without a body", async () => {
  await trigger(["--method", "get"]);
  expect(seen).toMatchObject([{ method: "GET", body: Buffer.alloc(0) }]);
});

it.each([
  ["broken JSON", ["--data", "{email: 1}"], "looks like JSON but is not"],
  ["a file that is not there", ["--data", "@gone.json"], "there is no such file"],
  ["a header without a colon", ["--header", "x-api-version 2"], '--header is "name: value"'],
  ["a header that breaks the line", ["--header", "x-a: 1\r\nx-b: 2"], "cannot be an HTTP header"],
  ["a query without a value", ["--query", "source"], "--query is name=value"],
  ["a timeout that is none", ["--timeout", "soon"], "--timeout is a duration"],
  ["--wait on a server that is not the project's", ["--wait"], "--wait reads the task history"],
  ["--concurrency alone", ["--concurrency", "3"], "--repeat is missing"],
])("refuses %s and sends nothing", async (_what, args, message) => {
  const { exit, stderr } = await trigger(args);
  expect(exit).toBe(2);
  expect(stderr).toContain(message);
  expect(seen).toEqual([]);
});

it("exits 1 when the request is refused, and shows the answer", async () => {
  answer = (response) =>
    response.writeHead(400, { "content-type": "application/json" }).end('{"code":"REQUEST_INVALID"}');
  const { exit, stdout, stderr } = await trigger(["--data", "{}"]);
  expect(exit).toBe(1);
  expect(stdout).toBe('{"code":"REQUEST_INVALID"}');
  expect(stderr).toContain("HTTP 400 Bad Request");
});

it("writes a binary answer to stdout byte for byte", async () => {
  const text = "%PDF-1.7 \u0000\u001b[2J";
  answer = (response) => response.writeHead(200, { "content-type": "application/pdf" }).end(text);
  expect((await trigger([])).stdout).toBe(text);
});

it("never lets headers of the answer steer the terminal", async () => {
  answer = (response) => {
    response.socket?.end("HTTP/1.1 200 O\u009bK\r\nx-evil: a\u009b31mb\r\ncontent-length: 0\r\n\r\n", "latin1");
  };
  const { stderr } = await trigger([]);
  expect(stderr).toContain("x-evil: a\\x9b31mb");
  expect(stderr).not.toContain("\u009b");
});

it("describes the answer in one line with --json", async () => {
  const { exit, stdout } = await trigger(["--json"]);
  expect(exit).toBe(0);
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({
    status: 202,
    body: { workflowId: "lead" },
    executionId: "0199f3a2-0000-7000-8000-000000000001",
  });
});

it("exits 3 when nothing answers in time, and says that the workflow may run", async () => {
  answer = () => undefined;
  const { exit, stderr } = await trigger(["--timeout", "100ms"]);
  expect(exit).toBe(3);
  expect(stderr).toContain("did not answer within 100 ms");
});

it("exits 3 when the connection breaks in the middle of the answer", async () => {
  answer = (response) => {
    response.writeHead(200, { "content-length": "10" }).write("half");
    response.socket?.destroySoon();
  };
  expect((await trigger([])).exit).toBe(3);
});

it("exits 3 and names `wf serve` when no server runs for the project", async () => {
  const { exit, stderr } = await wf(["trigger", "lead"], { cwd: project.root });
  expect(exit).toBe(3);
  expect(stderr).toContain("wf serve");
});

it("repeats a request and counts the answers by status", async () => {
  let count = 0;
  answer = (response) => response.writeHead(++count % 4 === 0 ? 429 : 202).end();
  const { exit, stdout } = await trigger(["--data", "{}", "--repeat", "40", "--concurrency", "8", "--json"]);
  expect(exit).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ requests: 40, statuses: { 202: 30, 429: 10 }, unanswered: 0 });
  expect(seen).toHaveLength(40);
});

it("gives a summary for people of a repeated request", async () => {
  const { exit, stdout } = await trigger(["--repeat", "3"]);
  expect(exit).toBe(0);
  expect(stdout).toMatch(/^requests {2}3 in .* per second\nanswers {3}3 × 202\nlatency {3}p50 .* max .* ms\n$/);
});

it("gives up a repetition that nothing answers", async () => {
  const { exit, stderr } = await wf(["trigger", "lead", "--url", "http://127.0.0.1:1", "--repeat", "100000"]);
  expect(exit).toBe(3);
  expect(stderr).toContain("cannot be reached");
});
