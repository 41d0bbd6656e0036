import { describe, expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import { parseBody, type ParsedBody } from "../../src/server/body.ts";
import { parseQuery } from "../../src/server/query.ts";
import { FileValue } from "../../src/value.ts";
import { MemoryFiles } from "./memory-files.ts";

const files = new MemoryFiles();

async function parse(bytes: Buffer | string, contentType?: string): Promise<ParsedBody> {
  return parseBody(Buffer.from(bytes), contentType, files);
}

async function refusal(bytes: Buffer | string, contentType?: string): Promise<WfError> {
  const error: unknown = await parse(bytes, contentType).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WfError);
  return error as WfError;
}

async function bytesOf(value: unknown): Promise<Buffer> {
  expect(value).toBeInstanceOf(FileValue);
  return files.read(value as FileValue);
}

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

describe("JSON", () => {
  test("is parsed at once, with its text", () => {
    const text = '{"a":[1,"ü",null]}';
    expect(parseBody(Buffer.from(text), "application/json", files)).toEqual({
      body: { a: [1, "ü", null] },
      bodyText: text,
      isText: false,
    });
  });

  test.each(["application/json; charset=UTF-8", "application/vnd.github+json", "Application/JSON"])(
    "comes as %s",
    async (type) => {
      expect((await parse("[1]", type)).body).toEqual([1]);
    },
  );

  test("an empty body is malformed, a byte order mark is skipped, lone surrogates pass", async () => {
    await expect((async () => parse("", "application/json"))()).rejects.toMatchObject({ code: "BODY_MALFORMED" });
    expect(await parse("\ufeff[1]", "application/json")).toEqual({ body: [1], bodyText: "[1]", isText: false });
    expect((await parse('"\\ud800"', "application/json")).body).toBe("\ud800");
  });

  test.each([
    ['{"a": 1,\n "b": x}', /unexpected "x" at line 2, column 7$/],
    ['{"a": [1, 2}', /unexpected "}" at line 1, column 12$/],
    ['{"a": "b\n"}', /unexpected "\\n" at line 1, column 9$/],
    ['{"a" 1}', /unexpected "1" at line 1, column 6$/],
    ["{a: 1}", /unexpected "a" at line 1, column 2$/],
    ["[1,]", /unexpected "\]" at line 1, column 4$/],
    ["[1] 2", /unexpected "2" at line 1, column 5$/],
    ["[01]", /unexpected "1" at line 1, column 3$/],
    ["[1.]", /unexpected "\]" at line 1, column 4$/],
    ['["\\x"]', /unexpected "x" at line 1, column 4$/],
    ['["\\u12g4"]', /unexpected "g" at line 1, column 7$/],
    ["trve", /unexpected "v" at line 1, column 3$/],
    ['{"a": [', /ends unexpectedly at line 1, column 8$/],
    ["'a'", /unexpected "'" at line 1, column 1$/],
    [" ", /ends unexpectedly at line 1, column 2$/],
  ])("%j is refused with its place", async (text, message) => {
    const error = await refusal(text, "application/json");
    expect(error.code).toBe("BODY_MALFORMED");
    expect(error.message).toMatch(message);
  });

  test("that is not UTF-8 is refused, as is another charset", async () => {
    expect((await refusal(Buffer.from([0x22, 0xff, 0x22]), "application/json")).message).toMatch(
      /not UTF-8 \(byte 2\)/,
    );
    expect((await refusal("[]", "application/json; charset=latin1")).code).toBe("ENCODING_UNSUPPORTED");
  });

  test("is refused when nested too deeply, before it is parsed", async () => {
    expect((await parse(nested(512), "application/json")).body).toBeInstanceOf(Array);
    expect((await refusal(nested(513), "application/json")).message).toMatch(
      /more than 512 deep at line 1, column 513/,
    );
    expect((await refusal("[".repeat(1_000_000), "application/json")).message).toMatch(/512 deep/);
    const brackets = JSON.stringify({ text: '["\\'.repeat(2_000) });
    expect((await parse(brackets, "application/json")).bodyText).toBe(brackets);
  });

  test.each([
    '{"a":[{"__proto__":{"x":1}}]}',
    '{"\\u005f_proto__":1}',
    '{"__pro\\u0074o__":1}',
    '{"constructor":{"prototype":{"x":1}}}',
    '{"\\u0063onstructor":{"prototype":1}}',
  ])("%s is refused", async (text) => {
    expect((await refusal(text, "application/json")).message).toMatch(/is refused$/);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test("may speak of prototypes in texts", async () => {
    const body = { text: "__proto__", constructor: "Ford", prototype: 1 };
    expect((await parse(JSON.stringify(body), "application/json")).body).toEqual(body);
  });
});

describe("the upload form", () => {
  const upload = { name: "../dir\\a.txt", data: "00fF0a", mimeType: "text/plain", dataType: "FILE" };

  test("becomes a file from its own bytes, as the body or as one of its fields", async () => {
    const alone = await parse(JSON.stringify(upload), "application/json");
    expect(alone.file).toBe(alone.body);
    expect(alone.file).toMatchObject({ name: "a.txt", mimeType: "text/plain", size: 3 });
    expect(alone.bodyText).toBeUndefined();
    expect(await bytesOf(alone.body)).toEqual(Buffer.from([0, 255, 10]));
    const within = await parse(JSON.stringify({ n: 1, doc: upload }), "application/json");
    expect(within.body).toEqual({ n: 1, doc: within.file });
    expect(within.file).toBeInstanceOf(FileValue);
  });

  test("is only that object exactly", async () => {
    for (const other of [
      { ...upload, more: 1 },
      { ...upload, dataType: "file" },
      { ...upload, data: 1 },
      { a: { b: upload } },
    ]) {
      const { body, file } = await parse(JSON.stringify(other), "application/json");
      expect(file).toBeUndefined();
      expect(body).toEqual(other);
    }
  });

  test("with what is no file of that kind is refused", async () => {
    for (const wrong of [
      { data: "0" },
      { data: "0g" },
      { data: "00 " },
      { mimeType: "text/plain\r\nX: y" },
      { mimeType: "x" },
    ]) {
      expect((await refusal(JSON.stringify({ ...upload, ...wrong }), "application/json")).code).toBe("BODY_MALFORMED");
    }
  });

  test("JSON that looks like a file of ours stays JSON", async () => {
    const fake = { name: "a", mimeType: "b/c", size: 1, hash: "0".repeat(64) };
    const { body, file } = await parse(JSON.stringify(fake), "application/json");
    expect(file).toBeUndefined();
    expect(body).not.toBeInstanceOf(FileValue);
  });
});

describe("urlencoded", () => {
  const type = "application/x-www-form-urlencoded";

  test("gives texts, and lists for repeated names", async () => {
    expect(await parse("a=1&b=x+y%26%C3%BC&a=2&a=3&c&=e&&constructor=z", type)).toEqual({
      body: { a: ["1", "2", "3"], b: "x y&ü", c: "", "": "e", constructor: "z" },
      isText: true,
    });
    expect((await parse("", type)).body).toEqual({});
  });

  test.each(["a=%ff", "a=%zz", "a=%", "__proto__=1", "%5f_proto__=1", "a&".repeat(10_001)])(
    "%.20s is refused",
    async (text) => {
      expect((await refusal(text, type)).code).toBe("BODY_MALFORMED");
    },
  );
});

describe("a query", () => {
  test("is read with or without its question mark", () => {
    expect(parseQuery("?a=1&a=2&b=%20")).toEqual({ a: ["1", "2"], b: " " });
    expect(parseQuery("a==&b")).toEqual({ a: "=", b: "" });
    expect(parseQuery("?")).toEqual({});
    expect(parseQuery("toString=1")["toString"]).toBe("1");
  });

  test.each(["a=%E4", "__proto__[x]=1&__proto__=2", "a=%u0041"])("%s is refused with a 400", (search) => {
    expect(() => parseQuery(search)).toThrow(
      expect.objectContaining({ code: "REQUEST_INVALID", status: 400 }) as Error,
    );
  });
});

async function encode(form: FormData): Promise<[Buffer, string]> {
  const request = new Request("http://a", { method: "POST", body: form });
  return [Buffer.from(await request.arrayBuffer()), request.headers.get("content-type") ?? ""];
}

const part = (headers: string, content: string): string => `--b\r\n${headers}\r\n\r\n${content}\r\n`;
const field = (name: string, content: string): string =>
  part(`Content-Disposition: form-data; name="${name}"`, content);

describe("multipart", () => {
  const type = "multipart/form-data; boundary=b";

  test("gives fields and files whose bytes are exact", async () => {
    const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 13, 10]);
    const form = new FormData();
    form.append("a", "1");
    form.append("a", "zwei ü\r\n");
    form.append('quo"te', "");
    form.append("paragon-file", new File([bytes], 'C:\\dir\\naïve "x".bin', { type: "image/png" }));
    form.append("empty", new File([], "", {}));
    const { body, file, isText, bodyText } = await parse(...(await encode(form)));
    expect(body).toMatchObject({ a: ["1", "zwei ü\r\n"], 'quo"te': "", "paragon-file": file });
    expect(file).toMatchObject({ name: 'naïve "x".bin', mimeType: "image/png", size: 8 });
    expect(await bytesOf(file)).toEqual(bytes);
    expect((body as { empty: FileValue }).empty).toMatchObject({ name: "empty", size: 0 });
    expect([isText, bodyText]).toEqual([true, undefined]);
  });

  test("without files is parsed at once; a form of nothing has no fields", async () => {
    expect(parseBody(Buffer.from(`${field("a", "1")}--b--`), type, files)).toEqual({ body: { a: "1" }, isText: true });
    expect((await parse("--b--\r\n", type)).body).toEqual({});
  });

  test("a boundary's beginning, a preamble and an epilogue are not taken for parts", async () => {
    const body = `preamble\r\n${field("a", "x\r\n--bc\r\n--b.")}--b  \r\n${field("c", "d").slice(5)}--b--\r\nepilogue --b`;
    expect((await parse(body, 'multipart/form-data; charset=utf-8; boundary="b"')).body).toEqual({
      a: "x\r\n--bc\r\n--b.",
      c: "d",
    });
  });

  test("the name of a file may come in its extended form", async () => {
    const headers = "Content-Disposition: form-data; name=f; filename=\"x\"; filename*=UTF-8''na%C3%AFve.txt";
    const { body } = await parse(`${part(headers, "y")}--b--`, type);
    expect(body).toMatchObject({ f: { name: "naïve.txt", mimeType: "application/octet-stream" } });
  });

  test.each<[string, string, RegExp]>([
    ["multipart/form-data", field("a", "1"), /no `boundary`/],
    [type, field("a", "1"), /cut off/],
    [type, "", /does not begin with its boundary/],
    [type, "no parts at all", /does not begin with its boundary/],
    [type, `${part("Content-Type: text/plain", "1")}--b--`, /no Content-Disposition in part 1/],
    [type, `${field("a", "1")}${part('Content-Disposition: attachment; name="a"', "1")}--b--`, /in part 2/],
    [type, `${part("Content-Disposition: form-data", "1")}--b--`, /without `form-data` and `name`/],
    [type, `--b\r\nContent-Disposition: form-data; name=a\r\n--b--`, /no blank line/],
    [type, `${part("no colon", "1")}--b--`, /malformed header/],
    [type, `${part(`X: ${"y".repeat(20_000)}`, "1")}--b--`, /headers in part 1/],
    [type, `${field("__proto__", "1")}--b--`, /__proto__/],
    [type, `${field("a", "1").repeat(1_001)}--b--`, /more than 1000 parts/],
    [
      type,
      `${part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "YQ==")}--b--`,
      /RFC 7578/,
    ],
    [`multipart/form-data; boundary=${"b".repeat(71)}`, "", /more than 70/],
  ])("%#: what is malformed is refused", async (contentType, body, message) => {
    const error = await refusal(body, contentType);
    expect(error.code).toBe("BODY_MALFORMED");
    expect(error.message).toMatch(message);
  });

  test("a field that is not UTF-8 leaves no file behind", async () => {
    const store = new MemoryFiles();
    const file = part("Content-Disposition: form-data; name=f; filename=x", "kept?");
    const body = Buffer.concat([Buffer.from(file), Buffer.from(field("a", "\xff"), "latin1"), Buffer.from("--b--")]);
    await expect((async () => parseBody(body, type, store))()).rejects.toThrow(/not valid utf-8/);
    expect(store.kept.size).toBe(0);
  });
});

describe("other bodies", () => {
  test.each<[string | undefined, Buffer | string, unknown]>([
    ["text/plain", "grüße", "grüße"],
    ["text/plain; charset=iso-8859-1", Buffer.from([0xe4]), "ä"],
    ["text/csv; charset=utf-16le", Buffer.from("hi", "utf16le"), "hi"],
    ["application/xml", "<a/>", "<a/>"],
    ["application/atom+xml", "<a/>", "<a/>"],
    ["application/x-ndjson", "{}\n{}", "{}\n{}"],
    ["text/plain", "", ""],
    [undefined, "", null],
    [undefined, '{"a":1}', '{"a":1}'],
    ["application/octet-stream", "", null],
  ])("%s of %j", async (type, bytes, body) => {
    expect(await parse(bytes, type)).toEqual({ body, isText: false });
  });

  test.each([
    ["application/pdf", "%PDF", "application/pdf"],
    [undefined, "a\0b", "application/octet-stream"],
    [undefined, Buffer.from([0xff]), "application/octet-stream"],
    ["not a type", "x", "application/octet-stream"],
  ])("%s of %j is a file", async (type, bytes, mimeType) => {
    const { body, file } = await parse(bytes, type);
    expect(file).toBe(body);
    expect(file).toMatchObject({ mimeType, name: "body" });
    expect(await bytesOf(file)).toEqual(Buffer.from(bytes));
  });

  test("text that its charset does not allow is refused, as is an unknown charset", async () => {
    expect((await refusal(Buffer.from([0xff]), "text/plain")).code).toBe("BODY_MALFORMED");
    expect((await refusal("x", "text/plain; charset=klingon")).code).toBe("ENCODING_UNSUPPORTED");
  });
});
