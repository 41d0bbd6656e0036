import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { CapturedRequest } from "../src/engine/captures.ts";

/** A server on a free port that keeps every request as it came and answers 202. */
export interface Echo extends AsyncDisposable {
  readonly url: URL;
  /** In the order of their arrival. */
  readonly requests: CapturedRequest[];
}

export async function startEcho(): Promise<Echo> {
  const requests: CapturedRequest[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const names = request.rawHeaders.filter((_, at) => at % 2 === 0);
      const headers = names.map((name, at): [string, string] => [name, request.rawHeaders[at * 2 + 1] ?? ""]);
      requests.push({ method: request.method ?? "", url: request.url ?? "", headers, body });
      response.writeHead(202).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
