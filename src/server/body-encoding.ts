/** Content-Encoding of request bodies. No I/O but zlib's threads. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { WfError } from "../errors.ts";

type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const gzipDecoder: Decoder = promisify(gunzip);
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gzipDecoder],
  ["x-gzip", gzipDecoder],
  ["br", promisify(brotliDecompress)],
  ["deflate", decodeDeflate],
]);

/** Nobody compresses more often than this; each time costs as much as the limit allows. */
const MAX_ENCODINGS = 2;

/**
 * The encodings to undo, last applied first.
 *
 * @throws {@link WfError} `ENCODING_UNSUPPORTED`
 */
export function decodersOf(header: string | undefined): readonly Decoder[] {
  if (header === undefined || header === "" || header === "identity") return [];
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  const decoders = names
    .filter((name) => name !== "identity" && name !== "")
    .map((name) => {
      const decoder = DECODERS.get(name);
      if (decoder) return decoder;
      throw new WfError(
        "ENCODING_UNSUPPORTED",
        `The Content-Encoding ${JSON.stringify(name.slice(0, 20))} is not known`,
      );
    });
  if (decoders.length > MAX_ENCODINGS) {
    throw new WfError("ENCODING_UNSUPPORTED", `The body has more than ${MAX_ENCODINGS} content encodings`);
  }
  return decoders.toReversed();
}

/**
 * @param limitBytes - Of what comes out, so that a small bomb stays small.
 * @throws {@link WfError} `BODY_TOO_LARGE`; `BODY_MALFORMED` when it is cut off or not in that encoding
 */
export async function decodeBody(raw: Buffer, decoders: readonly Decoder[], limitBytes: number): Promise<Buffer> {
  let bytes = raw;
  for (const decode of decoders) {
    if (bytes.length === 0) return bytes;
    try {
      bytes = await decode(bytes, { maxOutputLength: Math.max(1, limitBytes) });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limitBytes);
      throw new WfError("BODY_MALFORMED", "The body does not match its Content-Encoding, or is cut off", {
        hint: "Send the whole compressed body, or leave Content-Encoding away.",
        cause: error,
      });
    }
  }
  return bytes;
}

export function tooLarge(limitBytes: number): WfError {
  return new WfError("BODY_TOO_LARGE", `The body is larger than ${limitBytes} bytes`);
}

/** The name means zlib's form, but several clients send the bare stream (RFC 9110 section 8.4.1.2). */
function decodeDeflate(bytes: Buffer, options: { maxOutputLength: number }): Promise<Buffer> {
  const [method = 0, flags = 0] = bytes;
  const isZlib = (method & 0x0f) === 8 && method >> 4 <= 7 && (method * 256 + flags) % 31 === 0;
  return promisify(isZlib ? inflate : inflateRaw)(bytes, options);
}
