/** Keeps a thread from the network: sockets refuse to connect, datagrams to leave. */
import { Socket as DatagramSocket } from "node:dgram";
import { Socket } from "node:net";

const MESSAGE = "functions have no network in an offline run";

/** For the rest of the thread's life, `fetch` included. Sockets of the file system count too. */
export function refuseConnections(): void {
  // TLS, HTTP and fetch all connect by this one method.
  Socket.prototype.connect = function connect(this: Socket): Socket {
    return this.destroy(Object.assign(new Error(MESSAGE), { code: "ERR_OFFLINE" }));
  };
  DatagramSocket.prototype.send = (): never => {
    throw Object.assign(new Error(MESSAGE), { code: "ERR_OFFLINE" });
  };
}
