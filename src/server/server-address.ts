/** Which hosts are this machine. No I/O. */
import { isIPv4 } from "node:net";

/** True when only this machine reaches a server that is bound to this host. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === "localhost" || name === "::1" || name === "[::1]" || (isIPv4(name) && name.startsWith("127."));
}

/** The host of a `Host` header without its port, lower case; undefined when it is malformed. */
function hostName(header: string | undefined): string | undefined {
  return /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.exec(header?.toLowerCase() ?? "")?.[1];
}

/**
 * True when a `Host` header names this server: a page on another site that makes a browser resolve its own name to this
 * machine (DNS rebinding) is told apart by it.
 *
 * @param boundHost - What the server was told to listen on.
 * @param localAddress - The address that this connection came in on.
 */
export function isOwnHost(header: string | undefined, boundHost: string, localAddress: string | undefined): boolean {
  const name = hostName(header);
  if (name === undefined) return false;
  const bare = name.startsWith("[") ? name.slice(1, -1) : name;
  const local = localAddress?.replace(/^::ffff:/, "");
  return isLoopback(bare) || bare === boundHost.toLowerCase() || bare === local;
}
