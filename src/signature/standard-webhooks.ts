import { randomBytes } from "node:crypto";
import { WfError } from "../errors.ts";
import { checkTime, fieldOf, isSame, macOf, NO_MATCH, NO_SECRET, refuse, secondsOf } from "./mac.ts";
import type { SignatureScheme, SignedRequest } from "./scheme.ts";

const NAMES = ["id", "timestamp", "signature"] as const;
/** Svix, where the scheme comes from, sends its own names. */
const FAMILIES = ["webhook", "svix"] as const;

/**
 * `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64>[ v1,<base64>…]`, or the same with `svix-`, over
 * `id.timestamp.body`; the secret is base64, with or without `whsec_`.
 *
 * @remarks
 * A retry keeps its id.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const standardWebhooks: SignatureScheme = {
  headers: FAMILIES.map((family) => `${family}-signature`),
  sign(request, secret, nowMs, { id = `msg_${randomBytes(18).toString("base64url")}` } = {}) {
    const key = keyOf(secret);
    if (key === undefined) {
      throw new WfError("USAGE", "A secret of standard-webhooks is base64, with or without `whsec_` before it.", {
        hint: "Copy it again from where it was made.",
      });
    }
    const family = familyOf(request);
    const time = String(Math.floor(nowMs / 1000));
    return {
      [`${family}-id`]: id,
      [`${family}-timestamp`]: time,
      [`${family}-signature`]: `v1,${signatureOf(request, key, id, time)}`,
    };
  },
  verify(request, secrets, nowMs, { toleranceMs } = {}) {
    if (secrets.length === 0) return NO_SECRET;
    const keys = secrets.map(keyOf).filter((key) => key !== undefined);
    if (keys.length === 0) return refuse("the secret is not base64, as standard-webhooks wants it");
    const family = familyOf(request);
    const [id, time, received] = NAMES.map((name) => fieldOf(request, `${family}-${name}`));
    if (id === undefined || time === undefined || received === undefined) {
      return refuse(`one of the headers ${NAMES.map((name) => `${family}-${name}`).join(", ")} is missing`);
    }
    const signedMs = secondsOf(time);
    if (signedMs === undefined) return refuse(`the header ${family}-timestamp holds no time in seconds`);
    const codes = received.split(" ").filter((one) => one.startsWith("v1,"));
    const expected = keys.map((key) => `v1,${signatureOf(request, key, id, time)}`);
    if (!expected.some((one) => codes.some((code) => isSame(one, code)))) return NO_MATCH;
    return checkTime(signedMs, nowMs, toleranceMs) ?? { ok: true, deliveryId: id };
  },
};

function familyOf(request: SignedRequest): (typeof FAMILIES)[number] {
  return FAMILIES.find((family) => fieldOf(request, `${family}-signature`) !== undefined) ?? "webhook";
}

function keyOf(secret: string): Buffer | undefined {
  const text = secret.replace(/^whsec_/, "");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}

function signatureOf({ body }: SignedRequest, key: Buffer, id: string, time: string): string {
  return macOf("sha256", key, [id, ".", time, ".", body], "base64");
}
