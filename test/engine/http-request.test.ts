import { expect, test } from "vitest";
import {
  computed,
  effectCall,
  failureFrom,
  httpStep,
  literal,
  openHttp,
  outputOf,
  startPeer,
} from "./effect-fixture.ts";

function ok(): Parameters<typeof startPeer>[0] {
  return (_request, response) => {
    response.setHeader("content-type", "application/json").end('{"ok":true}');
  };
}

test("sends query, headers and JSON, and its own idempotency key", async () => {
  const peer = await startPeer(ok());
  const { http } = openHttp();
  const outcome = await http(
    httpStep(`${peer.url}/a?x=1`, {
      method: "POST",
      query: literal({ tag: ["a b", "ü"], none: null, n: 3 }),
      headers: literal({ "X-Many": ["1", "2"], Accept: "text/plain", Gone: null }),
      body: { kind: "json", value: literal({ name: "Zoë" }) },
    }),
    effectCall(),
  );
  expect(outputOf(outcome)).toMatchObject({ statusCode: 200, body: { ok: true } });
  const [request] = peer.received;
  expect(request?.url).toBe("/a?x=1&tag=a+b&tag=%C3%BC&n=3");
  expect(request?.headers).toMatchObject({
    "content-type": "application/json",
    "content-length": "15",
    accept: "text/plain",
    "idempotency-key": "e-1:call",
    "user-agent": expect.stringMatching(/^wf\/\d/) as string,
    "x-many": "1, 2",
  });
  expect(request?.body.toString()).toBe('{"name":"Zoë"}');
  expect(outcome.input).toMatchObject({ method: "POST", body: { name: "Zoë" } });
});

test("sends forms", async () => {
  const peer = await startPeer(ok());
  const { http } = openHttp();
  await http(
    httpStep(peer.url, { method: "POST", body: { kind: "form", fields: literal({ a: "1 2", b: ["x", "y"] }) } }),
    effectCall(),
  );
  expect(peer.received[0]?.body.toString()).toBe("a=1+2&b=x&b=y");
  expect(peer.received[0]?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
});

test("sends multipart with files, with the same bytes on every attempt", async () => {
  const peer = await startPeer(ok());
  const { http, files } = openHttp();
  const file = await files.write(Buffer.from([0, 1, 2, 255]), { name: 'a"b.bin', mimeType: "application/x-b" });
  const step = httpStep(peer.url, {
    method: "POST",
    body: {
      kind: "multipart",
      parts: literal({ note: "hi", meta: { a: 1 }, up: file, other: { file, name: "n.txt", type: "text/plain" } }),
    },
  });
  outputOf(await http(step, effectCall()));
  outputOf(await http(step, effectCall({ attempt: 2 })));
  const [first, second] = peer.received;
  expect(first?.body.equals(second?.body ?? Buffer.alloc(0))).toBe(true);
  const form = await new Response(new Uint8Array(first?.body ?? []), {
    headers: { "content-type": first?.headers["content-type"] ?? "" },
  }).formData();
  expect(form.get("note")).toBe("hi");
  expect(form.get("meta")).toBe('{"a":1}');
  const up = form.get("up") as File;
  expect([up.name, up.type, [...new Uint8Array(await up.arrayBuffer())]]).toEqual([
    'a"b.bin',
    "application/x-b",
    [0, 1, 2, 255],
  ]);
  expect((form.get("other") as File).name).toBe("n.txt");
});

test("sends a text or a file as it is", async () => {
  const peer = await startPeer(ok());
  const { http, files } = openHttp();
  const file = await files.write(Buffer.from("%PDF"), { name: "a.pdf", mimeType: "application/pdf" });
  outputOf(
    await http(httpStep(peer.url, { method: "PUT", body: { kind: "raw", value: literal(file) } }), effectCall()),
  );
  outputOf(
    await http(
      httpStep(peer.url, {
        method: "PUT",
        headers: literal({ "content-type": "application/xml" }),
        body: { kind: "raw", value: literal("<a/>") },
      }),
      effectCall(),
    ),
  );
  expect(
    peer.received.map(({ headers, body }) => [headers["content-type"], headers["content-length"], body.toString()]),
  ).toEqual([
    ["application/pdf", "4", "%PDF"],
    ["application/xml", "4", "<a/>"],
  ]);
});

test.each([
  ["a line break in a header", { headers: literal({ "x-a": "1\r\nx-b: 2" }) }, "line break"],
  ["a header name with a space", { headers: literal({ "x a": "1" }) }, "no header name"],
  ["framing headers", { headers: literal({ "Content-Length": "1" }) }, "Content-Length"],
  ["headers that are no map", { headers: literal("x") }, "must be a map"],
  ["a map in the query", { query: literal({ a: { b: 1 } }) }, "query parameter a"],
  ["a line break in a token", { auth: { kind: "bearer", token: literal("a\nb") } as const }, "line break"],
])("refuses %s before anything is sent", async (_name, more, message) => {
  const peer = await startPeer(ok());
  const { http } = openHttp();
  const outcome = failureFrom(await http(httpStep(peer.url, more), effectCall()));
  expect(outcome.error.code).toBe("STEP_INVALID");
  expect(outcome.error.message).toContain(message);
  expect(outcome.retryable).toBe(false);
  expect(peer.received).toEqual([]);
});

test.each(["nonsense", "ftp://h/", "file:///etc/passwd", "/relative", 5])("refuses the URL %s", async (url) => {
  const { http } = openHttp();
  expect(failureFrom(await http(httpStep(literal(url)), effectCall())).error.code).toBe("STEP_INVALID");
});

test("refuses a file inside of JSON", async () => {
  const { http, files } = openHttp();
  const file = await files.write(Buffer.from("x"), { name: "a", mimeType: "text/plain" });
  const outcome = await http(
    httpStep("http://127.0.0.1:1", { method: "POST", body: { kind: "json", value: literal({ f: [file] }) } }),
    effectCall(),
  );
  expect(failureFrom(outcome).error.message).toContain("multipart");
});

test("authenticates, and keeps credentials out of the record", async () => {
  const peer = await startPeer(ok());
  const { http } = openHttp();
  const outcomes = [
    await http(httpStep(peer.url, { auth: { kind: "bearer", token: literal("tok-1") } }), effectCall()),
    await http(
      httpStep(peer.url, { auth: { kind: "basic", username: literal("u"), password: literal("pä:ss") } }),
      effectCall(),
    ),
    await http(
      httpStep(`${peer.url}/?a=1`, { auth: { kind: "query", name: "key", value: literal("k-1") } }),
      effectCall(),
    ),
    await http(httpStep(peer.url, { auth: { kind: "header", name: "X-Odd", value: literal("h-1") } }), effectCall()),
    await http(httpStep(peer.url.replace("http://", "http://me:pw@")), effectCall()),
  ];
  expect(peer.received.map(({ headers, url }) => headers.authorization ?? headers["x-odd"] ?? url)).toEqual([
    "Bearer tok-1",
    `Basic ${Buffer.from("u:pä:ss").toString("base64")}`,
    "/?a=1&key=k-1",
    "h-1",
    `Basic ${Buffer.from("me:pw").toString("base64")}`,
  ]);
  const records = JSON.stringify(outcomes.map(({ input }) => input));
  expect(records).not.toMatch(/tok-1|k-1|h-1|me:pw|Basic /);
  expect(records).toContain("[redacted]");
});

test("fetches one OAuth2 token for concurrent steps, and a new one after a 401", async () => {
  let issued = 0;
  let valid = "";
  const peer = await startPeer((request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url === "/token") {
      issued += 1;
      valid = `t${issued}`;
      response.end(JSON.stringify({ access_token: valid, token_type: "Bearer", expires_in: 3600 }));
    } else {
      response.statusCode = request.headers.authorization === `Bearer ${valid}` ? 200 : 401;
      response.end("{}");
    }
  });
  const { http } = openHttp();
  const step = httpStep(`${peer.url}/api`, {
    auth: {
      kind: "oauth2",
      tokenUrl: literal(`${peer.url}/token`),
      clientId: literal("id"),
      clientSecret: literal("s p"),
      scope: literal("a b"),
    },
  });
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => http(step, effectCall())));
  expect(outcomes.map((outcome) => outputOf(outcome).statusCode)).toEqual([200, 200, 200, 200, 200]);
  expect(issued).toBe(1);
  const asked = peer.received.find(({ url }) => url === "/token");
  expect(asked?.body.toString()).toBe("grant_type=client_credentials&scope=a+b");
  expect(Buffer.from(asked?.headers.authorization?.slice(6) ?? "", "base64").toString()).toBe("id:s+p");
  valid = "revoked";
  expect(outputOf(await http(step, effectCall())).statusCode).toBe(200);
  expect(issued).toBe(2);
});

test("sends client credentials in the body when the token endpoint refuses the header", async () => {
  const peer = await startPeer((request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url !== "/token") response.end("{}");
    else if (request.headers.authorization === undefined) response.end('{"access_token":"x"}');
    else response.writeHead(401).end('{"error":"invalid_client"}');
  });
  const { http } = openHttp();
  const auth = {
    kind: "oauth2",
    tokenUrl: literal(`${peer.url}/token`),
    clientId: literal("id"),
    clientSecret: literal("s"),
  } as const;
  outputOf(await http(httpStep(peer.url, { auth }), effectCall()));
  expect(peer.received[1]?.body.toString()).toBe("grant_type=client_credentials&client_id=id&client_secret=s");
});

test("tells why no token came, without the secret", async () => {
  const peer = await startPeer((_request, response) => {
    response
      .writeHead(400, { "content-type": "application/json" })
      .end('{"error":"invalid_scope","error_description":"no such scope"}');
  });
  const { http } = openHttp();
  const auth = {
    kind: "oauth2",
    tokenUrl: literal(`${peer.url}/token`),
    clientId: literal("id"),
    clientSecret: literal("hush"),
  } as const;
  const { error } = failureFrom(await http(httpStep(peer.url, { auth }), effectCall()));
  expect(error.code).toBe("HTTP_FAILED");
  expect(error.message).toContain("invalid_scope: no such scope");
  expect(error.message).not.toContain("hush");
});

test("a template that fails ends the step, and is not tried again", async () => {
  const { WfError } = await import("../../src/errors.ts");
  const { http } = openHttp();
  const broken = computed(() => {
    throw new WfError("EXPRESSION_FAILED", "no such field");
  });
  const outcome = failureFrom(await http(httpStep(broken), effectCall()));
  expect(outcome).toMatchObject({ error: { code: "EXPRESSION_FAILED" }, retryable: false });
});
