import { createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { WfError } from "../errors.ts";
import { readDuration } from "./options.ts";
import { findRoot } from "./project.ts";
import { note, paint, print, printJson } from "./terminal.ts";

export interface TokenKeysOptions {
  readonly dir?: string;
  readonly out?: string;
  readonly public?: string;
  readonly json?: boolean;
}

export interface MintOptions {
  readonly dir?: string;
  readonly user: string;
  readonly expires?: string;
  readonly key?: string;
  readonly json?: boolean;
}

const PRIVATE_FILE = join(".wf", "user-token.pem");
const PUBLIC_FILE = "user-token.pub.pem";
const MODULUS_BITS = 3072;
const DEFAULT_LIFETIME = "1h";

/** `wf token keys`: makes the pair that signs and checks user tokens. @returns The exit code. */
export async function makeTokenKeys(options: TokenKeysOptions): Promise<number> {
  const root = findRoot(options.dir);
  const privateFile = options.out === undefined ? join(root, PRIVATE_FILE) : resolve(options.out);
  const publicFile = options.public === undefined ? join(root, PUBLIC_FILE) : resolve(options.public);
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength: MODULUS_BITS });
  if (options.out === undefined) await ignoreFolder(dirname(privateFile));
  await writeKey(privateFile, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  try {
    await writeKey(publicFile, publicKey.export({ type: "spki", format: "pem" }), 0o644);
  } catch (error) {
    // A private key whose other half is missing is of no use, and would be in the way of the next try.
    await rm(privateFile, { force: true });
    throw error;
  }
  const pemFile = relative(root, publicFile).split("\\").join("/");
  if (options.json) {
    printJson({ privateFile, publicFile, pemFile });
    return 0;
  }
  const wrote = paint("green", "wrote", process.stderr);
  note(`${wrote} ${privateFile}  (private: whoever has it can be any user; keep it out of git)\n`);
  note(`${wrote} ${publicFile}  (public: commit it with wf.yaml)\n\nAdd to wf.yaml:\n\n`);
  print(`auth:\n  user_token:\n    keys:\n      - pem_file: ${JSON.stringify(pemFile)}\n`);
  return 0;
}

/** `wf token mint`: prints a user token for tests. @returns The exit code. */
export async function mintToken(options: MintOptions): Promise<number> {
  if (options.user === "") throw new WfError("USAGE", "--user is empty: a user token names its user.");
  const file = options.key === undefined ? join(findRoot(options.dir), PRIVATE_FILE) : resolve(options.key);
  const key = await readPrivateKey(file);
  const lifetimeMs = readDuration("--expires", options.expires ?? DEFAULT_LIFETIME);
  const { SignJWT } = await import("jose");
  const issuedAt = Math.floor(Date.now() / 1000);
  const expires = issuedAt + Math.ceil(lifetimeMs / 1000);
  const token = await new SignJWT({ sub: options.user, iat: issuedAt, exp: expires })
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .sign(key);
  if (options.json) printJson({ token, user: options.user, expiresAt: new Date(expires * 1000).toISOString() });
  else print(`${token}\n`);
  return 0;
}

async function writeKey(file: string, pem: string | Buffer, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(file, pem, { flag: "wx", mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new WfError("USAGE", `${file} exists, and keys are never written over.`, {
      hint: "Name other files with --out and --public; several keys may stand in wf.yaml while you rotate them.",
    });
  }
}

/** Also in a project that git does not know to leave `.wf/` alone. */
async function ignoreFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

async function readPrivateKey(file: string): Promise<KeyObject> {
  let key: KeyObject;
  try {
    key = createPrivateKey(await readFile(file));
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new WfError("USAGE", gone ? `There is no key ${file}.` : `${file} is no private key in PEM form.`, {
      hint: "`wf token keys` makes a pair; --key names the private one.",
      cause: error,
    });
  }
  if (key.asymmetricKeyType === "rsa") return key;
  throw new WfError("USAGE", `${file} is no RSA key: user tokens are signed with RS256.`);
}
