/** The project's API keys, for programs of its own; types only. */

/** What a key opens. */
export type ApiScope = "trigger" | "history:read" | "history:write" | "deploy";

export interface ApiKey {
  /** Unique among the keys that there are. */
  readonly name: string;
  /** The key's last characters, to tell keys apart. */
  readonly hint: string;
  readonly scopes: readonly ApiScope[];
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  readonly expiresAt: string | null;
}

/** Finds a key that has neither been revoked nor expired, as of now. */
export type FindApiKey = (secret: string) => ApiKey | undefined | Promise<ApiKey | undefined>;

/** Where keys are kept. What one process writes, every other one sees at its next look. */
export interface ApiKeyStore {
  /**
   * Makes a key. Its secret is in the result and nowhere else: the store keeps a digest.
   *
   * @returns undefined when the name is taken
   */
  create(key: {
    readonly name: string;
    readonly scopes: readonly ApiScope[];
    readonly expiresAt: string | null;
  }): { readonly key: ApiKey; readonly secret: string } | undefined;
  /** By name; expired ones too. */
  list(): readonly ApiKey[];
  /** @returns false when there is no such key */
  revoke(name: string): boolean;
  find(secret: string): ApiKey | undefined;
  close(): void;
}
