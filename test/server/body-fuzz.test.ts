import fc from "fast-check";
import { expect, test } from "vitest";
import { WfError } from "../../src/errors.ts";
import { parseBody } from "../../src/server/body.ts";
import { parseQuery } from "../../src/server/query.ts";
import { MemoryFiles } from "./memory-files.ts";

const files = new MemoryFiles();
const TYPES = [
  undefined,
  "application/json",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=b",
  "text/plain",
  "text/plain; charset=utf-16le",
  "image/png",
];

async function answers(bytes: Buffer, type: string | undefined): Promise<void> {
  try {
    await parseBody(bytes, type, files);
  } catch (error) {
    expect(error).toBeInstanceOf(WfError);
    expect([400, 415]).toContain((error as WfError).status);
    expect((error as WfError).message.length).toBeLessThan(300);
  }
}

test("any bytes under any content type give a value or a clear refusal", async () => {
  const type = fc.oneof(fc.constantFrom(...TYPES), fc.string());
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), type, (bytes, contentType) =>
      answers(Buffer.from(bytes), contentType),
    ),
    { numRuns: 500 },
  );
});

test("a JSON text with any one character changed is parsed as JSON.parse does, or refused with a place", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.json(),
      fc.nat(),
      fc.constantFrom(...Array.from('{}[]",:\\0-.eE+ntfu \n\u0000é')),
      async (json, at, change) => {
        const where = at % (json.length + 1);
        const text = json.slice(0, where) + change + json.slice(where + 1);
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          const parsing = (async () => parseBody(Buffer.from(text), "application/json", files))();
          if (text !== "") await expect(parsing).rejects.toThrow(/at line \d+, column \d+/);
          return;
        }
        if (text.includes("__proto__") || text.includes("constructor")) return;
        const { body } = await parseBody(Buffer.from(text), "application/json", files);
        expect(JSON.stringify(body)).toBe(JSON.stringify(expected));
      },
    ),
    { numRuns: 500 },
  );
});

test("any cut of a multipart body but its end is refused", async () => {
  const body = Buffer.from(
    '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n\x00\xff\r\n--b--',
    "latin1",
  );
  for (let length = 0; length < body.length; length++) {
    const parsing = (async () => parseBody(body.subarray(0, length), "multipart/form-data; boundary=b", files))();
    await expect(parsing).rejects.toThrow(WfError);
  }
});

test("what URLSearchParams writes is read back", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), (fields) => {
      fc.pre(!Object.hasOwn(fields, "__proto__"));
      expect(parseQuery(new URLSearchParams(fields).toString())).toEqual({ ...fields });
    }),
  );
});
