import { lookup as resolve } from "node:dns";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { Agent, buildConnector } from "undici";
import type { Dispatcher } from "undici";
import { WfError } from "../../errors.ts";
import { createAddressGuard } from "./address.ts";
import type { AddressGuard } from "./address.ts";

/** Sends one request, as an undici dispatcher does; `wf test` answers in its place. */
export interface Transport {
  request(options: Dispatcher.RequestOptions): Promise<TransportAnswer>;
}

export interface TransportAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came, before content decoding. */
  readonly body: Readable;
}

/** Two pools that never share a connection: what one of them has checked is worth nothing to the other. */
export interface Dispatchers {
  /** For hosts that the workflow file names itself. */
  readonly open: Transport;
  /** For hosts that came out of an expression, a redirect or an answer. */
  readonly guarded: Transport;
  close(): Promise<void>;
}

/** @param allowPrivate - See {@link createAddressGuard}. */
export function createDispatchers(allowPrivate: readonly string[]): Dispatchers {
  const guard = createAddressGuard(allowPrivate);
  const openConnect = buildConnector({ allowH2: false });
  const checkedConnect = buildConnector({ allowH2: false, lookup: checkedLookup(guard) });

  const guardedConnect: buildConnector.connector = (options, callback) => {
    const port = Number(options.port || (options.protocol === "https:" ? 443 : 80));
    if (guard.allowsHost(options.hostname, port)) {
      openConnect(options, callback);
    } else if (isIP(options.hostname) !== 0 && guard.refuses(options.hostname)) {
      // Node asks no lookup for an address, so it is checked here.
      queueMicrotask(() => callback(refusal(options.hostname, options.hostname), null));
    } else {
      checkedConnect(options, callback);
    }
  };

  const open = new Agent({ connect: openConnect, allowH2: false });
  const guarded = new Agent({ connect: guardedConnect, allowH2: false });
  return {
    open,
    guarded,
    close: async () => {
      await Promise.all([open.destroy(), guarded.destroy()]);
    },
  };
}

/**
 * The socket connects to exactly the addresses that are checked here: there is no second resolution that could answer
 * otherwise. One private address among public ones refuses the host, since which one is used is not ours to choose.
 */
function checkedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, "", 0);
        return;
      }
      const refused = addresses.find(({ address }) => guard.refuses(address));
      const first = addresses[0];
      if (refused) callback(refusal(hostname, refused.address), "", 0);
      else if (first === undefined) callback(new Error(`${hostname} has no address`), "", 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function refusal(hostname: string, address: string): WfError {
  const named = hostname === address ? hostname : `${hostname} (${address})`;
  return new WfError("ADDRESS_REFUSED", `${named} is a private address, and its host is not written in the file.`);
}
