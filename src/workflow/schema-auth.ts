/** The part of the JSON Schema that describes a trigger's `auth`. No I/O. */
import type { Json } from "../json.ts";
import { PRESET_NAMES } from "../signature/presets.ts";
import { MAC_ALGORITHMS, MAC_ENCODINGS, TIME_FORMATS } from "./parse/auth.ts";

type Schema = { readonly [key: string]: Json };

const map = (properties: Schema, required: readonly string[], description?: string): Schema => ({
  type: "object",
  additionalProperties: false,
  required: [...required],
  properties,
  ...(description === undefined ? {} : { description }),
});
const kind = (name: string, options: Json): Json => map({ [name]: options }, [name]);
const NOTHING: Schema = { type: ["object", "null"], additionalProperties: false };

const header = (description: string): Schema => ({
  type: "string",
  pattern: "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$",
  description,
});
const secret: Schema = { $ref: "#/$defs/secretNames" };
const common: Schema = {
  secret,
  tolerance: { $ref: "#/$defs/duration", description: "How far the signed time may lie from now. Default: 5m." },
  origin: {
    type: "string",
    pattern: "^https?://[^/?#@]+/?$",
    description: "What the sender takes for this server, where the URL is signed: https://hooks.example.com.",
  },
};

/** Definitions by name, for `$defs`. */
export const authSchemas: { readonly [name: string]: Json } = {
  secretName: { type: "string", pattern: "^\\s*(?:\\$\\{\\{\\s*secrets\\.[A-Za-z_]\\w*\\s*\\}\\}|[A-Za-z_]\\w*)\\s*$" },
  secretNames: {
    description: "The name of a secret of the environment or .env, or several while it is rotated.",
    anyOf: [{ $ref: "#/$defs/secretName" }, { type: "array", minItems: 1, items: { $ref: "#/$defs/secretName" } }],
  },
  auth: {
    description: "How callers prove who they are: a kind, or a map of one kind to its options. Default: none.",
    anyOf: [
      { enum: ["none", "user-token", "api-key"] },
      kind("none", NOTHING),
      kind("user-token", NOTHING),
      kind("api-key", {
        description: "A project's API key (`wf keys`); with `secret`, a secret of your own in a header.",
        anyOf: [NOTHING, map({ header: header("Default: x-api-key."), secret }, ["secret"])],
      }),
      kind("bearer", map({ secret }, ["secret"], "`Authorization: Bearer <secret>`.")),
      kind(
        "basic",
        map(
          { username: { type: "string", pattern: "^[^:]*$" }, secret },
          ["username", "secret"],
          "`Authorization: Basic …`; the secret is the password.",
        ),
      ),
      kind("signature", {
        description: "A code over the body that the sender makes with a shared secret.",
        anyOf: [
          map({ preset: { enum: [...PRESET_NAMES] }, ...common }, ["preset", "secret"]),
          map(
            {
              header: header("Carries the signature."),
              algorithm: { enum: [...MAC_ALGORITHMS], description: "Of the HMAC. Default: sha256." },
              encoding: { enum: [...MAC_ENCODINGS], description: "Default: hex." },
              prefix: { type: "string", description: "Stands before the code, for example sha256=." },
              timestamp: map(
                {
                  header: header("Carries the time of sending."),
                  format: { enum: [...TIME_FORMATS], description: "Default: seconds (since 1970)." },
                },
                ["header"],
              ),
              id: header("Carries the delivery's id: a second delivery with it gets the first one's answer."),
              content: {
                type: "string",
                pattern: "\\{body\\}",
                description: "What is signed. Default: {body}, or {timestamp}.{body} with a timestamp.",
              },
              ...common,
            },
            ["header", "secret"],
          ),
        ],
      }),
    ],
  },
};
