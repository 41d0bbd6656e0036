/** Where the test shelf gets captures from and what it can have done with them; types only. */
import type { Capture, CapturedRequest } from "../engine/captures.ts";

/** Rules inferred from captures, not written yet. */
export interface InferredRules {
  readonly yaml: string;
  /** Writes them into the workflow's file. @returns What became of it, for people. */
  write(): Promise<string>;
}

/** An execution as the shelf shows it. */
export interface ShownExecution {
  /** Lines of plain text; what they hold of requests need not be safe to show. */
  readonly lines: readonly string[];
  /** Where more about it can be read. */
  readonly url: string;
  /** It will not change any more. */
  readonly ended: boolean;
}

/** The shelf's only door to the outside; failures reject and are shown as a notice. */
export interface ShelfSource {
  readonly workflowId: string;
  /** The test URL. */
  readonly url: string;
  /** Newest first. @param cursor - `next` of the page before. */
  list(cursor?: string): Promise<{ readonly items: readonly Capture[]; readonly next?: string }>;
  /** undefined when the capture is gone. */
  body(id: string): Promise<Buffer | undefined>;
  /**
   * Tells of each capture when it arrives and whenever it changes.
   *
   * @param onLink - Called with false when the server is lost and true when it is back; what arrived meanwhile comes after.
   * @returns Ends it.
   */
  subscribe(onCapture: (capture: Capture) => void, onLink: (isUp: boolean) => void): () => void;
  /** Sends the capture's bytes to the test URL again. */
  replay(id: string): Promise<{ readonly status: number }>;
  send(request: CapturedRequest): Promise<{ readonly status: number }>;
  /** @returns The file's path, for people. */
  save(id: string, name: string): Promise<string>;
  /** What keeps a name from being used, in words that follow it. */
  nameProblem(name: string): string | undefined;
  inferRules(ids: readonly string[]): Promise<InferredRules>;
  execution(id: string): Promise<ShownExecution>;
  /** Writes a file beside the project. @returns The file's path, for people. */
  writeFile(name: string, content: string): Promise<string>;
  /** Opens a text in the user's editor, which has the terminal until it ends. @returns What it saved. */
  edit(content: Buffer): Promise<Buffer>;
}
