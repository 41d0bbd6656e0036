/** What goes through the request path and the HTTP client in `wf test` as it does in `wf serve`. */
import { expect, it } from "vitest";
import { runTests, workflowWith } from "./test-fixture.ts";

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255, 13, 10, 26, 10]);

it("takes uploads byte for byte, and answers with files", async () => {
  const boundary = "b0undary";
  const form = Buffer.concat([
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="note"\r\n\r\nhello\r\n`),
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="paragon-file"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n`,
    ),
    PNG,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const { failures } = await runTests(
    workflowWith(
      `
  - id: store
    http: { method: PUT, url: "https://files.example.com/\${{ trigger.body.note }}", raw: "\${{ trigger.file }}" }
  - response: { file: "\${{ trigger.file }}" }
`,
      {
        upload: `
request:
  headers: { content-type: multipart/form-data; boundary=${boundary} }
  body_file: upload.body.multipart
mocks: { store: { status: 204 } }
expect:
  headers: { content-type: image/png, content-disposition: 'attachment; filename=a.png' }
  body_file: a.png
  body: { size: 10 }
  steps: { store: { request: { method: PUT, url: https://files.example.com/hello, headers: { content-type: image/png } } } }
`,
        other: `
request:
  headers: { content-type: multipart/form-data; boundary=${boundary} }
  body_file: upload.body.multipart
mocks: { store: {} }
expect: { body_file: upload.body.multipart }
`,
      },
      { "workflows/w.testdata/upload.body.multipart": form, "workflows/w.testdata/a.png": PNG },
    ),
  );
  expect(failures["upload"]).toEqual([]);
  expect(failures["other"]).toEqual([
    `the body's bytes are not those of upload.body.multipart: ${form.length} expected, 10 came`,
  ]);
});

it("reads mocked answers as real ones: pages, files, limits, malformed JSON", async () => {
  const { failures } = await runTests(
    workflowWith(
      `
  - id: pages
    http:
      url: https://api.example.com/items
      paginate: { items: page.body.items, token: page.body.?next, in: { query: cursor } }
  - id: picture
    http: { url: "https://api.example.com/a.png", max_response: 100B }
    on_error: continue
  - response: { json: { items: "\${{ steps.pages.body }}", picture: "\${{ steps.picture }}" } }
`,
      {
        good: `
request: {}
mocks:
  pages: [{ json: { items: [1], next: two } }, { json: { items: [2] } }]
  picture: { file: a.png }
expect:
  body: { items: [1, 2], picture: { body: { name: a.png, mimeType: image/png, size: 10 } } }
  steps: { pages: { runs: 1, requests: [{ query: {} }, { query: { cursor: two } }] } }
`,
        large: `
request: {}
mocks: { pages: { json: { items: [] } }, picture: { text: ${"x".repeat(101)} } }
expect: { body: { picture: { error: { code: HTTP_RESPONSE_TOO_LARGE } } } }
`,
        malformed: `
request: {}
mocks: { pages: { json: { items: [] } }, picture: { text: "{", headers: { content-type: application/json } } }
expect: { body: { picture: { error: { code: HTTP_RESPONSE_MALFORMED } } } }
`,
      },
      { "workflows/w.testdata/a.png": PNG },
    ),
  );
  expect(failures).toEqual({ good: [], large: [], malformed: [] });
});

it("lets every request in as the user that the data names, and needs no secret", async () => {
  const { failures } = await runTests({
    "workflows/w.yaml": `
trigger: { request: { auth: { signature: { preset: github, secret: "\${{ secrets.HOOK }}" } } } }
steps:
  - id: call
    http: { method: POST, url: "https://api.example.com/", auth: { bearer: "\${{ secrets.TOKEN }}" }, json: { user: "\${{ trigger.?userId.orValue(null) }}" } }
  - id: oauth
    http:
      url: https://api.example.com/o
      auth: { oauth2: { token_url: "https://login.example.com/token", client_id: id, client_secret: "\${{ secrets.CLIENT }}" } }
  - response: { json: { same: "\${{ trigger.headers['x-token'] == secrets.TOKEN }}" } }
`,
    "workflows/w.testdata/one.yaml": `
request: { headers: { x-token: "\${{ secrets.TOKEN }}", x-hub-signature-256: sha256=expired }, user: u-1 }
mocks: { call: {}, oauth: {} }
expect:
  status: 200
  body: { same: true }
  steps:
    call: { request: { headers: { authorization: "Bearer [secret TOKEN]" }, json: { user: u-1 } } }
    oauth: { request: { headers: { authorization: Bearer offline-token } } }
`,
  });
  expect(failures).toEqual({ one: [] });
});

it("keeps to rules, methods, query and the time of the capture", async () => {
  const { failures } = await runTests({
    "workflows/w.yaml": `
trigger: { request: { methods: [GET, POST], query: { n: { type: integer, required: true } } } }
steps:
  - id: until
    delay: { until: "2026-11-24T00:00:00Z" }
  - response: { json: { n: "\${{ trigger.query.n + 1 }}", at: "\${{ execution.startedAt }}" } }
`,
    "workflows/w.testdata/get.yaml": `
request: { method: GET, url: "/triggers/w?n=1" }
captured: { at: 2026-11-23T23:59:30.000Z, id: c }
expect: { body: { n: 2, at: 2026-11-23T23:59:30.000Z } }
`,
    "workflows/w.testdata/put.yaml":
      'request: { method: PUT, url: "/triggers/w?n=1" }\nexpect: { status: 405, execution: null }\n',
    "workflows/w.testdata/bad.yaml": "request: { query: { n: x } }\nexpect: { status: 200 }\n",
    "workflows/w.testdata/none.yaml": "request: { query: { n: 4 } }\n",
  });
  expect(failures).toEqual({ get: [], put: [], bad: ["status: expected 200, got 400"], none: ["the caller got 542"] });
});

it("tells what is wrong in mocks and expectations, each at its place", async () => {
  const { results } = await runTests(
    workflowWith("\n  - id: call\n    http: { url: https://api.example.com }\n  - id: pause\n    delay: 1s\n", {
      bad: `request: {}
mocks:
  pause: {}
  call: { status: 99, jsn: 1, error: econnrefused, file: ../secret, delay: 5 }
expect:
  status: 2000
  expression: [boddy.x == 1, "1 +"]
  steps:
    cal: { runs: -1 }
    pause: { request: {} }
  execution: DONE
`,
    }),
  );
  const found = results[0]?.failures.map(
    ({ problem }) => `${problem.place.line}:${problem.place.column} ${problem.message}`,
  );
  expect(found).toEqual([
    "3:3 `pause` is a delay step",
    "4:19 `status` must be from 200 to 599, not 99",
    "4:23 an answer has no key `jsn`",
    "4:31 a request that fails has no answer beside it",
    "4:38 `error` cannot be `econnrefused`",
    "4:58 `file` is the name of a file beside this one",
    "4:76 expected `delay` as a duration, got `5`",
    "6:11 `status` must be from 200 to 599, not 2000",
    "7:16 there is no `boddy` here",
    expect.stringMatching(/^7:\d+ /),
    "9:5 there is no step `cal`",
    "10:14 `pause` is a delay step: it sends no request",
    "11:14 `execution` cannot be `DONE`",
  ]);
});
