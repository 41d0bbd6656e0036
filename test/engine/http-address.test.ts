import { expect, test } from "vitest";
import { createAddressGuard } from "../../src/engine/http/address.ts";
import {
  effectCall,
  failureFrom,
  httpStep,
  literal,
  computed,
  openHttp,
  outputOf,
  startPeer,
} from "./effect-fixture.ts";

test.each([
  "127.0.0.1",
  "127.255.0.9",
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "100.100.100.200",
  "169.254.169.254",
  "172.31.255.255",
  "192.168.0.1",
  "192.0.0.192",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::127.0.0.1",
  "::ffff:10.0.0.1",
  "::ffff:7f00:1",
  "64:ff9b::127.0.0.1",
  "64:ff9b:1::1",
  "2001::1",
  "2002:7f00:1::",
  "fc00::1",
  "fd00:ec2::254",
  "fe80::1%lo",
  "fec0::1",
  "ff02::1",
  "not an address",
])("refuses %s", (address) => {
  expect(createAddressGuard([]).refuses(address)).toBe(true);
});

test.each(["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])(
  "lets %s pass",
  (address) => {
    expect(createAddressGuard([]).refuses(address)).toBe(false);
  },
);

test("settings allow hosts, ports, addresses and networks", () => {
  const guard = createAddressGuard(["Crm.internal", "localhost:3000", "10.0.0.0/8", "::1", "[fd00::1]:80"]);
  expect(guard.allowsHost("crm.internal.", 1)).toBe(true);
  expect([guard.allowsHost("localhost", 3000), guard.allowsHost("localhost", 3001)]).toEqual([true, false]);
  expect([guard.allowsHost("[fd00::1]", 80), guard.allowsHost("fd00::1", 81)]).toEqual([true, false]);
  expect([
    guard.refuses("10.9.9.9"),
    guard.refuses("::ffff:10.9.9.9"),
    guard.refuses("11.0.0.1"),
    guard.refuses("192.168.1.1"),
  ]).toEqual([false, false, false, true]);
  expect(guard.refuses("::1")).toBe(false);
});

test.each(["http://x", "10.0.0.0/33", "a b", "", "host:port"])("refuses the setting %j", (entry) => {
  expect(() => createAddressGuard([entry])).toThrow(/http\.allow_private/);
});

test("a host out of an expression may not be private, in whatever spelling", async () => {
  const peer = await startPeer((_request, response) => {
    response.end();
  });
  const { http } = openHttp();
  const hosts = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "0",
  ];
  // The open pool has a warm connection to the same origin, which must not help.
  outputOf(await http(httpStep(peer.url), effectCall()));
  for (const host of hosts) {
    const outcome = failureFrom(await http(httpStep(computed(() => `http://${host}:${peer.port}/`)), effectCall()));
    expect([host, outcome.error.code, outcome.retryable]).toEqual([host, "ADDRESS_REFUSED", false]);
  }
  expect(peer.received).toHaveLength(1);
});

test("settings let an expression name a private host", async () => {
  const peer = await startPeer((_request, response) => {
    response.end();
  });
  const url = computed(() => peer.url);
  for (const allowed of ["127.0.0.1", `127.0.0.1:${peer.port}`, "127.0.0.0/8"]) {
    expect(outputOf(await openHttp({ allowPrivate: [allowed] }).http(httpStep(url), effectCall())).statusCode).toBe(
      200,
    );
  }
  const wrong = openHttp({ allowPrivate: ["127.0.0.1:1", "10.0.0.0/8"] });
  expect(failureFrom(await wrong.http(httpStep(url), effectCall())).error.code).toBe("ADDRESS_REFUSED");
});

test.each([
  [301, "POST", "GET"],
  [302, "POST", "GET"],
  [303, "PUT", "GET"],
  [307, "POST", "POST"],
  [308, "POST", "POST"],
  [302, "PUT", "PUT"],
])("a %i turns %s into %s", async (status, before, after) => {
  const peer = await startPeer((request, response) => {
    if (request.url === "/end") response.end();
    else response.writeHead(status, { location: "/end#x" }).end("moved");
  });
  const { http } = openHttp();
  const step = httpStep(peer.url, {
    method: before,
    body: { kind: "json", value: literal([1]) },
    auth: { kind: "bearer", token: literal("t") },
  });
  outputOf(await http(step, effectCall()));
  const last = peer.received[1];
  expect([last?.method, last?.url, last?.body.toString()]).toEqual([after, "/end", after === "GET" ? "" : "[1]"]);
  expect(last?.headers["content-type"]).toBe(after === "GET" ? undefined : "application/json");
  expect(last?.headers.authorization).toBe("Bearer t");
});

test("credentials stay behind when a redirect leaves the origin", async () => {
  const other = await startPeer((_request, response) => {
    response.end();
  });
  const peer = await startPeer((_request, response) => {
    response.writeHead(307, { location: `${other.url}/there` }).end();
  });
  const { http } = openHttp({ allowPrivate: ["127.0.0.1"] });
  const headers = literal({
    authorization: "Bearer t",
    cookie: "c=1",
    "x-api-key": "k",
    "x-plain": "p",
    host: "named.example",
  });
  outputOf(
    await http(
      httpStep(peer.url, { headers, auth: { kind: "header", name: "x-odd", value: literal("o") } }),
      effectCall(),
    ),
  );
  outputOf(await http(httpStep(peer.url, { auth: { kind: "query", name: "key", value: literal("q") } }), effectCall()));
  expect(peer.received.map(({ url }) => url)).toEqual(["/", "/?key=q"]);
  expect(other.received.map(({ url }) => url)).toEqual(["/there", "/there"]);
  const [got] = other.received;
  expect(got?.headers).toMatchObject({ "x-plain": "p", host: `127.0.0.1:${other.port}` });
  for (const name of ["authorization", "cookie", "x-api-key", "x-odd"]) expect(got?.headers[name]).toBeUndefined();
});

test.each(["http://127.0.0.1:1/", "http://[::1]:1/", "//localhost:1/"])(
  "a redirect to %s is refused although the file names a private host",
  async (location) => {
    const peer = await startPeer((_request, response) => {
      response.writeHead(302, { location }).end();
    });
    const { http } = openHttp();
    expect(failureFrom(await http(httpStep(peer.url), effectCall())).error.code).toBe("ADDRESS_REFUSED");
  },
);

test.each(["file:///etc/passwd", "javascript:1", "http://"])("a redirect to %s is a failure", async (location) => {
  const peer = await startPeer((_request, response) => {
    response.writeHead(302, { location }).end();
  });
  const { http } = openHttp();
  expect(failureFrom(await http(httpStep(peer.url), effectCall()))).toMatchObject({
    error: { code: "HTTP_FAILED" },
    retryable: false,
  });
});

test("redirects are bounded; none are followed when the step says so", async () => {
  const peer = await startPeer((_request, response) => {
    response.writeHead(302, { location: "/again" }).end();
  });
  const { http } = openHttp();
  expect(failureFrom(await http(httpStep(peer.url), effectCall())).error.message).toContain("more than 5 redirects");
  expect(peer.received).toHaveLength(6);
  expect(outputOf(await http(httpStep(peer.url, { maxRedirects: 0 }), effectCall())).statusCode).toBe(302);
});
