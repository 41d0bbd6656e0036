/** Captures as commands read them, beside a running server or without one. */
import { openCapturesToRead } from "../engine/embedded/captures.ts";
import type { CaptureReader } from "./request-samples.ts";
import { readServerState } from "./server-state.ts";
import { storeDirectory } from "./store-directory.ts";

/** Opens a project's captures for reading. @returns undefined when there are none */
export async function openCaptures(
  root: string,
  store: string | undefined,
): Promise<(CaptureReader & { close(): void }) | undefined> {
  const running = store === undefined ? readServerState(root)?.store : undefined;
  return openCapturesToRead(running ?? (await storeDirectory(root, store)));
}
