/** Finds triggers that will let nobody in, because what their `auth` checks against is missing. No I/O. */
import type { AuthMention } from "./parse.ts";
import type { Problem } from "./problem.ts";

/** What a project has to check callers with. */
export interface AuthMeans {
  readonly isSecretSet: (name: string) => boolean;
  /** wf.yaml names keys for user tokens. */
  readonly hasUserTokenKeys: boolean;
}

/** @param auth - By workflow file. */
export function checkAuth(auth: ReadonlyMap<string, AuthMention>, means: AuthMeans): Problem[] {
  return [...auth].flatMap(([file, mention]) => checkOne(file, mention, means));
}

function checkOne(file: string, { kind, place, secrets }: AuthMention, means: AuthMeans): Problem[] {
  const warning = (check: string, message: string, hint: string, at = place): Problem => ({
    severity: "warning",
    check,
    file,
    place: at,
    message,
    hint,
  });
  if (kind === "user-token" && !means.hasUserTokenKeys) {
    const hint = "`wf token keys` makes a key pair and shows the lines to add.";
    return [warning("auth-without-keys", "wf.yaml has no `auth.user_token.keys`, so every request gets 401", hint)];
  }
  const missing = secrets.filter(({ name }) => !means.isSecretSet(name));
  const all = missing.length === secrets.length;
  return missing.map(({ name, place: at }) =>
    warning(
      "secret-missing",
      `secret ${name} is not set${all ? ", so every request gets 401" : ""}`,
      "Set it in the environment or in .env.",
      at,
    ),
  );
}
