import type { InferredRules, ShelfSource, ShownExecution } from "../../src/capture/shelf-source.ts";
import type { Capture, CapturedRequest } from "../../src/engine/captures.ts";

/** A capture with everything in it that a test does not care about. */
export function capture(number: number, more: Partial<Capture> = {}): Capture {
  return {
    id: `01993f00-0000-7000-8000-${String(number).padStart(12, "0")}`,
    workflowId: "lead-created",
    receivedAt: new Date(Date.UTC(2026, 10, 25, 15, 0, 0) + number * 1000).toISOString(),
    method: "POST",
    url: "/test/lead-created",
    headers: [["Content-Type", "application/json"]],
    bodySize: 0,
    bodyHash: "0".repeat(64),
    verdict: { kind: "accepted" },
    answer: { status: 202, headers: [["content-type", "application/json"]], bodySize: 2, durationMs: 12, text: "{}" },
    signature: null,
    executionId: null,
    savedAs: null,
    replayOf: null,
    ...more,
  };
}

/** A scriptable source: tests say what it has and what arrives, and read what was asked of it. */
export class FakeShelfSource implements ShelfSource {
  readonly workflowId: string = "lead-created";
  readonly url: string = "http://127.0.0.1:4000/test/lead-created";
  readonly captures: Capture[] = [];
  readonly bodies: Map<string, Buffer> = new Map();
  readonly asked: string[] = [];
  readonly sent: CapturedRequest[] = [];
  readonly files: Map<string, string> = new Map();
  /** Fails what is asked for from now on. */
  failure: Error | undefined;
  edited: (before: Buffer) => Buffer = (before) => before;
  rules: string = "body:\n  email: { type: email, required: true }\n";
  shownExecution: ShownExecution = { lines: ["✓ SUCCEEDED"], url: "http://127.0.0.1:4000/e/1", ended: true };
  pageSize: number = 1000;
  #onCapture: (capture: Capture) => void = () => undefined;
  #onLink: (isUp: boolean) => void = () => undefined;

  /** Has a capture, without telling. */
  add(one: Capture, body: Buffer | string = ""): Capture {
    const bytes = Buffer.from(body);
    const whole = { ...one, bodySize: bytes.length };
    this.captures.push(whole);
    this.bodies.set(one.id, bytes);
    return whole;
  }

  arrive(one: Capture, body: Buffer | string = ""): void {
    this.#onCapture(this.add(one, body));
  }

  link(isUp: boolean): void {
    this.#onLink(isUp);
  }

  async list(cursor?: string): Promise<{ items: readonly Capture[]; next?: string }> {
    const from = Number(cursor ?? 0);
    const items = [...this.captures].reverse().slice(from, from + this.pageSize);
    const next = from + this.pageSize;
    return { items, ...(next < this.captures.length ? { next: String(next) } : {}) };
  }

  async body(id: string): Promise<Buffer | undefined> {
    return this.bodies.get(id);
  }

  subscribe(onCapture: (capture: Capture) => void, onLink: (isUp: boolean) => void): () => void {
    this.#onCapture = onCapture;
    this.#onLink = onLink;
    return () => this.asked.push("unsubscribe");
  }

  async replay(id: string): Promise<{ status: number }> {
    this.#ask(`replay ${id}`);
    return { status: 202 };
  }

  async send(request: CapturedRequest): Promise<{ status: number }> {
    this.#ask("send");
    this.sent.push(request);
    return { status: 400 };
  }

  async save(id: string, name: string): Promise<string> {
    this.#ask(`save ${id} ${name}`);
    return `workflows/lead-created.testdata/${name}.yaml`;
  }

  nameProblem(name: string): string | undefined {
    return /^[a-z0-9-]+$/.test(name) ? undefined : "has other characters than a-z, 0-9 and -";
  }

  async inferRules(ids: readonly string[]): Promise<InferredRules> {
    this.#ask(`infer ${ids.length}`);
    return {
      yaml: this.rules,
      write: async () => {
        this.#ask("write rules");
        return "1 rule written into workflows/lead-created.yaml.";
      },
    };
  }

  async execution(id: string): Promise<ShownExecution> {
    this.#ask(`execution ${id}`);
    return this.shownExecution;
  }

  async writeFile(name: string, content: string): Promise<string> {
    this.#ask("write file");
    this.files.set(name, content);
    return name;
  }

  async edit(content: Buffer): Promise<Buffer> {
    this.#ask("edit");
    return this.edited(content);
  }

  #ask(what: string): void {
    this.asked.push(what);
    if (this.failure) throw this.failure;
  }
}
