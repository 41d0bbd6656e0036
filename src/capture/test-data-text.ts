/** Test data to YAML text. No I/O. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Document, Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import type { Json } from "../json.ts";
import { jsonOf } from "../workflow/parse/reader.ts";
import { parseDocument } from "../workflow/parse/document.ts";
import { bodyFileName, requestOf, type TestData, type TestRequest } from "./test-data.ts";

/** What the files of test data hold. */
export interface EncodedTestData {
  /** The YAML file's text. */
  readonly text: string;
  /** The body's file, beside the YAML file. */
  readonly body: { readonly file: string; readonly bytes: Buffer } | undefined;
}

/** Parts of the file that tests own. */
export interface TestParts {
  readonly mocks?: Json | undefined;
  readonly expect?: Json | undefined;
}

/** `parseTestData` reads the same test data from it again. */
export function encodeTestData(data: TestData, parts: TestParts = {}): EncodedTestData {
  const { description, captured, redacted } = data;
  const { body, request } = inFile(data);
  const file = body && bodyFileName(data.name, request.headers);
  const document = new Document<YAMLMap, false>({}, { version: "1.2" });
  const set = (key: string, value: unknown): void => document.set(key, document.createNode(value));
  const flow = (key: string, value: unknown): void => document.set(key, document.createNode(value, { flow: true }));
  if (description !== undefined) set("description", description);
  // Stands for the header list until its lines, of another style than the package has for maps, are put in.
  const mark = `headers-${randomUUID()}`;
  document.set("request", requestNode(document, request, { file, mark }));
  if (captured) flow("captured", captured);
  if (redacted && Object.keys(redacted).length > 0) flow("redacted", redacted);
  if (parts.mocks !== undefined) set("mocks", parts.mocks);
  if (parts.expect !== undefined) set("expect", parts.expect);
  const marked = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  const text = marked.replace(` ${mark}`, () => headerLines(request.headers));
  return { text, body: file === undefined ? undefined : { file, bytes: body as Buffer } };
}

function headerLines(headers: TestRequest["headers"]): string {
  return headers.map((header) => `\n    - ${pairText(header)}`).join("");
}

function pairText(header: readonly [string, string]): string {
  const document = new Document();
  const pair = document.createNode([], { flow: true }) as YAMLSeq;
  pair.items.push(...header.map(textNode));
  document.contents = pair as never;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}

/** Settles what goes into a file of its own: raw bytes, and values that YAML would not hold exactly. */
function inFile(data: TestData): { readonly request: TestRequest; readonly body: Buffer | undefined } {
  const { request } = data;
  if (request.body.kind === "none") return { request, body: undefined };
  if (request.body.kind === "value" && survivesYaml(request.body.value)) return { request, body: undefined };
  const { headers, body } = requestOf(data);
  return { request: { ...request, headers }, body };
}

function survivesYaml(value: Json): boolean {
  try {
    const { root } = parseDocument(valueText(value));
    return root?.kind === "map" && isDeepStrictEqual(jsonOf(root), { body: value });
  } catch {
    return false;
  }
}

function valueText(value: Json): string {
  const document = new Document({ body: value });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function requestNode(
  document: Document<YAMLMap, false>,
  request: TestRequest,
  { file, mark }: { readonly file: string | undefined; readonly mark: string },
): YAMLMap {
  const { method, url, headers, body } = request;
  const node = document.createNode({ method }) as YAMLMap;
  node.set("url", textNode(url));
  if (headers.length > 0) node.set("headers", mark);
  if (file !== undefined) node.set("body_file", file);
  else if (body.kind === "value") node.set("body", document.createNode(body.value));
  if (request.userId !== undefined) node.set("user", request.userId);
  return node;
}

/** Beyond printable ASCII, escapes keep what editors and YAML itself would change. */
function textNode(text: string): Scalar {
  const node = new Scalar(text);
  if (!/^[\x20-\x7e]*$/.test(text)) node.type = Scalar.QUOTE_DOUBLE;
  return node;
}
