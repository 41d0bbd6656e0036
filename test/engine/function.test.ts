import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { StepOutcome } from "../../src/engine/context.ts";
import type { EffectCall } from "../../src/engine/effects.ts";
import { FolderFiles } from "../../src/engine/embedded/files.ts";
import { createFunctionEffect } from "../../src/engine/function/effect.ts";
import { createSnapshots } from "../../src/engine/function/snapshot.ts";
import { WfError } from "../../src/errors.ts";
import { FileValue } from "../../src/value.ts";
import type { Value } from "../../src/value.ts";
import type { FunctionStep } from "../../src/workflow/definition.ts";
import { effectCall, failureFrom, temporaryFolder } from "./effect-fixture.ts";

interface Functions {
  readonly root: string;
  readonly files: FolderFiles;
  readonly run: (input: Value, step?: Partial<FunctionStep>, call?: Partial<EffectCall>) => Promise<StepOutcome>;
}

function open(modules: string | Record<string, string>, maxThreads?: number): Functions {
  const root = temporaryFolder();
  const files = new FolderFiles(root);
  const sources = typeof modules === "string" ? { "functions/f.ts": modules } : modules;
  const effect = createFunctionEffect({
    snapshots: createSnapshots(join(root, ".wf"), () => ({
      workflowId: "w",
      file: "w.yaml",
      yaml: "",
      modules: sources,
    })),
    files,
    ...(maxThreads === undefined ? {} : { maxThreads }),
  });
  onTestFinished(() => effect.close());
  const base: FunctionStep = {
    kind: "function",
    id: "f",
    named: true,
    onError: "fail",
    line: 1,
    module: "functions/f.ts",
    maxMemoryBytes: 128_000_000,
  };
  return { root, files, run: (input, step, call) => effect.function({ ...base, ...step }, input, effectCall(call)) };
}

function output(outcome: StepOutcome): Value {
  if (outcome.kind !== "succeeded") throw new Error(`not succeeded: ${JSON.stringify(outcome)}`);
  return outcome.output;
}

test("runs TypeScript with its relative imports, and gives it input and execution", async () => {
  const { run } = open({
    "functions/f.ts": `
      import { double } from "../lib/double.ts";
      interface Given { input: { n: number }; execution: { id: string } }
      export default async ({ input, execution }: Given) => ({ n: double(input.n), id: execution.id, none: undefined });`,
    "lib/double.ts": "export const double = (n: number): number => n * 2;",
  });
  const outcome = await run({ n: 21 });
  expect(output(outcome)).toEqual({ n: 42, id: "e-1" });
  expect(outcome.input).toEqual({ n: 21 });
});

test("imports the project's packages", async () => {
  const { root, run } = open(
    `import { readFileSync } from "node:fs"; import tiny from "tiny"; export default () => [tiny, typeof readFileSync];`,
  );
  mkdirSync(join(root, "real"), { recursive: true });
  writeFileSync(join(root, "real/package.json"), '{"name":"tiny","type":"module","exports":"./i.js"}');
  writeFileSync(join(root, "real/i.js"), "export default 7;");
  mkdirSync(join(root, "node_modules"));
  symlinkSync(join(root, "real"), join(root, "node_modules/tiny"));
  expect(output(await run(null))).toEqual([7, "function"]);
});

test("keeps threads warm, and calls do not mix", async () => {
  const { run } = open("let n = 0; export default ({ input, log }) => { n += 1; log(input); return n; };", 2);
  const counts: Value[] = [];
  const logs: unknown[] = [];
  for (const input of ["a", "b", "c"]) {
    const outcome = await run(input);
    counts.push(output(outcome));
    logs.push(outcome.logs);
  }
  expect(counts).toEqual([1, 2, 3]);
  expect(logs).toEqual([["a"], ["b"], ["c"]]);
  const many = await Promise.all(Array.from({ length: 12 }, (_, at) => run(`x${at}`)));
  expect(many.map(({ logs: own }) => own?.[0])).toEqual(Array.from({ length: 12 }, (_, at) => `x${at}`));
});

test("captures what is logged, and bounds it", async () => {
  const { run } = open(`export default ({ input, log }) => {
    log("one", { a: 1 }); console.log("two"); console.error("three"); process.stdout.write("four\\n");
    console.log("y".repeat(50_000));
    for (let i = 0; i < input; i += 1) log("line", i);
  };`);
  const few = await run(0);
  expect(output(few)).toBeNull();
  expect(few.logs?.slice(0, 4)).toEqual(["one { a: 1 }", "two", "three", "four"]);
  expect(few.logs?.[4]?.length).toBe(10_001);
  const many = await run(5_000);
  expect(many.logs?.length).toBe(1_000);
  expect(many.logs?.at(-1)).toContain("more was logged");
});

test("a throw fails the step with its place in the author's file", async () => {
  const { run } = open("export default () => {\n  throw new TypeError('no such thing');\n};");
  const outcome = failureFrom(await run(null));
  expect(outcome.error.code).toBe("FUNCTION_FAILED");
  expect(outcome.error.message).toBe("functions/f.ts threw at functions/f.ts:2:9: TypeError: no such thing");
  expect(outcome.error.details?.["stack"]).toEqual([expect.stringContaining("functions/f.ts:2:9")]);
  expect(outcome.retryable).toBe(true);
  expect(JSON.stringify(outcome.error)).not.toContain(".wf");
});

test.each([
  ["a null", "throw null"],
  ["a text", "throw 'text'"],
  [
    "a hostile object",
    "throw { get message() { throw 1 }, toString() { throw 2 }, [Symbol.for('nodejs.util.inspect.custom')]() { throw 3 } }",
  ],
  ["a late rejection", "Promise.reject(new Error('late')); await new Promise(() => setInterval(() => {}, 1000))"],
  [
    "an error in a timer",
    "setTimeout(() => { throw new Error('timer') }); await new Promise(() => setInterval(() => {}, 1000))",
  ],
])("%s that is thrown fails the step", async (_name, code) => {
  const { run } = open(`export default async () => { ${code} };`);
  expect(failureFrom(await run(null)).error.code).toBe("FUNCTION_FAILED");
});

test.each([
  ["no default export", "export const x = 1;", "no default export"],
  ["a syntax error", "export default () => {\n  const = 1;\n};", "functions/f.ts:2"],
  ["TypeScript that cannot be stripped", "enum A { B }\nexport default () => A.B;", "enum"],
  ["a missing import", 'import "./gone.ts"; export default () => 1;', "gone.ts"],
  ["a throw while loading", "throw new Error('at load'); export default () => 1;", "at load"],
])("a module with %s fails the step for good", async (_name, code, message) => {
  const { run } = open(code);
  const outcome = failureFrom(await run(null));
  expect(outcome).toMatchObject({ error: { code: "FUNCTION_FAILED" }, retryable: false });
  expect(outcome.error.message).toContain(message);
  expect(outcome.error.message).not.toContain(".wf");
});

test.each([
  ["a function", "{ a: [() => 1] }", "output.a[0] is a function"],
  ["a cycle", "(() => { const a = {}; a.b = a; return a })()", "output.b is a cycle"],
  ["a bigint", "1n", "output is a bigint"],
  ["NaN", "[NaN]", "output[0] is NaN"],
  ["bytes", "Buffer.from('x')", "new File("],
  ["a map", "new Map()", "a Map"],
  ["a promise inside", "({ p: Promise.resolve(1) })", "await it"],
  ["a deep list", "(() => { let a = []; for (let i = 0; i < 100000; i += 1) a = [a]; return a })()", "nested deeper"],
])("refuses %s as output", async (_name, code, message) => {
  const { run } = open(`export default () => (${code});`);
  const outcome = failureFrom(await run(null));
  expect(outcome).toMatchObject({ error: { code: "FUNCTION_FAILED" }, retryable: false });
  expect(outcome.error.message).toContain(message);
});

test("outputs become JSON as JSON does it", async () => {
  const { run } = open(
    "export default () => ({ d: new Date(0), u: undefined, l: [undefined], s: [1, 1].map(() => shared), z: -0 }); const shared = { a: 1 };",
  );
  expect(output(await run(null))).toEqual({ d: "1970-01-01T00:00:00.000Z", l: [null], s: [{ a: 1 }, { a: 1 }], z: 0 });
});

test("a large output has to be a file", async () => {
  const { run } = open("export default () => 'x'.repeat(17_000_000);");
  expect(failureFrom(await run(null)).error.code).toBe("OUTPUT_TOO_LARGE");
});

test("reads files, hands them back, and makes new ones", async () => {
  const { files, run } = open(`export default async ({ input }) => {
    const bytes = await input.list[0].bytes();
    return { same: input.list[0], upper: new File([bytes.toString().toUpperCase()], "../up.txt", { type: "text/plain" }), size: input.list[0].size, forged: { name: "x", mimeType: "y", size: 1, hash: "z" } };
  };`);
  const file = await files.write(Buffer.from("hello"), { name: "h.txt", mimeType: "text/plain" });
  const got = output(await run({ list: [file] })) as Record<string, Value>;
  expect(got["same"]).toBe(file);
  expect(got["size"]).toBe(5);
  expect(got["upper"]).toBeInstanceOf(FileValue);
  expect(got["upper"]).toMatchObject({ name: "up.txt" });
  expect((await files.read(got["upper"] as FileValue)).toString()).toBe("HELLO");
  expect(got["forged"]).not.toBeInstanceOf(FileValue);
});

test("an endless loop ends by the step's timeout, and the next call runs", async () => {
  const { run } = open("export default ({ input, log }) => { log('in'); while (input) {} return 'out'; };", 1);
  const outcome = await run(true, { timeoutMs: 500 });
  expect(failureFrom(outcome)).toMatchObject({ error: { code: "STEP_TIMEOUT" }, retryable: true });
  expect(outcome.logs).toEqual(["in"]);
  expect(output(await run(false))).toBe("out");
});

test("an endless loop while loading ends too", async () => {
  const { run } = open("while (true) {}");
  expect(failureFrom(await run(null, { timeoutMs: 300 })).error.code).toBe("STEP_TIMEOUT");
});

test("the signal tells the function that it is over", async () => {
  const { run } = open(
    "export default ({ signal, log }) => new Promise((done) => { signal.addEventListener('abort', () => { log(signal.reason.message); done(1); }); log('ready'); });",
  );
  const control = new AbortController();
  const outcome = run(null, {}, { signal: control.signal });
  control.abort(new WfError("WORKFLOW_TIMEOUT", "all over"));
  const ended = await outcome;
  expect(failureFrom(ended)).toMatchObject({ error: { code: "WORKFLOW_TIMEOUT" }, retryable: false });
});

test("waiting for a thread ends with the signal", async () => {
  const { run } = open("export default () => new Promise(() => setInterval(() => {}, 1000));", 1);
  const [first, second] = [new AbortController(), new AbortController()];
  const running = run(null, {}, { signal: first.signal });
  const waiting = run(null, {}, { signal: second.signal });
  second.abort(new WfError("STEP_TIMEOUT", "late"));
  expect(failureFrom(await waiting).error.code).toBe("STEP_TIMEOUT");
  first.abort();
  expect(failureFrom(await running).error.code).toBe("EXECUTION_CANCELLED");
});

test.each([
  ["its heap", "const all = []; for (;;) all.push({ text: 'x'.repeat(10) + all.length });"],
  ["a loop without calls of its own", "const all = []; for (;;) all.push(new Array(1000).fill(1.5));"],
  ["buffers", "const all = []; for (;;) { if (all.length < 600) all.push(Buffer.alloc(1_000_000, 1)); }"],
])("using too much memory in %s crashes the step only", async (_name, code) => {
  const { run } = open(`export default () => { ${code} };`);
  const outcome = failureFrom(await run(null, { maxMemoryBytes: 32_000_000 }));
  expect(outcome.error).toMatchObject({
    code: "FUNCTION_CRASHED",
    message: "functions/f.ts needed more memory than its limit of 32 MB.",
  });
});

test("process.exit ends the thread only", async () => {
  const { run } = open("export default ({ input }) => { if (input) process.exit(3); return 'alive'; };");
  const outcome = failureFrom(await run(true));
  expect(outcome.error.code).toBe("FUNCTION_CRASHED");
  expect(outcome.error.message).toContain("exit code 3");
  expect(output(await run(false))).toBe("alive");
});

test("modules outside of the project are refused", async () => {
  const { run } = open({ "../evil.ts": "export default () => 1;" });
  expect(failureFrom(await run(null)).error.message).toContain("outside");
});
