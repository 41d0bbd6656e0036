/** Keys and tokens made at run time, and a key set on a server that can change and die. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Pair {
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly pem: string;
}

let pairs = 0;

export function makePair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = publicKey.export({ type: "spki", format: "pem" });
  return { kid: `key-${++pairs}`, publicKey, privateKey, pem };
}

type Claims = Record<string, unknown>;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Good claims, with changes; undefined takes one out. */
export function claimsAt(nowMs: number, changes: Claims = {}): Claims {
  const now = Math.floor(nowMs / 1000);
  return { sub: "ada", iat: now, exp: now + 600, ...changes };
}

/** A JWT put together by hand, so that it can be wrong in any way. */
export function tokenOf(pair: Pair, claims: Claims, header: Claims = {}): string {
  const text = `${encode({ alg: "RS256", typ: "JWT", ...header })}.${encode(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), pair.privateKey).toString("base64url")}`;
}

/** Signed by HMAC with a text that everybody knows: the public key. */
export function confusedToken(claims: Claims, secret: string): string {
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

export function unsignedToken(claims: Claims, alg: string): string {
  return `${encode({ alg, typ: "JWT" })}.${encode(claims)}.`;
}

export interface KeySetServer {
  readonly url: string;
  /** What it serves from now on; undefined answers 500. */
  keys: readonly unknown[] | undefined;
  /** Requests so far. */
  readonly hits: number;
  close(): Promise<void>;
}

export const jwkOf = ({ kid, publicKey }: Pair): unknown => ({
  ...publicKey.export({ format: "jwk" }),
  kid,
  use: "sig",
  alg: "RS256",
});

export async function serveKeySet(...pairsServed: readonly Pair[]): Promise<KeySetServer> {
  const state = { keys: pairsServed.map(jwkOf) as readonly unknown[] | undefined, hits: 0 };
  const server = createServer((_request, response) => {
    state.hits++;
    if (state.keys === undefined) response.writeHead(500);
    response.end(JSON.stringify({ keys: state.keys }));
  });
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  onTestFinished(close);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    get keys() {
      return state.keys;
    },
    set keys(keys) {
      state.keys = keys;
    },
    get hits() {
      return state.hits;
    },
    close,
  };
}
