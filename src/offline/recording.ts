/** Lets requests without a mock through to the real services, and keeps the answers as mocks. */
import { Readable } from "node:stream";
import { MOCK_ERRORS, type MockError } from "./mocks.ts";
import { isCredentialHeader } from "../engine/http/headers.ts";
import { decodedChunks } from "../engine/http/decode.ts";
import type { TransportAnswer } from "../engine/http/dispatcher.ts";
import { recordValue, type Scrub } from "../engine/record.ts";
import type { Json } from "../json.ts";
import { CONNECTION_FIELDS } from "../workflow/header-syntax.ts";
import type { Fallback, SentRequest } from "./mock-transport.ts";

/** What a recording adds to a file. */
export interface Recorded {
  /** Under `mocks`, by step. */
  readonly mocks: { readonly [name: string]: Json };
  /** Bytes for files beside it. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Larger answers are no test data. */
const MAX_BYTES = 10_000_000;
/** Headers that say nothing to a workflow and differ in every answer. */
const NOISE =
  /^(?:date|server|vary|via|age|alt-svc|nel|report-to|strict-transport-security|set-cookie|content-encoding|x-powered-by|x-request-id|x-execution-id|x-content-type-options|cf-.*)$/;

export class Recording {
  readonly #name: string;
  readonly #main: string;
  readonly #scrub: Scrub;
  readonly #answers = new Map<string, Json[]>();
  readonly #files = new Map<string, Buffer>();

  /** @param name - Of the test data; files of bytes are named after it. */
  constructor(main: string, name: string, scrub: Scrub) {
    this.#main = main;
    this.#name = name;
    this.#scrub = scrub;
  }

  get recorded(): Recorded {
    const mocks = [...this.#answers].map(([key, answers]): [string, Json] => {
      const [first] = answers;
      return [key, answers.length === 1 && first !== undefined ? first : { sequence: answers }];
    });
    return { mocks: Object.fromEntries(mocks), files: this.#files };
  }

  readonly fallback: Fallback = async (request, options, network) => {
    // Taken now: answers of one step come in the order of its requests, also where two overlap.
    const place = this.#place(request);
    let answer: TransportAnswer;
    try {
      const headers = { ...(options.headers as { readonly [name: string]: string }), "accept-encoding": "identity" };
      answer = await network.request({ ...options, headers });
    } catch (error) {
      const kind = errorKind(error);
      if (kind !== undefined) place({ error: kind });
      throw error;
    }
    const encoding = answer.headers["content-encoding"] ?? "";
    const chunks: Buffer[] = [];
    for await (const chunk of decodedChunks(answer.body, encoding, MAX_BYTES)) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { "content-encoding": _coding, "content-length": _length, ...headers } = answer.headers;
    place(this.#mockOf(request, { ...answer, headers }, body));
    return { ...answer, headers, body: Readable.from(body.length === 0 ? [] : [body], { objectMode: false }) };
  };

  #place({ workflowId, path, stepId }: SentRequest): (mock: Json) => void {
    // Turns of a loop overlap, so each has a name of its own.
    const own = path.includes("[") ? path : stepId;
    const key = workflowId === this.#main ? own : `${workflowId}/${own}`;
    const answers = this.#answers.get(key) ?? [];
    this.#answers.set(key, answers);
    const at = answers.push({}) - 1;
    return (mock) => {
      answers[at] = recordValue(mock, this.#scrub).value as Json;
    };
  }

  #mockOf(request: SentRequest, { statusCode, headers }: TransportAnswer, body: Buffer): Json {
    const type = headers["content-type"] ?? "";
    const content = this.#content(request, type, body);
    const kept = Object.entries(headers).filter(
      ([name, value]) =>
        value !== undefined && !CONNECTION_FIELDS.has(name) && !NOISE.test(name) && !isCredentialHeader(name),
    );
    const shown = kept.filter(([name]) => name !== "content-type" || content.type !== type) as [
      string,
      string | string[],
    ][];
    return {
      status: statusCode,
      ...(shown.length === 0 ? {} : { headers: Object.fromEntries(shown) }),
      ...content.mock,
    };
  }

  #content(
    request: SentRequest,
    type: string,
    body: Buffer,
  ): { readonly mock: { readonly [key: string]: Json }; readonly type: string } {
    if (body.length === 0) return { mock: {}, type: "" };
    const essence = (type.split(";", 1)[0] ?? "").trim().toLowerCase();
    const text = body.toString();
    const isText = Buffer.from(text).equals(body);
    if (isText && (essence === "application/json" || essence.endsWith("+json"))) {
      const json = parsed(text);
      if (json !== undefined)
        return { mock: { json }, type: essence === "application/json" ? type : "application/json" };
    }
    if (isText && (essence.startsWith("text/") || essence.endsWith("xml") || essence.endsWith("json"))) {
      return { mock: { text }, type: "text/plain; charset=utf-8" };
    }
    const file = `${this.#name}.${request.path.replaceAll(/\W+/g, "-")}.answer.bin`;
    const again = this.#files.has(file) ? file.replace(".answer.", `.answer-${this.#files.size + 1}.`) : file;
    this.#files.set(again, body);
    return { mock: { file: again }, type: "application/octet-stream" };
  }
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function errorKind(error: unknown): MockError | undefined {
  for (let at: unknown = error; at instanceof Error; at = at instanceof AggregateError ? at.errors[0] : at.cause) {
    const { code } = at as { readonly code?: unknown };
    const known = Object.entries(MOCK_ERRORS).find(([, one]) => one === code);
    if (known !== undefined) return known[0] as MockError;
  }
  return undefined;
}
