/** The way to a project's captures: through the server that runs on it, or one that is started for the occasion. */
import { CaptureClient } from "../capture/capture-client.ts";
import { loadProject } from "../workflow/load.ts";
import { LiveSecrets } from "./live-secrets.ts";
import { createProblemReport } from "./serve-report.ts";
import { ServeSession } from "./serve-session.ts";
import { readServerState, type ServerState } from "./server-state.ts";

export interface CaptureLink {
  readonly root: string;
  readonly workflowId: string;
  readonly client: CaptureClient;
  readonly server: ServerState;
  /** Keeps what is shown and saved of captures free of the project's secrets. */
  readonly secrets: LiveSecrets;
  /** False when another command's server was joined. */
  readonly ownServer: boolean;
  /** Ends a server that was started here. */
  close(): Promise<void>;
}

/** @throws {@link WfError} what starting a server throws */
export async function openCaptureLink(
  root: string,
  workflowId: string,
  options: { readonly port?: number | undefined; readonly json?: boolean | undefined },
): Promise<CaptureLink> {
  const about = { root, workflowId };
  const running = readServerState(root);
  if (running !== undefined) {
    const client = new CaptureClient(running, workflowId);
    const secrets = new LiveSecrets(root);
    secrets.adopt((await loadProject(root)).definitions.values());
    return { ...about, client, server: running, secrets, ownServer: false, close: () => Promise.resolve() };
  }
  const session = await ServeSession.open({ dir: root, port: options.port, json: options.json }, createProblemReport());
  try {
    const server = await session.listen();
    const client = new CaptureClient(server, workflowId);
    const { secrets } = session;
    return { ...about, client, server, secrets, ownServer: true, close: () => session.close() };
  } catch (error) {
    await session.close();
    throw error;
  }
}
