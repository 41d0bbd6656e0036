import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ApiKey, ApiKeyStore, ApiScope } from "../engine/api-keys.ts";
import { openApiKeys } from "../engine/embedded/api-keys.ts";
import { WfError } from "../errors.ts";
import type { HistoryPlace } from "./history-store.ts";
import { readDuration } from "./options.ts";
import { findRoot } from "./project.ts";
import { readServerState } from "./server-state.ts";
import { storeDirectory } from "./store-directory.ts";
import { layOut, note, paint, print, printJson } from "./terminal.ts";

export interface CreateKeyOptions extends HistoryPlace {
  readonly scope?: readonly string[];
  readonly expires?: string;
  readonly json?: boolean;
}

export interface KeyOptions extends HistoryPlace {
  readonly json?: boolean;
}

const SCOPES: readonly ApiScope[] = ["trigger", "history:read", "history:write", "deploy"];
const NO_KEYS = "No keys. `wf keys create <name> --scope trigger` makes one.\n";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `wf keys create`: the only time that the key itself is shown. @returns The exit code. */
export async function createKey(name: string, options: CreateKeyOptions): Promise<number> {
  if (!NAME.test(name)) {
    throw new WfError("USAGE", `"${name}" cannot be a key's name.`, {
      hint: "Letters, digits, dots, - and _, at most 64: say who will use it.",
    });
  }
  const scopes = readScopes(options.scope);
  const expires = options.expires === undefined ? undefined : readDuration("--expires", options.expires);
  const expiresAt = expires === undefined ? null : new Date(Date.now() + expires).toISOString();
  return withKeys(options, (keys) => {
    const made = keys.create({ name, scopes, expiresAt });
    if (made === undefined) {
      throw new WfError("USAGE", `There is a key named ${name} already.`, {
        hint: `Take another name, or \`wf keys revoke ${name}\` first.`,
      });
    }
    if (options.json) printJson({ ...made.key, secret: made.secret });
    else {
      print(`${made.secret}\n`);
      note(`${paint("green", "created", process.stderr)} ${name} (${scopes.join(", ")})${until(made.key)}\n`);
      note("Keep it now: it is not shown again, and the store holds its digest only.\n");
    }
    return 0;
  });
}

/** `wf keys list`. @returns The exit code. */
export async function listKeys(options: KeyOptions): Promise<number> {
  // A look at the keys makes no store.
  if (!existsSync(join(await storeOf(options), "wf.db"))) {
    if (!options.json) note(NO_KEYS);
    return 0;
  }
  return withKeys(options, (keys) => {
    const found = keys.list();
    if (options.json) for (const key of found) printJson(key);
    else if (found.length === 0) note(NO_KEYS);
    else {
      const header = ["name", "key", "scopes", "created", "expires"];
      const rows = found.map((key) => [
        key.name,
        `wf_…${key.hint}`,
        key.scopes.join(","),
        key.createdAt.slice(0, 10),
        expiryOf(key),
      ]);
      print(layOut([header, ...rows], (cell, _column, row) => (row === 0 ? paint("dim", cell) : cell)));
    }
    return 0;
  });
}

/** `wf keys revoke`: running servers refuse it from the next request on. @returns The exit code. */
export async function revokeKey(name: string, options: KeyOptions): Promise<number> {
  return withKeys(options, (keys) => {
    if (!keys.revoke(name)) {
      throw new WfError("USAGE", `There is no key named ${name}.`, { hint: "`wf keys list` shows their names." });
    }
    if (options.json) printJson({ name, revoked: true });
    else note(`${paint("green", "revoked", process.stderr)} ${name}\n`);
    return 0;
  });
}

/** Works beside a running server, on whose store it opens the same table. */
async function withKeys(place: HistoryPlace, use: (keys: ApiKeyStore) => number): Promise<number> {
  const keys = openApiKeys(await storeOf(place));
  try {
    return use(keys);
  } finally {
    keys.close();
  }
}

async function storeOf(place: HistoryPlace): Promise<string> {
  const root = findRoot(place.dir);
  const running = place.store === undefined ? readServerState(root)?.store : undefined;
  return running ?? (await storeDirectory(root, place.store));
}

function readScopes(given: readonly string[] = []): readonly ApiScope[] {
  const names = given.flatMap((one) => one.split(",")).map((one) => one.trim());
  const hint = `Scopes: ${SCOPES.join(", ")}; several as --scope trigger,history:read.`;
  if (names.length === 0) throw new WfError("USAGE", "--scope is missing: a key opens what it says.", { hint });
  const wrong = names.find((name) => !SCOPES.some((scope) => scope === name));
  if (wrong !== undefined) throw new WfError("USAGE", `--scope: there is no scope "${wrong}".`, { hint });
  return SCOPES.filter((scope) => names.includes(scope));
}

function until({ expiresAt }: ApiKey): string {
  return expiresAt === null ? "" : `, until ${expiresAt}`;
}

function expiryOf({ expiresAt }: ApiKey): string {
  if (expiresAt === null) return "never";
  return Date.parse(expiresAt) <= Date.now() ? `expired ${expiresAt.slice(0, 10)}` : expiresAt.slice(0, 16);
}
