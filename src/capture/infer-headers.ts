/** Which headers of requests a workflow has a say in, and their rules. No I/O. */
import type { Rule, RuleSet } from "../workflow/rule.ts";
import type { Shape } from "../workflow/shape.ts";
import { choicesOf } from "./choices.ts";

/** Says what kind of request it is: `x-github-event`, `x-shopify-topic`, `x-api-version`. */
const KIND = /(?:^|[-_])(?:action|event|kind|operation|resource|topic|type|version)s?$/;

/** Of transports, proxies, tracing and clients; credentials; what differs from request to request. */
const FOREIGN = new RegExp(
  [
    "^(?:accept|alt|cache|connection|content|cookie|expect|forwarded|from|host|if|keep|max|origin|pragma|priority|proxy)(?:-|$)",
    "^(?:range|referer|sec|set|te|trailer|transfer|upgrade|user|via|dnt|date|baggage|traceparent|tracestate|b3|uber|sentry)(?:-|$)",
    "^(?:cf|cdn|fly|fastly|akamai|true|ngrok|render|heroku|railway|newrelic|elastic|datadog)-",
    "^x-(?:amz|amzn|appengine|arr|azure|b3|cache|cdn|client|cloud|correlation|csrf|datadog|dns|envoy|fastly|forwarded|goog)(?:-|$)",
    "^x-(?:hop|host|http|nginx|ms|newrelic|original|ot|powered|proxy|real|request|requested|scheme|sentry|trace|varnish|vercel)(?:-|$)",
    "(?:auth|authorization|cert|challenge|checksum|cookie|csrf|date|delivery|digest|guid|hash|hmac|id|jwt|key|mac|nonce|num|pass)$",
    "(?:password|retry|attempt|secret|session|sig|sign|signature|time|timestamp|token|trace|uuid|sha1|sha256|sha512|ip|user)$",
    "signature|webhook-id|idempotency",
  ].join("|"),
);

/** A Content-Type up to its parameters. */
const MEDIA_TYPE = /^[a-z\d][\w!#&.+-]*\/[a-z\d][\w!#&.+-]*(?= *;|$)/i;

/** The media type without parameters, such as a boundary or a charset; what is none stays as it is. */
export function mediaTypeOf(contentType: string): string {
  return MEDIA_TYPE.exec(contentType)?.[0].toLowerCase() ?? contentType;
}

/**
 * @param headers - By lower-case name; the Content-Type as {@link mediaTypeOf} has it.
 * @param enough - True when there are requests enough to take what was seen for all that there is.
 */
export function headerRules(headers: Shape, enough: boolean): RuleSet {
  const { object } = headers;
  if (object?.kind !== "record") return {};
  const rules: [string, Rule][] = [];
  for (const [name, shape] of object.properties) {
    if (name === "content-type") {
      // Never required: a body has a type over HTTP, and none when another workflow's step sends it.
      const rule = contentTypeRule(shape);
      if (rule) rules.push([name, rule]);
      continue;
    }
    const rule = isOwn(name) ? headerRule(name, shape, enough) : undefined;
    const required = shape.count === object.count;
    // A header that may be absent and may hold anything needs no rule.
    if (rule && (required || rule.enum)) rules.push([name, { ...rule, required }]);
  }
  return Object.fromEntries(rules);
}

/** True for headers that a workflow may depend on. */
function isOwn(name: string): boolean {
  return (name.startsWith("x-") || KIND.test(name)) && !FOREIGN.test(name) && /^[!#$%&'*+.^_`|~\w-]+$/.test(name);
}

function headerRule(name: string, { text }: Shape, enough: boolean): Rule {
  const rule: Rule = { type: "any", required: false, nullable: false };
  const choices = enough && KIND.test(name) ? choicesOf(text?.distinct) : undefined;
  const [only] = choices ?? [];
  if (choices === undefined || only === undefined) return rule;
  return choices.length === 1 ? { ...rule, equals: only } : { ...rule, enum: choices };
}

function contentTypeRule({ text }: Shape): Rule | undefined {
  const [type, ...others] = text?.distinct?.keys() ?? [];
  if (type === undefined || others.length > 0 || !MEDIA_TYPE.test(type)) return undefined;
  const literal = type.replaceAll(/[.+]/g, "[$&]");
  return { type: "any", required: false, nullable: false, pattern: `(?i)^${literal}( *;|$)` };
}
