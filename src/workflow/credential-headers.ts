/** Which headers of a request hold the credential that a trigger's `auth` checks. No I/O. */
import type { TriggerAuth } from "./definition.ts";

/** @returns Lower-case names: of no use to steps, and kept out of what they see and of every record */
export function credentialHeaders(auth: TriggerAuth): readonly string[] {
  switch (auth.kind) {
    case "none":
      return [];
    case "user-token":
    case "basic":
    case "bearer":
      return ["authorization"];
    case "api-key":
      return auth.secrets.length > 0 ? [auth.header] : ["authorization", auth.header];
    case "signature":
      return auth.scheme.headers;
    default:
      return auth satisfies never;
  }
}
