import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { selfSignedCertificate } from "../../desk/api-server/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import { payloadOf } from "../../src/http/index.ts";
import { listen } from "../servers/listen.ts";
import { openClient } from "./http-client.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const mib = 1024 * 1024;

/** A server of bare TCP. `reply` gets each piece that comes, and the connection's number, from 1. */
async function startBare(t: TestContext, reply: (socket: Socket, piece: string, connection: number) => void) {
  const seen: string[] = [];
  const server = createTcpServer((socket) => {
    const connection = seen.push("");
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      seen[connection - 1] += bytes.toString("latin1").slice(0, 1000);
      reply(socket, bytes.toString("latin1"), connection);
    });
  });
  return { origin: `http://127.0.0.1:${await listen(t, server)}`, seen };
}

const get = (origin: string, path = "/") => ({ method: "GET", origin, path, headers: {} });
const post = (origin: string) => ({
  ...get(origin),
  method: "POST",
  payload: payloadOf(Buffer.from("content")),
});

describe("an answer that comes before the request has been sent", () => {
  it("counts for nothing where it is a 2xx, and the source fails after it", async (t) => {
    const answered = Promise.withResolvers<void>();
    const { origin } = await startBare(t, (socket) => socket.write(ok, () => setImmediate(answered.resolve)));
    const source = async function* () {
      yield Buffer.from("some");
      await answered.promise;
      yield Buffer.from("more");
      throw new Error("disk on fire");
    };
    const payload = { sizeBytes: undefined, open: () => Readable.from(source(), { objectMode: false }) };

    await assert.rejects(
      openClient(t).request({ ...get(origin), method: "PUT", payload }, signal()),
      /disk on fire/,
    );
  });

  it("ends the sending where it is a refusal, and the connection with it", async (t) => {
    const refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno, ";
    const { origin, seen } = await startBare(t, (socket, piece, connection) => {
      if (connection === 1) socket.pause().write(refusal);
      else if (piece.endsWith("\r\n\r\n")) socket.write(ok);
    });
    let isDestroyed = false;
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(mib));
      },
      destroy(error, callback) {
        isDestroyed = true;
        callback(error);
      },
    });
    const client = openClient(t);

    const response = await client.request(
      { ...get(origin), method: "PUT", payload: { sizeBytes: undefined, open: () => endless } },
      signal(),
    );
    assert.deepEqual([response.status, await text(response.body)], [403, "no, "]);
    await text((await client.request(get(origin), signal())).body);

    assert.equal(isDestroyed, true);
    assert.equal(seen.length, 2);
  });
});

describe("a body that cannot be opened", () => {
  it("fails its own request with its own error, and nothing else, even where nobody listens", async (t) => {
    const payload = {
      sizeBytes: undefined,
      open(): Readable {
        throw new Error("the file is gone");
      },
    };

    await assert.rejects(
      openClient(t).request({ ...get("http://127.0.0.1:1"), method: "PUT", payload }, signal()),
      /the file is gone/,
    );
  });
});

describe("a kept connection", () => {
  it("that the server closed under a POST does not make it be sent twice, and a PATCH only where the caller says so", async (t) => {
    let requests = 0;
    const { origin } = await startBare(t, (socket, piece, connection) => {
      if (!piece.includes("HTTP/1.1")) return;
      requests += 1;
      // The second one of a connection is received, and never answered.
      if (socket.bytesWritten > 0 && connection < 3) socket.destroy();
      else socket.write(ok);
    });
    const client = openClient(t);
    await text((await client.request(get(origin), signal())).body);

    await assert.rejects(client.request(post(origin), signal()), (error: Error) => {
      assert.match(error.message, /^Post ".*": (unexpected EOF|read: connection reset by peer)$/);
      return isExecutorError(error, "Transient");
    });
    assert.equal(requests, 2);
    await text((await client.request(get(origin), signal())).body);
    const patched = await client.request({ ...post(origin), method: "PATCH", isRepeatable: true }, signal());

    assert.equal(await text(patched.body), "ok");
    assert.equal(requests, 5);
  });

  it("on which something comes unasked carries no other request", async (t) => {
    const sockets: Socket[] = [];
    const { origin, seen } = await startBare(t, (socket) => {
      sockets.push(socket);
      socket.write(ok);
    });
    const client = openClient(t);
    await text((await client.request(get(origin), signal())).body);
    const [first] = sockets;
    first?.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await once(first as Socket, "close");

    assert.equal(await text((await client.request(get(origin), signal())).body), "ok");
    assert.equal(seen.length, 2);
  });

  it("is not used again where the reader left the body in the middle", async (t) => {
    const server = createServer((_, response) => response.end(Buffer.alloc(4 * mib)));
    let connections = 0;
    server.on("connection", () => {
      connections += 1;
    });
    const client = openClient(t);
    const origin = `http://127.0.0.1:${await listen(t, server)}`;

    const first = await client.request(get(origin), signal());
    first.body.destroy();
    const second = await client.request(get(origin), signal());

    assert.equal((await buffer(second.body)).length, 4 * mib);
    assert.equal(connections, 2);
  });
});

describe("the body of an answer", () => {
  it("comes whole to a reader that is slow, and is not read ahead of it without bounds", async (t) => {
    let sentBytes = 0;
    const server = createServer(async (_, response) => {
      for (let n = 0; n < 64; n++) {
        sentBytes += mib;
        if (!response.write(Buffer.alloc(mib, n))) await once(response, "drain");
      }
      response.end();
    });
    const client = openClient(t);
    const response = await client.request(get(`http://127.0.0.1:${await listen(t, server)}`), signal());
    response.body.once("readable", () => {});
    await new Promise((resolve) => setTimeout(resolve, 200));

    assert.ok(sentBytes < 32 * mib, `${sentBytes} bytes were sent to a reader that did not read`);
    const content = await buffer(response.body);
    assert.equal(content.length, 64 * mib);
    assert.deepEqual([content[0], content.at(-1)], [0, 63]);
  });

  it("ends when the request is cancelled, with the reason", async (t) => {
    const server = createServer((_, response) => response.writeHead(200).write("begun"));
    const stop = new AbortController();
    const response = await openClient(t).request(
      get(`http://127.0.0.1:${await listen(t, server)}`),
      stop.signal,
    );

    stop.abort(new Error("the pod goes away"));

    await assert.rejects(text(response.body), /the pod goes away/);
  });

  it("of HEAD, 204 and 304 is none, whatever length is announced", async (t) => {
    const { origin, seen } = await startBare(t, (socket, piece) => {
      const status = /\/(\d+)/.exec(piece)?.[1] ?? "200";
      const length = status === "204" ? "" : "Content-Length: 5000000000\r\n";
      socket.write(`HTTP/1.1 ${status} x\r\n${length}\r\n`);
    });
    const client = openClient(t);

    for (const [method, path] of [
      ["HEAD", "/200"],
      ["GET", "/204"],
      ["GET", "/304"],
    ] as const) {
      const response = await client.request({ ...get(origin, path), method }, signal());
      assert.equal(await text(response.body), "");
    }
    assert.equal(seen.length, 1);
  });
});

describe("a request", () => {
  for (const [title, change] of [
    ["a line break in its path", { path: "/a HTTP/1.1\r\nx: y" }],
    ["a blank in its path", { path: "/a b" }],
    ["a line break in a header's name", { headers: { "a\r\nb": "c" } }],
    ["NUL in a header's value", { headers: { a: "b\0" } }],
    ["a bare LF in one of a header's values", { headers: { a: ["b", "c\nd"] } }],
    ["a method that is none", { method: "GET /x HTTP/1.1\r\n" }],
    ["a framing of its own", { headers: { "Transfer-Encoding": "chunked" } }],
  ] as const) {
    it(`with ${title} is refused before anything is on the wire`, async (t) => {
      const { origin, seen } = await startBare(t, (socket) => socket.write(ok));

      await assert.rejects(openClient(t).request({ ...get(origin), ...change }, signal()), (error: Error) =>
        isExecutorError(error, "BadRequest"),
      );
      assert.deepEqual(seen, []);
    });
  }
});

describe("a proxy", () => {
  const hello: RequestListener = (request, response) => response.end(`hello ${request.url}`);

  /** Takes only who knows the password. */
  function guard(server: Server, target: number, asked: string[]) {
    const isRight = (authorization: string | undefined) =>
      authorization === `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    server.on("request", (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(isRight(request.headers["proxy-authorization"]) ? 200 : 407).end("by proxy");
    });
    server.on("connect", (request, socket: Socket, head: Buffer) => {
      asked.push(`CONNECT ${request.url}`);
      if (!isRight(request.headers["proxy-authorization"])) {
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      const upstream = connect(target, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on("error", () => socket.destroy());
      socket.on("error", () => upstream.destroy());
    });
  }

  for (const scheme of ["http", "https"] as const) {
    it(`over ${scheme} gets its credentials, and the servers behind it none of them`, async (t) => {
      const certificate = selfSignedCertificate();
      const tls = await listen(t, createTlsServer(certificate, hello));
      const asked: string[] = [];
      const proxy = scheme === "http" ? createServer() : createTlsServer(certificate);
      guard(proxy, tls, asked);
      const port = await listen(t, proxy);
      const url = (pair: string) => `${scheme}://${pair}@127.0.0.1:${port}`;
      const through = (pair: string) =>
        openClient(t, {
          insecureSkipVerify: true,
          proxy: { httpProxy: url(pair), httpsProxy: url(pair), noProxy: undefined },
        });

      const client = through("me:p%40ss");
      const plain = await client.request(get("http://store.test"), signal());
      const tunnelled = await client.request(get("https://store.test", "/x"), signal());
      const again = await client.request(get("https://store.test", "/y"), signal());
      const refused = through("me:wrong").request(get("https://store.test"), signal());

      assert.equal(await text(plain.body), "by proxy");
      assert.deepEqual([await text(tunnelled.body), await text(again.body)], ["hello /x", "hello /y"]);
      await assert.rejects(refused, (error: Error) => {
        assert.match(error.message, /the proxy refuses the connection: it answered 407/);
        return isExecutorError(error, "Unauthorized");
      });
      assert.equal(asked[0], "GET http://store.test/");
    });
  }

  it("that accepts and says nothing is given up after the limit for connecting", async (t) => {
    const silent = await listen(
      t,
      createTcpServer(() => {}),
    );
    const proxy = { httpProxy: undefined, httpsProxy: `http://127.0.0.1:${silent}`, noProxy: undefined };

    const asking = openClient(t, { proxy, connectTimeoutMs: 100 }).request(
      get("https://store.test"),
      signal(),
    );

    await assert.rejects(asking, (error: Error) => {
      assert.match(error.message, /dial tcp 127\.0\.0\.1:\d+: i\/o timeout/);
      return isExecutorError(error, "Transient");
    });
  });
});
