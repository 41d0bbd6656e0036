/** The vendors whose signatures are known by name. */
import { hmacScheme, type SignedContent } from "./hmac.ts";
import { fieldOf } from "./mac.ts";
import type { SignatureScheme } from "./scheme.ts";
import { standardWebhooks } from "./standard-webhooks.ts";
import { stripe } from "./stripe.ts";
import { twilio } from "./twilio.ts";

/**
 * The delivery's id is not signed, and neither is the time: whoever has seen one request can send it again for as long as
 * the secret lives.
 *
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
const github = hmacScheme({ header: "X-Hub-Signature-256", prefix: "sha256=", id: "X-GitHub-Delivery" });

const SLACK_CONTENT: SignedContent = ["v0:", { name: "timestamp" }, ":", { name: "body" }];

/** @see https://docs.slack.dev/authentication/verifying-requests-from-slack */
const slack = hmacScheme({
  header: "X-Slack-Signature",
  prefix: "v0=",
  timestamp: { header: "X-Slack-Request-Timestamp", format: "seconds" },
  content: SLACK_CONTENT,
});

const shopifyWebhook = hmacScheme({ header: "X-Shopify-Hmac-SHA256", encoding: "base64", id: "X-Shopify-Webhook-Id" });
const shopifyEvent = hmacScheme({ header: "Shopify-Hmac-SHA256", encoding: "base64", id: "Shopify-Webhook-Id" });

/**
 * Webhooks, and the newer events with their own names of the same fields. Neither id nor time is signed.
 *
 * @see https://shopify.dev/docs/apps/build/webhooks/subscribe/https
 * @see https://shopify.dev/docs/apps/build/events/verify-deliveries
 */
const shopify: SignatureScheme = {
  headers: [...shopifyWebhook.headers, ...shopifyEvent.headers],
  sign: (request, ...rest) => shopifyFamily(request).sign(request, ...rest),
  verify: (request, ...rest) => shopifyFamily(request).verify(request, ...rest),
};

function shopifyFamily(request: Parameters<typeof fieldOf>[0]): SignatureScheme {
  return fieldOf(request, "Shopify-Hmac-SHA256") === undefined ? shopifyWebhook : shopifyEvent;
}

export type PresetName = "stripe" | "github" | "slack" | "shopify" | "twilio" | "standard-webhooks";

/** Every preset by its name in files and on the command line. */
export const SIGNATURE_PRESETS: Readonly<Record<PresetName, SignatureScheme>> = {
  stripe,
  github,
  slack,
  shopify,
  twilio,
  "standard-webhooks": standardWebhooks,
};

export const PRESET_NAMES = Object.keys(SIGNATURE_PRESETS) as readonly PresetName[];
