/** Captures in the embedded store. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type {
  Capture,
  CaptureAnswer,
  CapturedRequest,
  CaptureFilter,
  CaptureStore,
  CaptureVerdict,
} from "../captures.ts";
import { newExecutionId } from "../id.ts";
import { WfError } from "../../errors.ts";
import type { GroupCommit } from "./commit.ts";
import { storeError } from "./failure.ts";
import type { CaptureBounds } from "./options.ts";
import { hasTables, openDatabaseToRead } from "./schema.ts";

const DEFAULT_MAX_PER_WORKFLOW = 1_000;
const DEFAULT_MAX_BYTES = 500_000_000;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

interface CaptureRow {
  readonly seq: number;
  readonly id: string;
  readonly workflow: string;
  readonly received: number;
  readonly method: string;
  readonly url: string;
  readonly headers: string;
  readonly size: number;
  readonly hash: string;
  readonly verdict: string | null;
  readonly answer: string | null;
  readonly signature: Capture["signature"];
  readonly execution: string | null;
  readonly saved: string | null;
  readonly replay_of: string | null;
}

/** What reading captures takes; a store beside a running server has it as well. */
type CaptureReads = Pick<CaptureStore, "get" | "body" | "list">;

class CaptureReader implements CaptureReads {
  readonly #database: DatabaseSync;
  readonly #file: string;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
  }

  async get(id: string): Promise<Capture | undefined> {
    const [row] = this.#rows("SELECT * FROM captures WHERE id = ?", id);
    return row && captureOf(row);
  }

  async body(id: string): Promise<Buffer | undefined> {
    try {
      const row = this.#database
        .prepare("SELECT bytes FROM capture_bodies WHERE seq = (SELECT seq FROM captures WHERE id = ?)")
        .get(id) as { bytes: Uint8Array } | undefined;
      return row && Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.bytes.byteLength);
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  async list(filter: CaptureFilter): Promise<{ readonly items: readonly Capture[]; readonly next?: string }> {
    const limit = checkLimit(filter.limit);
    const conditions: string[] = [];
    const values: SQLInputValue[] = [];
    if (filter.workflowId !== undefined) {
      conditions.push("workflow = ?");
      values.push(filter.workflowId);
    }
    if (filter.after !== undefined) {
      conditions.push("seq > coalesce((SELECT seq FROM captures WHERE id = ?), 0)");
      values.push(filter.after);
    }
    if (filter.cursor !== undefined) {
      if (!/^\d{1,15}$/.test(filter.cursor)) throw invalid("the cursor is not the `next` of an earlier page");
      conditions.push("seq < ?");
      values.push(Number(filter.cursor));
    }
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const rows = this.#rows(`SELECT * FROM captures ${where} ORDER BY seq DESC LIMIT ${limit + 1}`, ...values);
    const items = rows.slice(0, limit).map(captureOf);
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return last === undefined ? { items } : { items, next: String(last.seq) };
  }

  #rows(sql: string, ...values: SQLInputValue[]): CaptureRow[] {
    try {
      return this.#database.prepare(sql).all(...values) as unknown as CaptureRow[];
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }
}

/** The owner's captures; its writes share the transactions of the engine's. */
export class EmbeddedCaptures extends CaptureReader implements CaptureStore {
  readonly #database: DatabaseSync;
  readonly #commit: GroupCommit;
  readonly #clock: () => number;
  readonly #maxPerWorkflow: number;
  readonly #maxBytes: number;
  readonly #listeners = new Set<(capture: Capture) => void>();
  #lastSeq: number;

  constructor(options: {
    readonly database: DatabaseSync;
    readonly commit: GroupCommit;
    readonly file: string;
    readonly bounds: CaptureBounds;
    readonly clock: () => number;
  }) {
    super(options.database, options.file);
    this.#database = options.database;
    this.#commit = options.commit;
    this.#clock = options.clock;
    this.#maxPerWorkflow = options.bounds.maxPerWorkflow ?? DEFAULT_MAX_PER_WORKFLOW;
    this.#maxBytes = options.bounds.maxBytes ?? DEFAULT_MAX_BYTES;
    const { last } = options.database.prepare("SELECT coalesce(max(seq), 0) AS last FROM captures").get() as {
      last: number;
    };
    this.#lastSeq = last;
  }

  async add(
    workflowId: string,
    request: CapturedRequest,
    more: { readonly replayOf?: string; readonly signature?: "valid" | "invalid" } = {},
  ): Promise<Capture> {
    const received = this.#clock();
    const row: CaptureRow = {
      seq: ++this.#lastSeq,
      id: newExecutionId(received),
      workflow: workflowId,
      received,
      method: request.method,
      url: request.url,
      headers: JSON.stringify(request.headers),
      size: request.body.byteLength,
      hash: createHash("sha256").update(request.body).digest("hex"),
      verdict: null,
      answer: null,
      signature: more.signature ?? null,
      execution: null,
      saved: null,
      replay_of: more.replayOf ?? null,
    };
    await this.#write(() => {
      this.#database
        .prepare(
          `INSERT INTO captures (seq, id, workflow, received, method, url, headers, size, hash, signature, replay_of)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          row.seq,
          row.id,
          row.workflow,
          row.received,
          row.method,
          row.url,
          row.headers,
          row.size,
          row.hash,
          row.signature,
          row.replay_of,
        );
      this.#database.prepare("INSERT INTO capture_bodies (seq, bytes) VALUES (?, ?)").run(row.seq, request.body);
      this.#trim(row);
    });
    const capture = captureOf(row);
    this.#tell(capture);
    return capture;
  }

  async settle(
    id: string,
    end: { readonly verdict: CaptureVerdict; readonly answer: CaptureAnswer; readonly executionId?: string },
  ): Promise<void> {
    await this.#write(() =>
      this.#database
        .prepare("UPDATE captures SET verdict = ?, answer = ?, execution = ? WHERE id = ?")
        .run(JSON.stringify(end.verdict), JSON.stringify(end.answer), end.executionId ?? null, id),
    );
    await this.#tellOf(id);
  }

  async markSaved(id: string, name: string | null): Promise<void> {
    await this.#write(() => this.#database.prepare("UPDATE captures SET saved = ? WHERE id = ?").run(name, id));
    await this.#tellOf(id);
  }

  subscribe(listener: (capture: Capture) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Inside of the transaction that adds a row: the oldest go, first of its workflow, then of all. */
  #trim({ workflow, seq }: CaptureRow): void {
    const beyond = this.#database
      .prepare("SELECT seq FROM captures WHERE workflow = ? ORDER BY seq DESC LIMIT -1 OFFSET ?")
      .all(workflow, this.#maxPerWorkflow) as { seq: number }[];
    for (const old of beyond) this.#remove(old.seq);
    const { bytes } = this.#database.prepare("SELECT sum(size) AS bytes FROM captures").get() as { bytes: number };
    let over = bytes - this.#maxBytes;
    if (over <= 0) return;
    const oldest = this.#database.prepare("SELECT seq, size FROM captures WHERE seq < ? ORDER BY seq").all(seq);
    for (const old of oldest as { seq: number; size: number }[]) {
      if (over <= 0) break;
      this.#remove(old.seq);
      over -= old.size;
    }
  }

  #remove(seq: number): void {
    this.#database.prepare("DELETE FROM captures WHERE seq = ?").run(seq);
    this.#database.prepare("DELETE FROM capture_bodies WHERE seq = ?").run(seq);
  }

  #write(apply: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const owner = { seq: -1, void: false };
      this.#commit.add({
        kind: "other",
        owner,
        apply,
        done: () => resolve(),
        failed: (error) => {
          // Whoever asked is told, so nobody waits for a later try.
          owner.void = true;
          reject(error);
        },
      });
    });
  }

  async #tellOf(id: string): Promise<void> {
    if (this.#listeners.size === 0) return;
    const capture = await this.get(id);
    if (capture !== undefined) this.#tell(capture);
  }

  #tell(capture: Capture): void {
    for (const listener of this.#listeners) listener(capture);
  }
}

/**
 * Opens a project's captures to read them, beside the process that owns them or without one.
 *
 * @param directory - The store's folder.
 * @returns undefined when nothing was ever captured
 * @throws {@link WfError} `STORE_VERSION`, `STORE_FAILED`
 */
export function openCapturesToRead(directory: string): (CaptureReads & { close(): void }) | undefined {
  const file = join(directory, "wf.db");
  if (!existsSync(file)) return undefined;
  const database = openDatabaseToRead(file);
  if (!hasTables(database)) {
    database.close();
    return undefined;
  }
  return Object.assign(new CaptureReader(database, file), { close: () => database.close() });
}

function captureOf(row: CaptureRow): Capture {
  return {
    id: row.id,
    workflowId: row.workflow,
    receivedAt: new Date(row.received).toISOString(),
    method: row.method,
    url: row.url,
    headers: JSON.parse(row.headers) as Capture["headers"],
    bodySize: row.size,
    bodyHash: row.hash,
    verdict: row.verdict === null ? null : (JSON.parse(row.verdict) as CaptureVerdict),
    answer: row.answer === null ? null : (JSON.parse(row.answer) as CaptureAnswer),
    signature: row.signature,
    executionId: row.execution,
    savedAs: row.saved,
    replayOf: row.replay_of,
  };
}

function checkLimit(limit: number | undefined): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw invalid(`limit ${limit} is not an integer from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

function invalid(problem: string): WfError {
  return new WfError("REQUEST_INVALID", `Captures cannot be listed: ${problem}.`, {
    hint: "Leave it out, or mend it.",
  });
}
