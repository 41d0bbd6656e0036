/** The yardstick: `node:http` that reads and parses a JSON body and answers 202, nothing else. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response.writeHead(202, { "content-type": "application/json" });
    response.end('{"status":"EXECUTING"}');
  });
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) {
    process.stdout.write(`{"event":"ready","url":"http://127.0.0.1:${address.port}"}\n`);
  }
});
