/** Sends captured requests once more: the same bytes through the same parser, on connections inside of this process. */
import { type Duplex, duplexPair } from "node:stream";
import type { Capture } from "../engine/captures.ts";
import { WfError } from "../errors.ts";

interface Replay {
  readonly replayOf: string;
  /** Called once the answer has left and the repeated request is kept with it. */
  readonly done: (id: string) => void;
}

export class Replays {
  readonly #accept: (connection: Duplex) => void;
  readonly #byConnection = new WeakMap<object, Replay>();

  /** @param accept - Hands a connection to the HTTP server. */
  constructor(accept: (connection: Duplex) => void) {
    this.#accept = accept;
  }

  /** What a request on this connection repeats; undefined for every connection from outside. */
  of(connection: object): Replay | undefined {
    return this.#byConnection.get(connection);
  }

  /**
   * Sends a capture's request again, its head line for line and its body byte for byte.
   *
   * @returns The new capture's id, once its answer has left.
   * @throws {@link WfError} `BODY_TOO_LARGE` for a request whose body was too large to be kept; `DRAINING`
   */
  async send(capture: Capture, body: Buffer): Promise<string> {
    if (capture.verdict?.kind === "refused" && capture.verdict.code === "BODY_TOO_LARGE") {
      throw new WfError("BODY_TOO_LARGE", "The capture's body was too large to be kept.", {
        hint: "Raise `limits.max_body` in wf.yaml and have it sent again.",
      });
    }
    const [near, far] = duplexPair();
    // Timeouts of a socket have no meaning inside of a process, and Node's HTTP sets some.
    Object.assign(far, { setTimeout: () => far, setKeepAlive: () => far, setNoDelay: () => far });
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#byConnection.set(far, { replayOf: capture.id, done: resolve });
        near.on("error", reject);
        near.on("close", () => reject(new WfError("DRAINING", "The request was not taken.")));
        near.resume();
        this.#accept(far);
        near.write(headOf(capture), "latin1");
        writeBody(near, capture, body);
      });
    } finally {
      near.destroy();
      far.destroy();
    }
  }
}

/** Node reads each byte of a head as one character, and so it is written. */
function headOf({ method, url, headers }: Capture): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** The chunks that it came in are forgotten; one holds all of it. */
function writeBody(connection: Duplex, { headers }: Capture, body: Buffer): void {
  const isChunked = headers.some(([name]) => name.toLowerCase() === "transfer-encoding");
  if (isChunked && body.length > 0) connection.write(`${body.length.toString(16)}\r\n`);
  connection.write(body);
  if (isChunked) connection.write(body.length > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
}
