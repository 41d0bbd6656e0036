import { checkTime, fieldOf, isSame, macOf, NO_MATCH, NO_SECRET, refuse, secondsOf } from "./mac.ts";
import type { SignatureScheme, SignedRequest } from "./scheme.ts";

const HEADER = "Stripe-Signature";

/**
 * `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>…]`, over `t.body`.
 *
 * @remarks
 * A retry is signed anew, so that it counts as a delivery of its own; the event's id stands in the body.
 *
 * @see https://docs.stripe.com/webhooks/signature
 */
export const stripe: SignatureScheme = {
  headers: [HEADER.toLowerCase()],
  sign(request, secret, nowMs) {
    const time = String(Math.floor(nowMs / 1000));
    return { [HEADER]: `t=${time},v1=${signatureOf(request, secret, time)}` };
  },
  verify(request, secrets, nowMs, { toleranceMs } = {}) {
    if (secrets.length === 0) return NO_SECRET;
    const received = fieldOf(request, HEADER);
    if (received === undefined) return refuse(`the header ${HEADER} is missing`);
    let time: string | undefined;
    const codes: string[] = [];
    for (const part of received.split(",")) {
      if (part.startsWith("t=")) time ??= part.slice(2);
      // `v0` is made with no secret; taking it would open the door (Stripe: "ignore all schemes that aren't v1").
      else if (part.startsWith("v1=")) codes.push(part.slice(3));
    }
    const signedMs = time === undefined ? undefined : secondsOf(time);
    if (time === undefined || signedMs === undefined || codes.length === 0) {
      return refuse(`the header ${HEADER} is not of the form t=…,v1=…`);
    }
    const expected = secrets.map((secret) => signatureOf(request, secret, time));
    const match = expected.find((one) => codes.some((code) => isSame(one, code)));
    if (match === undefined) return NO_MATCH;
    return checkTime(signedMs, nowMs, toleranceMs) ?? { ok: true, deliveryId: match };
  },
};

function signatureOf({ body }: SignedRequest, secret: string, time: string): string {
  return macOf("sha256", secret, [time, ".", body], "hex");
}
