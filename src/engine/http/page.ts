/** From one page's answer to the next page's request. No I/O. */
import { WfError } from "../../errors.ts";
import { FileValue } from "../../value.ts";
import type { Value } from "../../value.ts";
import type { Pagination } from "../../workflow/definition.ts";
import type { Expression, Scope } from "../../workflow/expression.ts";
import { sameHost } from "./exchange.ts";
import { checkHeaderName, checkHeaderValue, fields, isCredentialHeader, kindOf } from "./headers.ts";
import type { RequestPlan } from "./request.ts";

/** @throws {@link WfError} `STEP_INVALID` when `items` yields no list */
export function pageItems(paginate: Pagination, scope: Scope): readonly Value[] {
  const items = paginate.items.evaluate(scope);
  if (items === null) return [];
  if (!Array.isArray(items)) {
    throw new WfError("STEP_INVALID", `\`paginate.items\` must yield a list, not ${kindOf(items)}.`);
  }
  return items as readonly Value[];
}

/** @returns undefined when this was the last page. */
export function nextToken(paginate: Pagination, scope: Scope): string | undefined {
  if (paginate.until?.evaluate(scope) === true) return undefined;
  const token = absentAsNull(paginate.token, scope);
  if (token === null || token === "" || token === false) return undefined;
  if (typeof token === "string") return token;
  if (typeof token === "number") return String(token);
  throw new WfError("STEP_INVALID", `\`paginate.token\` must yield a text or a number, not ${kindOf(token)}.`);
}

/** On the last page most servers leave the token's field out, or a part of the path to it. */
function absentAsNull(expression: Expression, scope: Scope): Value {
  try {
    return expression.evaluate(scope);
  } catch (error) {
    if (error instanceof WfError && error.code === "EXPRESSION_FAILED") return null;
    throw error;
  }
}

/**
 * @param at - Where the last page came from.
 * @throws {@link WfError} `STEP_INVALID` when the token cannot stand where it belongs
 */
export function nextPage(plan: RequestPlan, paginate: Pagination, token: string, at: URL): RequestPlan {
  const place = paginate.in;
  switch (place.kind) {
    case "query": {
      const url = new URL(plan.url);
      url.searchParams.set(place.name, token);
      return { ...plan, url };
    }
    case "header": {
      const name = checkHeaderName(place.name);
      return { ...plan, headers: new Map([...plan.headers, [name, checkHeaderValue(name, token)]]) };
    }
    case "body": {
      const kind = plan.body?.kind ?? "json";
      const before = plan.body?.value ?? null;
      if (kind === "raw" || before instanceof FileValue) {
        throw new WfError(
          "STEP_INVALID",
          "`paginate.in.body` needs a `json`, `form` or `multipart` body to put the token in.",
        );
      }
      const value = Object.fromEntries([...fields(before, kind), [place.name, token]]);
      return { ...plan, body: { kind, value } };
    }
    case "url":
      break;
  }
  return pageAt(plan, token, at);
}

/** The next URL is data: another host is guarded, another origin gets no credentials. */
function pageAt(plan: RequestPlan, token: string, at: URL): RequestPlan {
  const url = URL.parse(token, at);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new WfError("STEP_INVALID", "`paginate.token` must yield the next page's URL, http or https.");
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  const guarded = plan.guarded || !sameHost(url, plan.url);
  if (url.origin === plan.url.origin) return { ...plan, url: withoutCredential(plan, url), guarded };
  const headers = new Map(
    [...plan.headers].filter(([name]) => !isCredentialHeader(name) && !plan.credentials.headers.has(name)),
  );
  headers.delete("host");
  return { ...plan, url, guarded, headers, credentials: { headers: new Set() }, oauth2: undefined };
}

/** Servers echo the whole query into the next link; the credential is appended again. */
function withoutCredential(plan: RequestPlan, url: URL): URL {
  if (plan.credentials.query) url.searchParams.delete(plan.credentials.query.name);
  return url;
}
