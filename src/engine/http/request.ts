import { WfError } from "../../errors.ts";
import type { Value } from "../../value.ts";
import type { HttpAuth, HttpRequest } from "../../workflow/definition.ts";
import type { Scope } from "../../workflow/expression.ts";
import type { FileStore } from "../files.ts";
import { encodeBody, evaluateBody, texts } from "./body.ts";
import type { BodyValue } from "./body.ts";
import { withQuery } from "./exchange.ts";
import type { Credentials, OutgoingRequest } from "./exchange.ts";
import { checkHeaderName, checkHeaderValue, fields, readHeaders, redactedHeaders, scalarText } from "./headers.ts";
import type { RequestHeaders } from "./headers.ts";
import type { ClientCredentials } from "./oauth2.ts";

/** An http step's values, evaluated once; each page and each repetition makes its request from them. */
export interface RequestPlan {
  readonly method: string;
  readonly url: URL;
  readonly guarded: boolean;
  readonly headers: RequestHeaders;
  readonly body: BodyValue | undefined;
  readonly credentials: Credentials;
  readonly oauth2: ClientCredentials | undefined;
  readonly maxRedirects: number;
}

/**
 * @param defaults - Headers that the step's own replace.
 * @throws {@link WfError} `STEP_INVALID` for a value that no request can hold; what expressions throw
 */
export function planRequest(http: HttpRequest, scope: Scope, defaults: RequestHeaders): RequestPlan {
  const url = readUrl(http.url.evaluate(scope), "url");
  if (http.query) {
    for (const [name, value] of fields(http.query.evaluate(scope), "query")) {
      for (const text of texts(value, `query parameter ${name}`)) url.searchParams.append(name, text);
    }
  }
  const headers: RequestHeaders = new Map([...defaults, ...readHeaders(http.headers?.evaluate(scope) ?? null)]);
  if ((url.username !== "" || url.password !== "") && !headers.has("authorization")) {
    headers.set("authorization", basic(decodeURIComponent(url.username), decodeURIComponent(url.password)));
  }
  url.username = "";
  url.password = "";
  const auth = http.auth ? readAuth(http.auth, scope) : {};
  if (auth.header) headers.set(auth.header.name, auth.header.value);
  return {
    method: http.method,
    url,
    guarded: !http.hostIsLiteral,
    headers,
    body: http.body && evaluateBody(http.body, scope),
    credentials: {
      headers: new Set(auth.header ? [auth.header.name] : []),
      ...(auth.query ? { query: auth.query } : {}),
    },
    oauth2: auth.oauth2,
    maxRedirects: http.maxRedirects,
  };
}

/** @param seed - See {@link encodeBody}. */
export function requestOf(plan: RequestPlan, files: FileStore, seed: string): OutgoingRequest {
  const { method, url, guarded, headers, credentials, maxRedirects } = plan;
  const body = plan.body && encodeBody(plan.body, files, seed);
  return { method, url, guarded, headers, body, credentials, maxRedirects };
}

/** The request as records show it, without credentials. */
export function shownRequest(request: OutgoingRequest): Value {
  const { method, url, headers, credentials, body } = request;
  const query = credentials.query && { name: credentials.query.name, value: "[redacted]" };
  const shown = redactedHeaders(headers, credentials.headers);
  if (body && !headers.has("content-type")) shown["content-type"] = body.contentType;
  return { method, url: withQuery(url, query).href, headers: shown, body: body?.shown ?? null };
}

/** @throws {@link WfError} `STEP_INVALID`; the message does not hold the URL, which may hold a secret */
function readUrl(value: Value, what: string): URL {
  if (typeof value !== "string") throw new WfError("STEP_INVALID", `The ${what} must be a text.`);
  const url = URL.parse(value);
  if (!url) throw new WfError("STEP_INVALID", `The ${what} is not a whole URL such as https://api.example.com/items.`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new WfError("STEP_INVALID", `The ${what} begins with ${url.protocol} which is neither http: nor https:.`);
  }
  url.hash = "";
  return url;
}

interface ReadAuth {
  readonly header?: { readonly name: string; readonly value: string };
  readonly query?: { readonly name: string; readonly value: string };
  readonly oauth2?: ClientCredentials;
}

function readAuth(auth: HttpAuth, scope: Scope): ReadAuth {
  const text = (template: { evaluate(scope: Scope): Value }, what: string): string =>
    scalarText(template.evaluate(scope), `${what} of \`auth\``);
  switch (auth.kind) {
    case "bearer":
      return authorization(`Bearer ${text(auth.token, "token")}`);
    case "basic": {
      const username = text(auth.username, "username");
      if (username.includes(":")) throw new WfError("STEP_INVALID", "The username of `auth` may not hold a colon.");
      return authorization(basic(username, text(auth.password, "password")));
    }
    case "query":
      return { query: { name: auth.name, value: text(auth.value, "value") } };
    case "header":
      return {
        header: { name: checkHeaderName(auth.name), value: checkHeaderValue(auth.name, text(auth.value, "value")) },
      };
    case "oauth2":
      break;
  }
  return {
    oauth2: {
      tokenUrl: readUrl(auth.tokenUrl.evaluate(scope), "token_url"),
      guarded: !auth.tokenUrl.constant,
      clientId: text(auth.clientId, "client_id"),
      clientSecret: text(auth.clientSecret, "client_secret"),
      scope: auth.scope && text(auth.scope, "scope"),
      audience: auth.audience && text(auth.audience, "audience"),
    },
  };
}

function authorization(value: string): ReadAuth {
  return { header: { name: "authorization", value: checkHeaderValue("authorization", value) } };
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
