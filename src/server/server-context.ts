/** What every route works with; types only. */
import type { IncomingHttpHeaders } from "node:http";
import type { FindApiKey } from "../engine/api-keys.ts";
import type { CaptureStore } from "../engine/captures.ts";
import type { DeploymentStore } from "../engine/deployments.ts";
import type { Engine } from "../engine/engine.ts";
import type { UserStore } from "../engine/users.ts";
import type { Log } from "../log.ts";
import type { SourceReader } from "../workflow/check-sources.ts";
import type { Definition } from "../workflow/definition.ts";
import type { Settings } from "../workflow/settings.ts";
import type { BodyBudget } from "./limits.ts";
import type { Replays } from "./replay.ts";

/** What the server needs of the project's settings. */
export interface ServerSettings extends Pick<
  Settings,
  "project" | "host" | "port" | "responseTimeoutMs" | "maxBodyBytes" | "maxExecutions" | "drainMs"
> {
  /** Serve workflows without `auth` on an address that others reach. @defaultValue false */
  readonly allowUnauthenticated?: boolean;
  /** Origins of pages that may call triggers and the routes of users. @defaultValue none */
  readonly corsOrigins?: readonly string[];
}

/** What authentication looks at: the request before its body is parsed. */
export interface AuthRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as received, before any decoding; signatures are over these bytes. */
  readonly raw: Buffer;
}

/** `reason` goes to the log only: a caller who fails learns nothing from the answer. */
export type Authentication =
  | {
      readonly ok: true;
      readonly userId?: string;
      /** A second delivery with this id, within the time, gets the first one's answer. */
      readonly delivery?: { readonly id: string; readonly windowMs: number };
    }
  | {
      readonly ok: false;
      readonly reason: string;
      /** There was nothing to check it against: no secret is set. */
      readonly unchecked?: true;
    };

export type Authenticate = (definition: Definition, request: AuthRequest) => Authentication | Promise<Authentication>;

/** What deploying by the API needs. */
export interface DeploymentAccess {
  /** Opened when it is first asked for. */
  readonly store: () => DeploymentStore;
  readonly reader: SourceReader;
  /** Called after a change, before it is answered. */
  readonly changed: () => void;
}

/** Says whose a user token is. `reason` goes to the log only. */
type VerifyUser = (token: string) => UserOutcome | Promise<UserOutcome>;

type UserOutcome = { readonly ok: true; readonly userId: string } | { readonly ok: false; readonly reason: string };

export interface ServerOptions {
  readonly engine: Engine;
  /** Keeps what reaches test URLs; nothing is kept without it. */
  readonly captures?: CaptureStore;
  /** The live definitions by workflow id, asked for on every request, so that a reload takes effect at once. */
  readonly definitions: () => ReadonlyMap<string, Definition>;
  /** True for a workflow whose file has errors and never was without. @defaultValue never */
  readonly isBroken?: (workflowId: string) => boolean;
  readonly settings: ServerSettings;
  /** Opens the Task History API to the commands of this machine. */
  readonly localToken: string;
  readonly log: Log;
  /** Decides for every `auth` but `none`. @defaultValue refuses all of them */
  readonly authenticate?: Authenticate;
  /** Opens the API by key. @defaultValue there are no keys */
  readonly findApiKey?: FindApiKey;
  /** @defaultValue refuses every token */
  readonly verifyUser?: VerifyUser;
  /** Keeps what is known of users, opened when it is first asked for; the routes of users are not there without it. */
  readonly users?: () => UserStore;
  /** Takes deployments by the API; there is no such route without it. */
  readonly deployments?: DeploymentAccess;
  /**
   * The definitions are what was deployed: there are no test URLs, and workflows without `auth` are refused on every
   * address. @defaultValue false
   */
  readonly deployed?: boolean;
}

/** One server's state, shared by its routes. */
export interface ServerContext {
  readonly engine: Engine;
  readonly captures: CaptureStore | undefined;
  readonly isBroken: (workflowId: string) => boolean;
  readonly replays: Replays;
  readonly definitions: () => ReadonlyMap<string, Definition>;
  readonly settings: ServerSettings;
  readonly localToken: string;
  readonly log: Log;
  readonly authenticate: Authenticate;
  readonly findApiKey: FindApiKey;
  readonly verifyUser: VerifyUser;
  readonly users: (() => UserStore) | undefined;
  readonly deployments: DeploymentAccess | undefined;
  readonly deployed: boolean;
  readonly bodies: BodyBudget;
  /** Called when the drain is over: each ends one caller's wait for a reply. */
  readonly waits: Set<() => void>;
  /** New requests are refused. */
  draining: boolean;
  /** Workflows without `auth` are refused: others than this machine's users reach the server, or are meant to. */
  readonly anonymousRefused: boolean;
}
