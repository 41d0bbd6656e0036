import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { parseWorkflow } from "../../src/workflow/parse.ts";
import { workflowSchema } from "../../src/workflow/schema.ts";

const validate = new Ajv2020({ strict: false }).compile(workflowSchema);
const accepts = (yaml: string) => ({
  parser: parseWorkflow({ workflowId: "x", file: "workflows/x.yaml", yaml, modules: {} }).definition !== undefined,
  schema: validate(parseYaml(yaml)),
});
const step = (yaml: string) => `trigger: { request: {} }\nsteps:\n  - ${yaml}\n`;
const request = (yaml: string) => `trigger: { request: ${yaml} }\nsteps: []\n`;
const HTTP = "http: { url: https://a.example, method: POST";

const VALID = [
  "trigger:\n  request:\nsteps: []\n",
  "name: a\ndescription: b\ntimeout: 1h\nidempotency: trigger.body.id\non_error: []\ntrigger: { request: {} }\nsteps: []\n",
  "trigger: { event: Order Created }\nsteps: []\n",
  request("{ methods: get, auth: none }"),
  request("{ methods: [GET, post], auth: { signature: { preset: github, secret: GITHUB } } }"),
  request("{ auth: user-token }"),
  request("{ auth: { user-token: } }"),
  request("{ auth: api-key }"),
  request("{ auth: { api-key: {} } }"),
  request("{ auth: { api-key: { header: X-Partner-Key, secret: PARTNER } } }"),
  request("{ auth: { basic: { username: partner, secret: [NEW, OLD] } } }"),
  request("{ auth: { bearer: { secret: '${{ secrets.TOKEN }}' } } }"),
  request("{ auth: { signature: { preset: twilio, secret: A, origin: https://hooks.example.com, tolerance: 1m } } }"),
  request(
    "{ auth: { signature: { header: X-Sig, algorithm: sha512, encoding: base64, prefix: 'v1=', id: X-Id, " +
      "timestamp: { header: X-At, format: iso }, content: '{id}.{timestamp}.{url}.{body}', secret: A } } }",
  ),
  request("{ query: { a: string }, headers: { X-A: { required: true } }, body: { n: { type: integer, minimum: 1 } } }"),
  request("{ body: { o: { type: object, additional: reject, properties: { l: { type: array, items: email } } } } }"),
  request("{ body_schema: { type: object }, additional: reject }"),
  step("id: a\n    name: A\n    if: true\n    retry: 3\n    timeout: 5s\n    on_error: continue\n    response: {}"),
  step(`${HTTP}, json: [1], query: { a: 1 }, headers: { a: b }, auth: { basic: { username: a, password: b } } }`),
  step(`${HTTP}, form: { a: 1 }, auth: { oauth2: { token_url: a, client_id: b, client_secret: c } } }`),
  step("http: { url: https://a.example, paginate: { items: page.body, token: page.body.t, in: { query: c } } }"),
  step(
    "http: { url: https://a.example, redirects: 0, max_response: 1GB, response: file }\n    retry: { max: 9, delay: 1s }",
  ),
  step("function: ./a.ts\n    with: 1\n    memory: 64MB"),
  step("switch: [{ when: 1 == 1, steps: [] }, { else: [] }]"),
  step("foreach: [1]\n    as: x\n    concurrency: 5\n    steps: []"),
  step("foreach: ${{ trigger.body.x }}\n    steps: []"),
  step("parallel: { a: [], b: [{ fail: x }] }"),
  step("delay: 5s"),
  step("delay: { until: 2027-01-01T00:00:00Z }"),
  step("delay: ${{ trigger.body.x }}"),
  step("response:"),
  step("response: { status: 404, headers: { a: b }, text: x }"),
  step("response: { file: '${{ trigger.file }}' }"),
  step("workflow: other"),
  step("workflow: { id: other, body: { a: 1 }, wait: false }"),
  step("fail: { message: x }"),
];

const INVALID = [
  "- a\n",
  "steps: []\n",
  "trigger: { request: {} }\n",
  "trigger: {}\nsteps: []\n",
  "trigger: { request: {} }\nsteps: {}\n",
  "trigger: { request: {} }\nsteps: []\nextra: 1\n",
  "trigger: { request: {} }\nsteps: []\ntimeout: 5\n",
  "trigger: { event: a, request: {} }\nsteps: []\n",
  "trigger: { event: ' ' }\nsteps: []\n",
  "trigger: { event: }\nsteps: []\n",
  "trigger: { event: [a] }\nsteps: []\n",
  `trigger: { event: ${"x".repeat(201)} }\nsteps: []\n`,
  request("{ methods: [] }"),
  request("{ methods: [FETCH] }"),
  request("{ auth: oauth }"),
  request("{ auth: { basic: {}, bearer: {} } }"),
  request("{ auth: basic }"),
  request("{ auth: bearer }"),
  request("{ auth: signature }"),
  request("{ auth: { user-token: { keys: [] } } }"),
  request("{ auth: { api-key: { header: X-Key } } }"),
  request("{ auth: { api-key: { header: 'X Key', secret: A } } }"),
  request("{ auth: { bearer: {} } }"),
  request("{ auth: { bearer: { secret: [] } } }"),
  request("{ auth: { bearer: { secret: not-a-name } } }"),
  request("{ auth: { bearer: { secret: '${{ trigger.body.x }}' } } }"),
  request("{ auth: { basic: { secret: A } } }"),
  request("{ auth: { basic: { username: 'a:b', secret: A } } }"),
  request("{ auth: { signature: { secret: A } } }"),
  request("{ auth: { signature: { preset: gitlab, secret: A } } }"),
  request("{ auth: { signature: { preset: github, header: X-Sig, secret: A } } }"),
  request("{ auth: { signature: { preset: github, algorithm: sha1, secret: A } } }"),
  request("{ auth: { signature: { header: X-Sig, algorithm: md5, secret: A } } }"),
  request("{ auth: { signature: { header: X-Sig, content: '{timestamp}', secret: A } } }"),
  request("{ auth: { signature: { header: X-Sig, timestamp: { format: iso }, secret: A } } }"),
  request("{ auth: { signature: { preset: github, secret: A, origin: hooks.example.com } } }"),
  request("{ auth: { signature: { preset: github, secret: A, tolerance: 300 } } }"),
  request("{ query: { a: strng } }"),
  request("{ body: { a: { type: integer, minimun: 1 } } }"),
  request("{ body: { a: { min_length: -1 } } }"),
  request("{ body: { a: { multiple_of: 0 } } }"),
  request("{ additional: maybe }"),
  step("id: a"),
  step("id: A\n    response: {}"),
  step("id: in\n    response: {}"),
  step("response: {}\n    fail: x"),
  step("response: {}\n    extra: 1"),
  step("response: { status: 99 }"),
  step("response: { json: 1, text: a }"),
  step("response: { file: a.pdf }"),
  step("response: {}\n    retry: 6"),
  step("response: {}\n    retry: { max: 6 }"),
  step("response: {}\n    retry: { delay: [] }"),
  step("response: {}\n    timeout: 30"),
  step("response: {}\n    on_error: ignore"),
  step("http: {}"),
  step("http: { url: https://a.example, method: FETCH }"),
  step(`${HTTP}, json: 1, raw: a }`),
  step(`${HTTP}, auth: { basic: { username: a } } }`),
  step(`${HTTP}, headers: { a: [b] } }`),
  step(`${HTTP}, redirects: 21 }`),
  step(`${HTTP}, max_response: 10 }`),
  step(`${HTTP}, paginate: { items: page.body } }`),
  step("function: a.ts"),
  step("function: ./a.py"),
  step("switch: []"),
  step("switch: [{ when: 1 == 1 }]"),
  step("foreach: [1]"),
  step("foreach: 5\n    steps: []"),
  step("foreach: [1]\n    steps: []\n    concurrency: 0"),
  step("parallel: {}"),
  step("parallel: [[]]"),
  step("delay: 5"),
  step("delay: { for: 1s, until: 2027-01-01T00:00:00Z }"),
  step("workflow: Not An Id"),
  step("workflow: { body: 1 }"),
  step("fail: { text: x }"),
];

test.each(VALID)("parser and schema accept %j", (yaml) => {
  expect(accepts(yaml)).toEqual({ parser: true, schema: true });
});

test.each(INVALID)("parser and schema refuse %j", (yaml) => {
  expect(accepts(yaml)).toEqual({ parser: false, schema: false });
});

test("the schema accepts every shipped example", () => {
  for (const name of readdirSync("workflows").filter((one) => one.endsWith(".yaml"))) {
    expect({ name, ok: validate(parseYaml(readFileSync(`workflows/${name}`, "utf8"))) }).toEqual({ name, ok: true });
  }
});

test("the shipped file is the schema", () => {
  expect(JSON.parse(readFileSync("schema/workflow.schema.json", "utf8"))).toEqual(workflowSchema);
});
