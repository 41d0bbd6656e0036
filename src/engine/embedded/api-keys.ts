/** API keys in the embedded store, beside the engine that owns it. */
import { hash, randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ApiKey, ApiKeyStore, ApiScope } from "../api-keys.ts";
import { failureKind, storeError } from "./failure.ts";
import { openShared } from "./shared.ts";

/** Says what it is wherever it turns up, to people and to programs that look for leaked keys. */
const PREFIX = "wf_";
const SECRET_BYTES = 32;
const HINT_LENGTH = 4;

interface KeyRow {
  readonly name: string;
  readonly hint: string;
  readonly scopes: string;
  readonly created: number;
  readonly expires: number | null;
}

/**
 * Opens the keys of a store, also while a server runs on it: every look reads what is committed at that moment.
 *
 * @param directory - The store's folder; made, with an empty store in it, when it is missing.
 * @throws {@link WfError} `STORE_VERSION`, `STORE_FAILED`; `STORE_LOCKED` while another process has a store that must
 * first be brought up to date
 */
export function openApiKeys(directory: string): ApiKeyStore {
  const { database, file } = openShared(directory);
  return new ApiKeyTable(database, file);
}

class ApiKeyTable implements ApiKeyStore {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #find: StatementSync;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
    this.#find = database.prepare("SELECT * FROM api_keys WHERE hash = ? AND (expires IS NULL OR expires > ?)");
  }

  create(key: {
    readonly name: string;
    readonly scopes: readonly ApiScope[];
    readonly expiresAt: string | null;
  }): { readonly key: ApiKey; readonly secret: string } | undefined {
    const secret = `${PREFIX}${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const row: KeyRow = {
      name: key.name,
      hint: secret.slice(-HINT_LENGTH),
      scopes: key.scopes.join(" "),
      created: Date.now(),
      expires: key.expiresAt === null ? null : Date.parse(key.expiresAt),
    };
    try {
      this.#database
        .prepare("INSERT INTO api_keys (hash, name, hint, scopes, created, expires) VALUES (?, ?, ?, ?, ?, ?)")
        .run(digestOf(secret), row.name, row.hint, row.scopes, row.created, row.expires);
    } catch (error) {
      if (failureKind(error) === "exists") return undefined;
      throw storeError(error, this.#file);
    }
    return { key: keyOf(row), secret };
  }

  list(): readonly ApiKey[] {
    return (this.#database.prepare("SELECT * FROM api_keys ORDER BY name").all() as unknown as KeyRow[]).map(keyOf);
  }

  revoke(name: string): boolean {
    try {
      return this.#database.prepare("DELETE FROM api_keys WHERE name = ?").run(name).changes > 0;
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  find(secret: string): ApiKey | undefined {
    try {
      const row = this.#find.get(digestOf(secret), Date.now()) as KeyRow | undefined;
      return row && keyOf(row);
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  close(): void {
    this.#database.close();
  }
}

/**
 * One round of SHA-256 is enough: slow hashes make up for secrets that people choose, and nobody guesses 256 random bits.
 * For the same reason it does no harm that looking a digest up takes a time that depends on it.
 */
function digestOf(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

function keyOf({ name, hint, scopes, created, expires }: KeyRow): ApiKey {
  return {
    name,
    hint,
    scopes: scopes.split(" ") as ApiScope[],
    createdAt: new Date(created).toISOString(),
    expiresAt: expires === null ? null : new Date(expires).toISOString(),
  };
}
