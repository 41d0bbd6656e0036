/** The JSON Schema of workflow files, for editors. It knows structure; what expressions name, `wf check` knows. No I/O. */
import type { Json } from "../json.ts";
import { HTTP_METHODS, RESPONSE_MODES } from "./parse/http.ts";
import { authSchemas } from "./schema-auth.ts";
import { anyCase, ruleSchemas } from "./schema-rules.ts";

type Schema = { readonly [key: string]: Json };

const EXPRESSION = "\\$\\{\\{";
const text = (description: string): Schema => ({ type: "string", description });
const ref = (name: string, description?: string): Schema =>
  description === undefined ? { $ref: `#/$defs/${name}` } : { $ref: `#/$defs/${name}`, description };
const closed = (properties: Schema, required: readonly string[] = [], more: Schema = {}): Schema => ({
  type: "object",
  additionalProperties: false,
  ...(required.length > 0 ? { required } : {}),
  properties,
  ...more,
});
/** At most one of these keys. */
const atMostOne = (...keys: readonly string[]): Json =>
  keys.flatMap((a, i) => keys.slice(i + 1).map((b) => ({ not: { type: "object", required: [a, b] } })));
const oneKey = (properties: Schema): Schema => closed(properties, [], { minProperties: 1, maxProperties: 1 });

const auth = oneKey({
  bearer: { description: "`Authorization: Bearer …`; usually ${{ secrets.NAME }}." },
  basic: closed({ username: {}, password: {} }, ["username", "password"]),
  query: closed({ name: { type: "string" }, value: {} }, ["name", "value"]),
  header: closed({ name: { type: "string" }, value: {} }, ["name", "value"]),
  oauth2: closed({ token_url: {}, client_id: {}, client_secret: {}, scope: {}, audience: {} }, [
    "token_url",
    "client_id",
    "client_secret",
  ]),
});

const http = closed(
  {
    method: { type: "string", pattern: `^(?:${HTTP_METHODS.map(anyCase).join("|")})$`, description: "Default: GET." },
    url: text("Absolute, http or https. A private address must stand in it literally."),
    query: ref("fields", "Query parameters, added to those of the URL."),
    headers: ref("headers", "Request headers."),
    json: { description: "The body as JSON." },
    form: ref("fields", "The body as application/x-www-form-urlencoded."),
    multipart: ref("fields", "The body as multipart/form-data; files may stand in it."),
    raw: { type: ["string", "number", "boolean", "null"], description: "The body as a text or a file, as it is." },
    auth: { ...auth, description: "How the request proves who sends it." },
    redirects: {
      type: "integer",
      minimum: 0,
      maximum: 20,
      description: "How many redirects are followed. Default: 5.",
    },
    max_response: ref("size", "The largest answer that is read, decoded. Default: 10MB."),
    response: { enum: [...RESPONSE_MODES], description: "How the answer is read. Default: auto, by its Content-Type." },
    paginate: closed(
      {
        items: ref("expression", "The list of a page, for example page.body.items."),
        token: ref("expression", "The token of the next page; null or empty ends it."),
        in: {
          description: "Where the token goes in the next request.",
          anyOf: [
            { enum: ["url"] },
            oneKey({ query: { type: "string" }, header: { type: "string" }, body: { type: "string" } }),
          ],
        },
        until: ref("expression", "Ends it when true."),
        max_pages: { type: "integer", minimum: 1, maximum: 10_000, description: "Default: 100." },
      },
      ["items", "token", "in"],
      { description: "Fetches page after page; the lists of all pages become the body." },
    ),
  },
  ["url"],
  { allOf: atMostOne("json", "form", "multipart", "raw") },
);

const kinds: {
  readonly [kind: string]: { readonly own: Json; readonly beside?: Schema; readonly required?: string[] };
} = {
  http: { own: { ...http, description: "Sends an HTTP request. Output: { statusCode, headers, body }." } },
  function: {
    own: {
      type: "string",
      pattern: "^\\.\\.?/[^\\\\]*\\.(?:ts|mts|js|mjs)$",
      description: "Runs the default export of a module, relative to this file.",
    },
    beside: {
      with: { description: "The function's `input`." },
      memory: ref("size", "Default: 128MB."),
    },
  },
  switch: {
    own: {
      type: "array",
      minItems: 1,
      description: "Takes the first case that holds.",
      items: {
        anyOf: [
          closed({ when: ref("expression"), steps: ref("steps") }, ["when", "steps"]),
          closed({ else: ref("steps", "Taken when no case holds; the last case.") }, ["else"]),
        ],
      },
    },
  },
  foreach: {
    own: {
      description: "Runs `steps` once for every item of a list.",
      anyOf: [{ type: "array" }, { type: "string", pattern: EXPRESSION }],
    },
    beside: {
      as: { type: "string", pattern: "^[A-Za-z][A-Za-z0-9_]{0,63}$", description: "Names the item. Default: item." },
      concurrency: { type: "integer", minimum: 1, maximum: 1000, description: "Turns at the same time. Default: 10." },
      steps: ref("steps"),
    },
    required: ["steps"],
  },
  parallel: {
    own: {
      type: "object",
      minProperties: 1,
      description: "Runs branches at the same time and waits for all.",
      additionalProperties: ref("steps"),
      propertyNames: { pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$" },
    },
  },
  delay: {
    own: {
      description: "Waits, through restarts: a duration, an expression, `{ for: … }` or `{ until: … }`.",
      anyOf: [
        ref("durationOrExpression"),
        closed({ for: ref("durationOrExpression") }, ["for"]),
        closed({ until: { type: "string" } }, ["until"]),
      ],
    },
  },
  response: {
    own: {
      ...closed({
        status: {
          description: "Default: 200.",
          anyOf: [
            { type: "integer", minimum: 200, maximum: 599 },
            { type: "string", pattern: EXPRESSION },
          ],
        },
        headers: ref("headers"),
        json: { description: "The body as JSON." },
        text: { type: ["string", "number", "boolean"], description: "The body as text." },
        file: { type: "string", pattern: EXPRESSION, description: "A file of an earlier step." },
      }),
      type: ["object", "null"],
      allOf: atMostOne("json", "text", "file"),
      description: "Answers the caller; the steps after it still run.",
    },
  },
  workflow: {
    own: {
      description: "Runs another workflow.",
      anyOf: [
        ref("workflowId"),
        closed(
          {
            id: ref("workflowId"),
            query: {},
            headers: ref("headers"),
            body: {},
            wait: { type: "boolean", description: "False goes on once it is recorded. Default: true." },
          },
          ["id"],
        ),
      ],
    },
  },
  fail: {
    own: {
      description: "Ends the workflow as failed.",
      anyOf: [{ type: "string" }, closed({ message: { type: "string" } }, ["message"])],
    },
  },
};

const common: Schema = {
  id: {
    type: "string",
    pattern: "^(?!(?:true|false|null|in)$)[a-z][a-z0-9_]{0,63}$",
    description: "Names the output: steps.<id>.",
  },
  name: text("Shown in history."),
  if: ref("expression", "The step is skipped, and its output null, unless this is true."),
  retry: {
    description: "Tries again after a failure. true: 5 times, after 10, 20, 30, 50 and 80 s.",
    anyOf: [
      { type: "boolean" },
      { type: "integer", minimum: 0, maximum: 5 },
      closed(
        {
          max: {
            type: "integer",
            minimum: 0,
            maximum: 100,
            description: "Retries after the first attempt; above 5 with `delay`.",
          },
          delay: { anyOf: [ref("duration"), { type: "array", minItems: 1, items: ref("duration") }] },
          backoff: {
            type: "number",
            minimum: 1,
            maximum: 100,
            description: "Each wait is the one before times this. Default: 1.",
          },
          max_delay: ref("duration"),
          when: ref("expression", "Decides with `error` in scope."),
        },
        [],
        { anyOf: [{ required: ["delay"] }, { properties: { max: { type: "integer", maximum: 5 } } }] },
      ),
    ],
  },
  timeout: ref("duration", "Of each attempt."),
  on_error: { enum: ["fail", "continue"], description: "continue: the error becomes the output. Default: fail." },
};

const step: Schema = {
  description: "A step has one kind and the common keys.",
  type: "object",
  oneOf: Object.entries(kinds).map(([kind, { own, beside = {}, required = [] }]) =>
    closed({ [kind]: own, ...beside, ...common }, [kind, ...required]),
  ),
};

/** Draft-07 and 2020-12 alike: only keywords that both know, since editors support the one or the other. */
export const workflowSchema: Schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "wf workflow",
  description: "A workflow that an HTTP request starts.",
  type: "object",
  additionalProperties: false,
  required: ["trigger", "steps"],
  properties: {
    name: text("Shown in lists and history."),
    description: text("What it does, for people."),
    trigger: ref("trigger"),
    steps: ref("steps", "Run one after the other."),
    on_error: ref("steps", "Run when the workflow fails, with `error` in scope."),
    timeout: ref("duration", "From acceptance to the end, delays included. Default: none."),
    idempotency: ref("expression", "Yields a key from `trigger`; requests with an equal key start one execution."),
  },
  $defs: {
    ...ruleSchemas,
    ...authSchemas,
    steps: { type: "array", items: ref("step") },
    step,
    workflowId: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,63}$" },
    expression: { type: ["string", "boolean", "number"], description: "A CEL expression." },
    duration: {
      type: "string",
      pattern: "^\\d{1,9}(?:\\.\\d{1,3})?(?:ms|s|m|h|d)$",
      description: "500ms, 30s, 5m, 2h, 7d.",
    },
    durationOrExpression: {
      anyOf: [ref("duration"), { type: "string", pattern: EXPRESSION }],
    },
    size: { type: "string", pattern: "^\\d{1,9}(?:\\.\\d{1,3})?(?:B|KB|MB|GB)$", description: "64KB, 10MB, 1GB." },
    fields: { anyOf: [{ type: "object" }, { type: "string", pattern: EXPRESSION }] },
    headers: {
      anyOf: [
        { type: "object", additionalProperties: { type: ["string", "number", "boolean"] } },
        { type: "string", pattern: EXPRESSION },
      ],
    },
  },
};
