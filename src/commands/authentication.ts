import { openApiKeys } from "../engine/embedded/api-keys.ts";
import type { ApiKeyStore } from "../engine/api-keys.ts";
import type { Log } from "../log.ts";
import { createAuthenticate } from "../server/auth/authenticate.ts";
import { UserTokens } from "../server/auth/user-tokens.ts";
import type { ServerOptions } from "../server/server-context.ts";
import { checkAuth } from "../workflow/check-auth.ts";
import type { LoadedSet } from "../workflow/load.ts";
import type { Problem } from "../workflow/problem.ts";
import type { Settings } from "../workflow/settings.ts";
import type { LiveSecrets } from "./live-secrets.ts";

export interface AuthenticationOptions {
  readonly root: string;
  /** The folder that keeps the records; opened by its owner before the first request. */
  readonly store: string;
  readonly settings: Settings;
  readonly secrets: LiveSecrets;
  readonly log: Log;
}

/** What a server checks its callers with. */
export interface OpenAuthentication extends Required<
  Pick<ServerOptions, "authenticate" | "findApiKey" | "verifyUser">
> {
  close(): void;
}

/** Ties secrets, user tokens and API keys together; keys are opened when the first one is shown. */
export function openAuthentication({ root, store, settings, secrets, log }: AuthenticationOptions): OpenAuthentication {
  let keys: ApiKeyStore | undefined;
  const findApiKey = (secret: string) => (keys ??= openApiKeys(store)).find(secret);
  const userTokens = new UserTokens({ settings: settings.userTokens, project: settings.project, root, log });
  return {
    findApiKey,
    verifyUser: (token) => userTokens.verify(token),
    authenticate: createAuthenticate({ secrets: () => secrets.values, userTokens, findApiKey }),
    close: () => keys?.close(),
  };
}

/** Workflows whose `auth` lets nobody in, as warnings. */
export function unmetAuth(auth: LoadedSet["auth"], settings: Settings, secrets: LiveSecrets): readonly Problem[] {
  return checkAuth(auth, {
    isSecretSet: (name) => (secrets.values[name] ?? "") !== "",
    hasUserTokenKeys: settings.userTokens.keys.length > 0,
  });
}
