/** Bounds on what clients can make the server hold. */
import type { IncomingMessage } from "node:http";
import { WfError } from "../errors.ts";

/** A client has this long to send its headers; slower ones hold sockets on purpose. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** A client has this long to send the whole request: 10 MB at 1 Mbit/s take 80 s. */
export const REQUEST_TIMEOUT_MS = 120_000;
/** Longer than the 60 s of common proxies, so that the proxy closes idle connections first and never races with us. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
export const MAX_HEADER_BYTES = 16_384;
export const MAX_CONNECTIONS = 10_000;
/** Beyond the longest wait for a reply, a connection on which nothing moves in either direction is cut off. */
export const SILENCE_MS = 60_000;
/** A reader that takes nothing of an answer for this long is cut off. */
export const WRITE_STALL_MS = 30_000;
/** Answers up to this size fit into the kernel's buffers, whatever the reader does. */
export const SMALL_ANSWER_BYTES = 65_536;
/** After an answer that did not wait for the whole body, the rest is read and dropped this long. */
export const LINGER_MS = 2_000;
/** In seconds, for `Retry-After`. */
export const RETRY_AFTER_SECONDS = "1";

const SMALL_BODY_BYTES = 65_536;
/** What a body of unknown length counts for: most are small. */
const CHUNKED_BODY_BYTES = 1_000_000;
const MIN_BUDGET_BYTES = 256_000_000;

/** Bytes that bodies under way may take together; a flood of large uploads gets 429 and not the memory. */
export class BodyBudget {
  readonly #limit: number;
  #taken = 0;

  /** @param maxBodyBytes - Of one request; the budget holds at least four of these. */
  constructor(maxBodyBytes: number) {
    this.#limit = Math.max(MIN_BUDGET_BYTES, 4 * maxBodyBytes);
  }

  /**
   * Takes what the request announces; small bodies are free.
   *
   * @returns Bytes to give back with {@link release}.
   * @throws {@link WfError} `TOO_MANY_EXECUTIONS`
   */
  take(request: IncomingMessage, maxBodyBytes: number): number {
    const announced = request.headers["content-length"];
    let bytes: number;
    if (announced !== undefined) {
      bytes = Number(announced);
      // What is over the limit is refused before a byte of it is kept.
      if (bytes <= SMALL_BODY_BYTES || bytes > maxBodyBytes) return 0;
    } else if (request.headers["transfer-encoding"] === undefined) {
      return 0;
    } else {
      bytes = Math.min(CHUNKED_BODY_BYTES, maxBodyBytes);
    }
    if (this.#taken + bytes > this.#limit) {
      throw new WfError("TOO_MANY_EXECUTIONS", "The server is receiving too many large bodies at once.");
    }
    this.#taken += bytes;
    return bytes;
  }

  release(bytes: number): void {
    this.#taken -= bytes;
  }
}
