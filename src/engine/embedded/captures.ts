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
import { recordValue, type Scrub } from "../record.ts";
import { WfError } from "../../errors.ts";
import type { Value } from "../../value.ts";
import type { GroupCommit } from "./commit.ts";
import { storeError } from "./failure.ts";
import type { CaptureBounds } from "./options.ts";
import { hasTables, openDatabaseToRead } from "./schema.ts";

const DEFAULT_MAX_PER_WORKFLOW = 1_000;
const DEFAULT_MAX_BYTES = 500_000_000;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** The process does nothing else meanwhile. */
const TRIMMED_AT_ONCE = 50;

type TrimmedRow = Pick<CaptureRow, "seq" | "workflow" | "size">;

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
      // Where it has made room meanwhile, ids still tell what came after it.
      conditions.push("seq > coalesce((SELECT max(seq) FROM captures WHERE id <= ?), 0)");
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
  readonly #scrub: Scrub | undefined;
  readonly #listeners = new Set<(capture: Capture) => void>();
  /** Of each workflow, as committed. */
  readonly #counts = new Map<string, number>();
  /** Of all bodies, as committed. */
  #bytes = 0;
  #isTrimming = false;
  #lastSeq: number;

  constructor(options: {
    readonly database: DatabaseSync;
    readonly commit: GroupCommit;
    readonly file: string;
    readonly bounds: CaptureBounds;
    readonly clock: () => number;
    /** Replaces secrets in answers; requests stay as they came, or their signatures would no longer fit. */
    readonly scrub: Scrub | undefined;
  }) {
    super(options.database, options.file);
    this.#database = options.database;
    this.#commit = options.commit;
    this.#clock = options.clock;
    this.#scrub = options.scrub;
    this.#maxPerWorkflow = options.bounds.maxPerWorkflow ?? DEFAULT_MAX_PER_WORKFLOW;
    this.#maxBytes = options.bounds.maxBytes ?? DEFAULT_MAX_BYTES;
    const kept = options.database
      .prepare(
        "SELECT workflow, count(*) AS count, sum(size) AS bytes, max(seq) AS last FROM captures GROUP BY workflow",
      )
      .all() as { workflow: string; count: number; bytes: number; last: number }[];
    this.#lastSeq = Math.max(0, ...kept.map(({ last }) => last));
    for (const { workflow, count, bytes } of kept) {
      this.#counts.set(workflow, count);
      this.#bytes += bytes;
    }
    // The bounds may be narrower than they were.
    for (const { workflow } of kept) this.#trimIfOver(workflow);
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
    });
    this.#counts.set(workflowId, (this.#counts.get(workflowId) ?? 0) + 1);
    this.#bytes += row.size;
    this.#trimIfOver(workflowId);
    const capture = captureOf(row);
    this.#tell(capture);
    return capture;
  }

  async settle(
    id: string,
    end: { readonly verdict: CaptureVerdict; readonly answer: CaptureAnswer; readonly executionId?: string },
  ): Promise<void> {
    const [verdict, answer] = [end.verdict, end.answer].map(
      (part) => recordValue(part as unknown as Value, this.#scrub, Infinity).json,
    ) as [string, string];
    await this.#write(() =>
      this.#database
        .prepare("UPDATE captures SET verdict = ?, answer = ?, execution = ? WHERE id = ?")
        .run(verdict, answer, end.executionId ?? null, id),
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

  #trimIfOver(workflow: string): void {
    if (this.#isTrimming) return;
    if ((this.#counts.get(workflow) ?? 0) <= this.#maxPerWorkflow && this.#bytes <= this.#maxBytes) return;
    this.#isTrimming = true;
    setImmediate(() => {
      this.#trim()
        // The next capture tries again.
        .catch(() => undefined)
        .finally(() => {
          this.#isTrimming = false;
        });
    });
  }

  /** The oldest go, first of workflows with too many, then of all; a few at a time, behind the requests' backs. */
  async #trim(): Promise<void> {
    while (this.#database.isOpen) {
      const beyond = this.#beyond();
      if (beyond.length === 0) return;
      await this.#write(() => {
        for (const { seq } of beyond) this.#remove(seq);
      });
      for (const { workflow, size } of beyond) {
        this.#counts.set(workflow, (this.#counts.get(workflow) ?? 0) - 1);
        this.#bytes -= size;
      }
    }
  }

  #beyond(): TrimmedRow[] {
    for (const [workflow, count] of this.#counts) {
      if (count <= this.#maxPerWorkflow) continue;
      return this.#database
        .prepare("SELECT seq, workflow, size FROM captures WHERE workflow = ? ORDER BY seq LIMIT ?")
        .all(workflow, Math.min(count - this.#maxPerWorkflow, TRIMMED_AT_ONCE)) as unknown as TrimmedRow[];
    }
    let over = this.#bytes - this.#maxBytes;
    if (over <= 0) return [];
    const oldest = this.#database
      // The newest stays, however large it is.
      .prepare(
        "SELECT seq, workflow, size FROM captures WHERE seq < (SELECT max(seq) FROM captures) ORDER BY seq LIMIT ?",
      )
      .all(TRIMMED_AT_ONCE) as unknown as TrimmedRow[];
    return oldest.filter(({ size }) => {
      if (over <= 0) return false;
      over -= size;
      return true;
    });
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
