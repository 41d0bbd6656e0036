/** The public keys that user tokens are checked with, kept current while the server runs. */
import { createPublicKey, type JsonWebKeyInput, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Log } from "../../log.ts";
import type { TokenKeySource } from "../../workflow/settings-auth.ts";

export interface TokenKey {
  /** Absent for a PEM file: its key may have made any token. */
  readonly kid?: string;
  /** The only algorithm that the key's owner lets it be used with. */
  readonly alg?: string;
  readonly key: KeyObject;
}

/** One entry of `auth.user_token.keys`. */
export interface TokenKeys {
  /** Looks whether the keys are due to be read again; costs next to nothing when they are not. */
  refreshIfDue(): void;
  /** The keys that may have made a token with this `kid`. */
  candidates(kid: string | undefined): Promise<readonly TokenKey[]>;
}

export interface TokenKeysOptions {
  readonly root: string;
  readonly log: Log;
  /** Called when keys have come or gone: what was verified before may no longer hold. */
  readonly onChange: () => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export function openTokenKeys(source: TokenKeySource, options: TokenKeysOptions): TokenKeys {
  return "jwks" in source ? new KeySet(source.jwks, options) : new KeyFile(source.pemFile, options);
}

const FILE_CHECKED_EVERY_MS = 2_000;

/** A PEM file, read again when it has changed. */
class KeyFile implements TokenKeys {
  readonly #path: string;
  readonly #name: string;
  readonly #options: TokenKeysOptions;
  #keys: readonly TokenKey[] = [];
  #version = "";
  #checkedAt = -Infinity;

  constructor(name: string, options: TokenKeysOptions) {
    this.#name = name;
    this.#path = resolve(options.root, name);
    this.#options = options;
    this.refreshIfDue();
  }

  refreshIfDue(): void {
    const now = this.#options.clock();
    if (now - this.#checkedAt < FILE_CHECKED_EVERY_MS) return;
    this.#checkedAt = now;
    const about = statSync(this.#path, { throwIfNoEntry: false });
    const version = about === undefined ? "gone" : `${about.mtimeMs} ${about.size} ${about.ino}`;
    if (version === this.#version) return;
    this.#version = version;
    // A file that cannot be read lets nobody in: taking the key away is how its owner revokes it.
    this.#keys = this.#read();
    this.#options.onChange();
  }

  candidates(): Promise<readonly TokenKey[]> {
    return Promise.resolve(this.#keys);
  }

  #read(): readonly TokenKey[] {
    try {
      return [{ key: createPublicKey(readFileSync(this.#path)) }];
    } catch (error) {
      this.#options.log.error({ file: this.#name, err: error }, "A key of user tokens cannot be read");
      return [];
    }
  }
}

/** A key set is fetched again after this time, in the background. */
const SET_FRESH_MS = 600_000;
/** Between two attempts, whatever callers ask for: an unknown `kid` costs its sender nothing. */
const SET_COOLDOWN_MS = 30_000;
/** Keys of a set that cannot be fetched any more are trusted this long. */
const SET_TRUSTED_MS = 86_400_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_SET_BYTES = 262_144;
const MAX_KEYS = 100;

/** A JSON Web Key Set behind a URL (RFC 7517). */
class KeySet implements TokenKeys {
  readonly #url: string;
  readonly #options: TokenKeysOptions;
  #keys: readonly TokenKey[] = [];
  #fingerprint = "";
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  #fetching: Promise<void> | undefined;

  constructor(url: string, options: TokenKeysOptions) {
    this.#url = url;
    this.#options = options;
  }

  refreshIfDue(): void {
    const now = this.#options.clock();
    if (now - this.#fetchedAt < SET_FRESH_MS) return;
    if (this.#keys.length > 0 && now - this.#fetchedAt > SET_TRUSTED_MS) this.#replace([], "");
    void this.#refresh(now);
  }

  async candidates(kid: string | undefined): Promise<readonly TokenKey[]> {
    const known = this.#named(kid);
    if (known.length > 0) return known;
    await this.#refresh(this.#options.clock());
    return this.#named(kid);
  }

  #named(kid: string | undefined): readonly TokenKey[] {
    return kid === undefined ? this.#keys : this.#keys.filter((key) => key.kid === undefined || key.kid === kid);
  }

  #refresh(now: number): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (now - this.#triedAt < SET_COOLDOWN_MS) return Promise.resolve();
    this.#triedAt = now;
    this.#fetching = this.#fetch(now).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(now: number): Promise<void> {
    try {
      const text = await fetchText(this.#url);
      const keys = keysOf(JSON.parse(text));
      this.#fetchedAt = now;
      this.#replace(keys, text);
    } catch (error) {
      // What was fetched before goes on to count.
      this.#options.log.warn({ url: this.#url, err: error, kept: this.#keys.length }, "A key set cannot be fetched");
    }
  }

  #replace(keys: readonly TokenKey[], fingerprint: string): void {
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    this.#keys = keys;
    this.#options.onChange();
  }
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_SET_BYTES) throw new Error(`it is longer than ${MAX_SET_BYTES} bytes`);
  }
  return text + decoder.decode();
}

/** Keys of kinds that are not understood, or meant for encryption, are passed over (RFC 7517 section 5). */
function keysOf(set: unknown): readonly TokenKey[] {
  const keys: unknown = (set as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error("it is no key set: `keys` is missing");
  return keys
    .slice(0, MAX_KEYS)
    .flatMap((jwk: JsonWebKeyInput["key"] & { kid?: unknown; alg?: unknown; use?: unknown }) => {
      // A symmetric key in public would let everyone sign.
      if (jwk === null || typeof jwk !== "object" || jwk.kty === "oct") return [];
      if (jwk.use !== undefined && jwk.use !== "sig") return [];
      try {
        const key = createPublicKey({ key: jwk, format: "jwk" });
        const { kid, alg } = jwk;
        return [{ key, ...(typeof kid === "string" && { kid }), ...(typeof alg === "string" && { alg }) }];
      } catch {
        return [];
      }
    });
}
