/** Decides who may start a workflow, by the workflow's own `auth`. */
import type { FindApiKey } from "../../engine/api-keys.ts";
import type { Definition, TriggerAuth } from "../../workflow/definition.ts";
import type { AuthRequest, Authenticate, Authentication } from "../server-context.ts";
import { basicOf, bearerOf, headerOf, isOneOf } from "./credentials.ts";
import type { TokenOutcome, UserTokens } from "./user-tokens.ts";

export interface AuthenticateOptions {
  /** Values by name, as of now. */
  readonly secrets: () => { readonly [name: string]: string | undefined };
  readonly userTokens: UserTokens;
  readonly findApiKey: FindApiKey;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly clock?: () => number;
}

const ADMITTED: Authentication = { ok: true };

/**
 * Makes the check that the server asks for every request to a workflow with an `auth`.
 *
 * @remarks Fails closed: without anything to check against, nobody gets in, and the reason says what is missing.
 */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { userTokens, findApiKey, clock = Date.now } = options;

  function secretsOf(names: readonly string[]): readonly string[] | (Authentication & { ok: false }) {
    const values = options.secrets();
    const found = names.map((name) => values[name] ?? "").filter((value) => value !== "");
    return found.length > 0 ? found : { ok: false, reason: `no secret is set: ${names.join(", ")}`, unchecked: true };
  }

  function ofBearer(auth: TriggerAuth & { kind: "bearer" }, { headers }: AuthRequest): Authentication {
    const secrets = secretsOf(auth.secrets);
    if ("reason" in secrets) return secrets;
    const token = bearerOf(headers);
    if (token === undefined) return refuse("there is no bearer token");
    return isOneOf(token, secrets) ? ADMITTED : refuse("the bearer token is not the secret");
  }

  function ofBasic(auth: TriggerAuth & { kind: "basic" }, { headers }: AuthRequest): Authentication {
    const secrets = secretsOf(auth.secrets);
    if ("reason" in secrets) return secrets;
    const given = basicOf(headers);
    if (given === undefined) return refuse("there are no basic credentials");
    // Both are compared whatever comes of the first, so that a known username is not told by the time.
    const isUser = isOneOf(`user ${given.username}`, [`user ${auth.username}`]);
    const isPassword = isOneOf(given.password, secrets);
    return isUser && isPassword ? ADMITTED : refuse("username or password is wrong");
  }

  function ofUserToken({ headers }: AuthRequest): Authentication | Promise<Authentication> {
    const token = bearerOf(headers);
    if (token === undefined) return refuse("there is no user token");
    const outcome = userTokens.verify(token);
    return outcome instanceof Promise ? outcome.then(ofToken) : ofToken(outcome);
  }

  async function ofApiKey(auth: TriggerAuth & { kind: "api-key" }, { headers }: AuthRequest): Promise<Authentication> {
    if (auth.secrets.length > 0) {
      const secrets = secretsOf(auth.secrets);
      if ("reason" in secrets) return secrets;
      const value = headerOf(headers, auth.header);
      if (value === undefined) return refuse(`the header ${auth.header} is missing`);
      return isOneOf(value, secrets) ? ADMITTED : refuse("the API key is not the secret");
    }
    const given = bearerOf(headers) ?? headerOf(headers, auth.header);
    if (given === undefined) return refuse("there is no API key");
    const key = await findApiKey(given);
    if (key === undefined) return refuse("there is no such API key: it is wrong, revoked or expired");
    return key.scopes.includes("trigger") ? ADMITTED : refuse(`the API key \`${key.name}\` lacks the scope trigger`);
  }

  function ofSignature(auth: TriggerAuth & { kind: "signature" }, request: AuthRequest): Authentication {
    const secrets = secretsOf(auth.secrets);
    if ("reason" in secrets) return secrets;
    const { scheme, toleranceMs, origin } = auth;
    const { headers, raw } = request;
    const url = absoluteUrl(request, origin);
    const outcome = scheme.verify({ url, headers, body: raw }, secrets, clock(), { toleranceMs });
    if (!outcome.ok) return outcome;
    const { deliveryId } = outcome;
    // The signed time may lie in the future as far as in the past.
    return deliveryId === undefined ? ADMITTED : { ok: true, delivery: { id: deliveryId, windowMs: 2 * toleranceMs } };
  }

  return ({ request: { auth } }: Definition, request) => {
    switch (auth.kind) {
      case "none":
        return ADMITTED;
      case "user-token":
        return ofUserToken(request);
      case "api-key":
        return ofApiKey(auth, request);
      case "basic":
        return ofBasic(auth, request);
      case "bearer":
        return ofBearer(auth, request);
      case "signature":
        return ofSignature(auth, request);
      default:
        return auth satisfies never;
    }
  };
}

function ofToken(outcome: TokenOutcome): Authentication {
  return outcome.ok ? { ok: true, userId: outcome.userId } : outcome;
}

/** As the sender wrote it: a proxy or tunnel in front tells what it was asked for. */
function absoluteUrl({ url, headers }: AuthRequest, origin: string | undefined): string {
  if (!url.startsWith("/")) return url;
  if (origin !== undefined) return origin + url;
  const scheme = firstOf(headers["x-forwarded-proto"]) === "https" ? "https" : "http";
  return `${scheme}://${firstOf(headers["x-forwarded-host"]) ?? headers.host ?? "localhost"}${url}`;
}

/** Each proxy on the way appends; the first entry is the sender's. */
function firstOf(field: string | string[] | undefined): string | undefined {
  const first = typeof field === "string" ? field.split(",", 1)[0]?.trim() : undefined;
  return first === "" ? undefined : first;
}

function refuse(reason: string): Authentication & { ok: false } {
  return { ok: false, reason };
}
