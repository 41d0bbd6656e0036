/** The deployments of a running server elsewhere, by its API and a key. */
import type { DeployResult } from "../engine/deploy.ts";
import type { Deployment } from "../engine/deployments.ts";
import { ERRORS, WfError, type ErrorCode } from "../errors.ts";
import type { DefinitionSource } from "../workflow/definition.ts";
import { readUrl } from "./options.ts";
import { isLoopback } from "../server/server-address.ts";
import { note } from "./terminal.ts";
import { send } from "./send.ts";

export interface RemotePlace {
  /** The server's address. */
  readonly to?: string;
  /** An API key with the scope `deploy`. @defaultValue `WF_API_KEY` of the environment */
  readonly key?: string;
}

const TIMEOUT_MS = 60_000;

export class RemoteDeployments {
  readonly #base: string;
  readonly #url: URL;
  readonly #key: string;
  readonly #project: string;

  private constructor(url: URL, project: string, key: string) {
    this.#url = url;
    this.#base = `${url.pathname.replace(/\/$/, "")}/projects/${encodeURIComponent(project)}/deployments`;
    this.#key = key;
    this.#project = project;
  }

  /** @returns undefined without `--to`. @throws {@link WfError} `USAGE` without a key */
  static async open(root: string, { to, key }: RemotePlace): Promise<RemoteDeployments | undefined> {
    if (to === undefined) {
      if (key !== undefined) throw new WfError("USAGE", "--key is for a server that --to names.");
      return undefined;
    }
    const url = readUrl("--to", to);
    const secret = key ?? process.env["WF_API_KEY"];
    if (secret === undefined || secret === "") {
      throw new WfError("USAGE", "--to needs an API key.", {
        hint: "Set WF_API_KEY, or give --key; `wf keys create <name> --scope deploy` on the server makes one.",
      });
    }
    if (url.protocol === "http:" && !isLoopback(url.hostname))
      note("The key travels unencrypted: --to is not https.\n");
    const { loadSettings } = await import("../workflow/settings.ts");
    return new RemoteDeployments(url, (await loadSettings(root)).settings.project, secret);
  }

  async deploy(request: {
    readonly sources: readonly DefinitionSource[];
    readonly keepOthers: boolean;
  }): Promise<DeployResult & { readonly serving: boolean }> {
    return (await this.#call("POST", "", request)) as DeployResult & { readonly serving: boolean };
  }

  async list(): Promise<readonly Deployment[]> {
    return ((await this.#call("GET", "")) as { deployments: readonly Deployment[] }).deployments;
  }

  async rollBack(id: number | undefined): Promise<Deployment> {
    return (await this.#call("POST", "/rollback", { deployment: id ?? null })) as Deployment;
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await send({
      method,
      url: new URL(this.#base + path, this.#url),
      headers: [
        ["authorization", `Bearer ${this.#key}`],
        ["accept", "application/json"],
        ...(body === undefined ? [] : ([["content-type", "application/json"]] as const)),
      ],
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
      timeoutMs: TIMEOUT_MS,
    });
    const found = parse(answer.body);
    if (answer.status >= 200 && answer.status < 300 && found !== undefined) return found;
    const { code, message, hint } = (found ?? {}) as { code?: unknown; message?: unknown; hint?: unknown };
    throw new WfError(
      typeof code === "string" && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "INTERNAL",
      typeof message === "string" ? message : `The server answered ${answer.status} ${answer.statusText}.`,
      code === "ROUTE_NOT_FOUND"
        ? { hint: `The server has another project than \`${this.#project}\` of wf.yaml, or an older wf.` }
        : typeof hint === "string"
          ? { hint }
          : {},
    );
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
