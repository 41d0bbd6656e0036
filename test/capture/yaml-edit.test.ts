import { expect, it } from "vitest";
import { editYaml, linesOfKey } from "../../src/capture/yaml-edit.ts";

const TEXT = `# what the CRM sent on Monday
request:
    method:   POST   # as received
    url: "/test/lead"
    headers:
    - [ X-Id,   '1' ]
# answers of the CRM
mocks:
  contact: { status: 201 } # created

  # asked twice
  score: {status: 200}

# what must come out
expect: { status: 201 }
# the end
`;

it("changes one value and not one other byte outside its top-level key", () => {
  const edited = editYaml(TEXT, [{ path: ["mocks", "score"], value: { status: 503 } }]);
  expect(edited.slice(0, TEXT.indexOf("mocks:"))).toBe(TEXT.slice(0, TEXT.indexOf("mocks:")));
  expect(edited.slice(edited.indexOf("\n# what must"))).toBe(TEXT.slice(TEXT.indexOf("\n# what must")));
  expect(edited).toContain("contact: { status: 201 } # created");
  expect(edited).toContain("  # asked twice\n  score: { status: 503 }\n");
});

it("adds a key at the end, and takes one away with its lines", () => {
  expect(editYaml("request: {}", [{ path: ["mocks"], value: { a: { status: 200 } } }])).toBe(
    "request: {}\nmocks:\n  a:\n    status: 200\n",
  );
  expect(editYaml("request: {}\n# last\n", [{ path: ["expect", "status"], value: 202 }])).toBe(
    "request: {}\n# last\nexpect:\n  status: 202\n",
  );
  const without = editYaml(TEXT, [{ path: ["expect"], value: undefined }]);
  expect(without).toBe(TEXT.replace("expect: { status: 201 }\n", ""));
  expect(editYaml(TEXT, [{ path: ["nothing"], value: undefined }])).toBe(TEXT);
});

it("keeps CR LF line ends", () => {
  const text = "request: {}\r\nmocks:\r\n  a: { status: 200 }\r\nexpect: {}\r\n";
  const edited = editYaml(text, [{ path: ["mocks", "b"], value: { status: 201 } }]);
  expect(edited).toBe("request: {}\r\nmocks:\r\n  a: { status: 200 }\r\n  b:\r\n    status: 201\r\nexpect: {}\r\n");
});

it("falls back on the whole document for a flow map, aliases and an end mark", () => {
  expect(editYaml("{ request: {} } # all", [{ path: ["expect", "status"], value: 200 }])).toBe(
    "{ request: {}, expect: { status: 200 } } # all\n",
  );
  const aliased = "request: &r { method: POST }\nmocks: { a: *r }\n";
  expect(editYaml(aliased, [{ path: ["mocks", "b"], value: 1 }])).toBe(
    "request: &r { method: POST }\nmocks: { a: *r, b: 1 }\n",
  );
  expect(editYaml("request: {}\n...\n", [{ path: ["expect", "status"], value: 1 }])).toContain("status: 1");
});

it("yields the lines of a key with the comments inside them", () => {
  expect(linesOfKey(TEXT, "mocks")).toBe(
    "mocks:\n  contact: { status: 201 } # created\n\n  # asked twice\n  score: {status: 200}\n",
  );
  expect(linesOfKey(TEXT, "steps")).toBeUndefined();
});
