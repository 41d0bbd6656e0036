/** Signed requests that vendors publish in their documentation and in the tests of their libraries. */
import { hmacScheme, parseContent, type SignedContent } from "../../src/signature/hmac.ts";
import { SIGNATURE_PRESETS } from "../../src/signature/presets.ts";
import type { SignatureScheme } from "../../src/signature/scheme.ts";

export interface Vector {
  readonly title: string;
  readonly source: string;
  readonly scheme: SignatureScheme;
  readonly secret: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
  readonly url?: string;
  /** The signed time in seconds; schemes without one verify at any. */
  readonly at?: number;
  /** The header that `sign` must make again. */
  readonly signature: string;
  /** False where the vendor signs with more than what `sign` makes (older schemes, another spelling of the URL). */
  readonly signable?: false;
}

const { github, shopify, slack, stripe, twilio, "standard-webhooks": standardWebhooks } = SIGNATURE_PRESETS;

const SLACK_BODY =
  "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
  "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
  "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
  "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

const STRIPE_EVENT = {
  id: "evt_123",
  object: "event",
  account: "acct_123",
  api_version: "2017-05-25",
  created: 1533204620,
};
const STRIPE_REST = {
  livemode: false,
  pending_webhooks: 1,
  request: { id: "req_123", idempotency_key: "idempotency-key-123" },
};
const STRIPE_CUSTOMER = {
  ...STRIPE_EVENT,
  data: {
    object: {
      id: "cus_123",
      object: "customer",
      created: 123456789,
      email: "test@stripe.com",
      livemode: false,
      metadata: {},
    },
  },
  ...STRIPE_REST,
  type: "customer.created",
};
const STRIPE_INVOICE_ITEM = {
  ...STRIPE_EVENT,
  data: {
    object: {
      id: "ii_123",
      object: "invoiceitem",
      amount: 1000,
      currency: "usd",
      customer: "cus_123",
      date: 1533204620,
      description: "Test Invoice Item",
      discountable: false,
      invoice: "in_123",
      livemode: false,
      metadata: {},
      period: { start: 1533204620, end: 1533204620 },
      proration: false,
      quantity: 3,
    },
  },
  ...STRIPE_REST,
  type: "invoiceitem.created",
};
const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const FORM = { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" };
const TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2";
const TWILIO_FORM = "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
const TWILIO_TESTS = "twilio-php, tests/Twilio/Unit/RequestValidatorTest.php";
const twilioVector = (title: string, signature: string, more: Partial<Vector> = {}): Vector => ({
  title: `twilio: ${title}`,
  source: TWILIO_TESTS,
  scheme: twilio,
  secret: "12345",
  headers: { ...FORM, "x-twilio-signature": signature },
  body: TWILIO_FORM,
  url: TWILIO_URL,
  signature,
  ...more,
});

const STANDARD = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  body: '{"test": 2432232314}',
  at: 1614265330,
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const standardHeaders = (family: string, signature: string): Vector["headers"] => ({
  [`${family}-id`]: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  [`${family}-timestamp`]: "1614265330",
  [`${family}-signature`]: signature,
});

export const VECTORS: readonly Vector[] = [
  {
    title: "github: the documentation's example",
    source: "docs.github.com, Validating webhook deliveries",
    scheme: github,
    secret: "It's a Secret to Everybody",
    body: "Hello, World!",
    headers: { "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
    signature: "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
  },
  {
    title: "slack: the documentation's slash command",
    source: "docs.slack.dev, Verifying requests from Slack",
    scheme: slack,
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    body: SLACK_BODY,
    at: 1531420618,
    headers: {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    signature: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  },
  {
    title: "stripe: an event with the old and the new scheme",
    source: "stripe-dotnet, src/StripeTests/Services/Events/EventUtilityTest.cs",
    scheme: stripe,
    secret: "webhook_secret",
    body: pretty(STRIPE_CUSTOMER),
    at: 1533204620,
    headers: {
      "stripe-signature":
        "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7," +
        "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef",
    },
    signature: "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7",
  },
  {
    title: "stripe: an invoice item",
    source: "async-stripe, src/webhook_events.rs",
    scheme: stripe,
    secret: "webhook_secret",
    body: pretty(STRIPE_INVOICE_ITEM),
    at: 1533204620,
    headers: {
      "stripe-signature": "t=1533204620,v1=82216eca827bcb7b34b8055eb2d2d9e6bc13b9ac39ded14a61e69f70c565f53a",
    },
    signature: "t=1533204620,v1=82216eca827bcb7b34b8055eb2d2d9e6bc13b9ac39ded14a61e69f70c565f53a",
  },
  {
    title: "shopify: a webhook",
    source: "sqlpage, tests of hmac",
    scheme: shopify,
    secret: "test-webhook-secret",
    body: '{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}',
    headers: { "x-shopify-hmac-sha256": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw=" },
    signature: "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw=",
  },
  {
    title: "shopify: the newer events' names",
    source: "sqlpage, tests of hmac",
    scheme: shopify,
    secret: "test-webhook-secret",
    body: '{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}',
    headers: { "shopify-hmac-sha256": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw=" },
    signature: "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw=",
  },
  twilioVector("the documentation's form", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
  twilioVector("names that stand several times", "IK+Dwps556ElfBT0I3Rgjkr1wJU=", {
    body: "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
  }),
  twilioVector("a port that Twilio left out", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", {
    url: TWILIO_URL.replace(".com", ".com:1234"),
    signable: false,
  }),
  twilioVector("a port that Twilio signed, http", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", {
    url: TWILIO_URL.replace(".com", ".com:1234").replace("https", "http"),
  }),
  twilioVector("a default port that Twilio added, https", "kvajT1Ptam85bY51eRf/AJRuM3w=", { signable: false }),
  twilioVector("a default port that Twilio added, http", "0ZXoZLH/DfblKGATFgpif+LLRf4=", {
    url: TWILIO_URL.replace("https", "http"),
    signable: false,
  }),
  twilioVector("a URL with credentials", "CukzLTc1tT5dXEDIHm/tKBanW10=", {
    url: TWILIO_URL.replace("//", "//user:pass@"),
  }),
  twilioVector("a URL with a user", "2YRLlVAflCqxaNicjMpJcSTgzSs=", { url: TWILIO_URL.replace("//", "//user@") }),
  twilioVector("a URL with credentials and an added port", "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=", {
    url: TWILIO_URL.replace("//", "//user:pass@"),
    signable: false,
  }),
  twilioVector("JSON by its hash", "a9nBmqA0ju/hNViExpshrM61xv4=", {
    headers: { "content-type": "application/json", "x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4=" },
    body: '{"property": "value", "boolean": true}',
    url: `${TWILIO_URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620`,
  }),
  {
    ...STANDARD,
    title: "standard-webhooks: the specification's example",
    source: "standard-webhooks, spec and libraries' tests",
    scheme: standardWebhooks,
    headers: standardHeaders("webhook", STANDARD.signature),
  },
  {
    ...STANDARD,
    title: "standard-webhooks: Svix's names",
    source: "docs.svix.com, Verifying webhooks manually",
    scheme: standardWebhooks,
    headers: standardHeaders("svix", STANDARD.signature),
  },
  {
    ...STANDARD,
    title: "standard-webhooks: several signatures, and a secret without its prefix",
    source: "standard-webhooks, libraries' tests",
    scheme: standardWebhooks,
    secret: STANDARD.secret.slice("whsec_".length),
    headers: standardHeaders("webhook", `v1a,AAAA v1,bm9ldHU= ${STANDARD.signature} v2,bm9ldHU=`),
  },
  {
    title: "hmac: RFC 4231, test case 2, SHA-256",
    source: "RFC 4231 section 4.3",
    scheme: hmacScheme({ header: "x-mac" }),
    secret: "Jefe",
    body: "what do ya want for nothing?",
    headers: { "x-mac": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    signature: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  },
  {
    title: "hmac: RFC 4231, test case 2, SHA-512 in upper case",
    source: "RFC 4231 section 4.3",
    scheme: hmacScheme({ header: "X-Mac", algorithm: "sha512" }),
    secret: "Jefe",
    body: "what do ya want for nothing?",
    headers: {
      "x-mac":
        "164B7A7BFCF819E2E395FBE73B56E0A387BD64222E831FD610270CD7EA2505549758BF75C05A994A6D034F65F8F0E6FDCAEAB1A34D4A6B4B636E070A38BCE737",
    },
    signature:
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
  },
  {
    title: "hmac: RFC 2202, test case 2, SHA-1",
    source: "RFC 2202 section 3",
    scheme: hmacScheme({ header: "x-mac", algorithm: "sha1", prefix: "sha1=" }),
    secret: "Jefe",
    body: "what do ya want for nothing?",
    headers: { "x-mac": "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
    signature: "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
  },
  {
    title: "hmac: Slack's example by the general form",
    source: "docs.slack.dev, Verifying requests from Slack",
    scheme: hmacScheme({
      header: "X-Slack-Signature",
      prefix: "v0=",
      timestamp: { header: "X-Slack-Request-Timestamp", format: "seconds" },
      content: parseContent("v0:{timestamp}:{body}") as SignedContent,
    }),
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    body: SLACK_BODY,
    at: 1531420618,
    headers: {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    signature: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  },
];
