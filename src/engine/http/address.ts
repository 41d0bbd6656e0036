/** Which addresses a request may reach when its host came out of data. No I/O. */
import { BlockList, isIP } from "node:net";
import { WfError } from "../../errors.ts";

/** Networks that are not the public internet, IANA's special-purpose registries and the clouds' metadata addresses. */
const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

const PRIVATE_V6: readonly (readonly [string, number])[] = [
  ["::", 96],
  ["::ffff:0:0:0", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
];

function privateNetworks(): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of PRIVATE_V4) {
    // A v4 rule also matches the v4-mapped form (::ffff:a.b.c.d); NAT64 needs a rule of its own.
    list.addSubnet(net, prefix, "ipv4");
    list.addSubnet(`64:ff9b::${net}`, 96 + prefix, "ipv6");
  }
  for (const [net, prefix] of PRIVATE_V6) list.addSubnet(net, prefix, "ipv6");
  return list;
}

/** Decides on hosts and on the addresses that they resolve to. */
export interface AddressGuard {
  /** True when the settings name this host (with or without this port), whatever it resolves to. */
  allowsHost(hostname: string, port: number): boolean;
  /** True for a private, loopback, link-local or otherwise special address that the settings do not allow. */
  refuses(address: string): boolean;
}

/**
 * @param allow - Hosts (`crm.internal`), hosts with port (`localhost:3000`, `[::1]:3000`), addresses, or networks (`10.0.0.0/8`).
 * @throws {@link WfError} `SETTINGS_INVALID` for an entry that is none of these
 */
export function createAddressGuard(allow: readonly string[]): AddressGuard {
  const refused = privateNetworks();
  const allowed = new BlockList();
  const hosts = new Set<string>();
  for (const entry of allow) addAllowed(entry.trim(), allowed, hosts);
  return {
    allowsHost: (hostname, port) => {
      const host = plainHost(hostname);
      return hosts.has(host) || hosts.has(`${host} ${port}`);
    },
    refuses: (address) => {
      const plain = withoutZone(address);
      const family = isIP(plain);
      if (family === 0) return true;
      const kind = family === 4 ? "ipv4" : "ipv6";
      return refused.check(plain, kind) && !allowed.check(plain, kind);
    },
  };
}

function addAllowed(entry: string, allowed: BlockList, hosts: Set<string>): void {
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(entry);
  if (network) {
    const [net, prefix] = [network[1] ?? "", Number(network[2])];
    const family = isIP(net);
    if (family === 0 || prefix > (family === 4 ? 32 : 128)) throw invalidEntry(entry);
    allowed.addSubnet(net, prefix, family === 4 ? "ipv4" : "ipv6");
    return;
  }
  const family = isIP(entry);
  if (family !== 0) {
    allowed.addAddress(entry, family === 4 ? "ipv4" : "ipv6");
    hosts.add(canonicalHost(entry) ?? entry);
    return;
  }
  const parts = /^(\[[0-9a-f.:]+\]|[^\s/:@?#[\]]+)(?::(\d{1,5}))?$/i.exec(entry);
  const host = parts ? canonicalHost(parts[1] ?? "") : undefined;
  if (!parts || host === undefined) throw invalidEntry(entry);
  hosts.add(parts[2] === undefined ? host : `${host} ${Number(parts[2])}`);
}

/** As URL spells hosts: lower case, Punycode, addresses in their shortest form. */
function canonicalHost(host: string): string | undefined {
  const url = URL.parse(`http://${isIP(host) === 6 ? `[${host}]` : host}/`);
  return url ? plainHost(url.hostname) : undefined;
}

function plainHost(hostname: string): string {
  return hostname
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
}

function withoutZone(address: string): string {
  const zone = address.indexOf("%");
  return zone === -1 ? address : address.slice(0, zone);
}

function invalidEntry(entry: string): WfError {
  return new WfError("SETTINGS_INVALID", `http.allow_private holds "${entry}", which is no host, address or network.`, {
    hint: "Write a host (crm.internal), a host with port (localhost:3000), an address, or a network (10.0.0.0/8).",
  });
}
