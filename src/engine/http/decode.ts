import { Readable } from "node:stream";
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from "node:zlib";
import { WfError } from "../../errors.ts";

/** What {@link decodedChunks} can undo, in the order in which we ask for it. */
export const ACCEPT_ENCODING = "gzip, deflate, br, zstd";

/** More layers than this are an attack, not an encoding. */
const MAX_CODINGS = 3;

/**
 * Undoes `Content-Encoding` and counts the decoded bytes, so that a small answer cannot become a large one unnoticed.
 *
 * @param limit - Decoded bytes.
 * @throws {@link WfError} while iterating: `HTTP_RESPONSE_TOO_LARGE`, `HTTP_RESPONSE_MALFORMED`; any other error is the
 * connection's. The source is destroyed then, and when the caller stops early.
 */
export async function* decodedChunks(source: Readable, contentEncoding: string, limit: number): AsyncGenerator<Buffer> {
  const stages: Readable[] = [];
  try {
    let stream: Readable = source;
    for (const coding of codings(contentEncoding).toReversed()) {
      const decoder = coding === "deflate" ? await inflater(stream) : { from: stream, through: DECODERS[coding]?.() };
      if (!decoder.through) {
        throw new WfError("HTTP_RESPONSE_MALFORMED", `The answer's Content-Encoding "${coding}" is not supported.`);
      }
      stages.push(decoder.through);
      stream = chain(decoder.from, decoder.through);
    }
    let total = 0;
    for await (const chunk of stream) {
      total += (chunk as Buffer).length;
      if (total > limit) {
        throw new WfError("HTTP_RESPONSE_TOO_LARGE", `The answer is larger than ${limit} bytes (decoded).`);
      }
      yield chunk as Buffer;
    }
  } catch (error) {
    throw isZlibError(error)
      ? new WfError("HTTP_RESPONSE_MALFORMED", `The answer's ${contentEncoding} encoding is broken.`, { cause: error })
      : error;
  } finally {
    for (const stage of stages) stage.destroy();
    source.destroy();
  }
}

const DECODERS: { readonly [coding: string]: (() => Transform) | undefined } = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};

function codings(contentEncoding: string): string[] {
  const list = contentEncoding
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (list.length > MAX_CODINGS) {
    throw new WfError("HTTP_RESPONSE_MALFORMED", `The answer has ${list.length} layers of Content-Encoding.`);
  }
  return list;
}

/** Pipes, and passes an error of the source on, which `pipe` alone would swallow. */
function chain(from: Readable, through: Transform): Transform {
  from.once("error", (error) => through.destroy(error));
  return from.pipe(through);
}

/** "deflate" means zlib (RFC 9110), but servers send raw deflate too; the first byte tells. */
async function inflater(stream: Readable): Promise<{ from: Readable; through: Transform }> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await iterator.next();
  const zlib = first.done === true || ((first.value[0] ?? 0) & 0x0f) === 8;
  async function* whole(): AsyncGenerator<Buffer> {
    if (first.done === true) return;
    yield first.value;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  return { from: Readable.from(whole(), { objectMode: false }), through: zlib ? createInflate() : createInflateRaw() };
}

function isZlibError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^(?:Z_|ERR_BROTLI|ERR__ERROR|ERR_PADDING|ZSTD_|ERR_ZSTD)/.test(code);
}
