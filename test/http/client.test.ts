import assert from "node:assert/strict";
import { createServer, request as forward, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createTcpServer } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { isExecutorError } from "../../src/errors/index.ts";
import { payloadOf, readBody } from "../../src/http/index.ts";
import { selfSignedCertificate } from "../servers/api-server/index.ts";
import { listen } from "../servers/listen.ts";
import { openClient } from "./http-client.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

const get = (origin: string, path = "/") => ({ method: "GET", origin, path, headers: {} });
const hello: RequestListener = (request, response) => void response.end(`hello ${request.url}`);

describe("HTTP client", () => {
  it("sends the path as it is given, dots and doubled slashes included", async (t) => {
    const port = await listen(t, createServer(hello));

    const response = await openClient(t).request(
      get(`http://127.0.0.1:${port}`, "/a/../b//c?x=%2F"),
      signal(),
    );

    assert.equal(await text(response.body), "hello /a/../b//c?x=%2F");
  });

  it("uses a connection again, and repeats what met one that the server had just closed", async (t) => {
    let connections = 0;
    const server = createServer({ keepAliveTimeout: 1 }, hello);
    server.on("connection", () => {
      connections += 1;
    });
    const origin = `http://127.0.0.1:${await listen(t, server)}`;
    const client = openClient(t);

    for (let index = 0; index < 5; index += 1) {
      const response = await client.request(
        { ...get(origin), method: "PUT", payload: payloadOf(Buffer.from("x")) },
        signal(),
      );
      assert.match(await text(response.body), /hello/);
      server.closeIdleConnections();
    }

    assert.ok(connections >= 1);
  });

  it("R30: trusts exactly the roots it is given", async (t) => {
    const { key, cert } = selfSignedCertificate();
    const origin = `https://127.0.0.1:${await listen(t, createTlsServer({ key, cert }, hello))}`;

    const response = await openClient(t, { caPem: cert }).request(get(origin), signal());
    const refused = openClient(t, { remedies: { Untrusted: "ask for the CA" } }).request(
      get(origin),
      signal(),
    );

    assert.equal(await text(response.body), "hello /");
    await assert.rejects(refused, (error: Error) => {
      assert.match(error.message, /x509: .*; ask for the CA$/);
      return isExecutorError(error, "BadRequest");
    });
  });

  it("says that the other side speaks plain http", async (t) => {
    const port = await listen(t, createServer(hello));

    await assert.rejects(
      openClient(t).request(get(`https://127.0.0.1:${port}`), signal()),
      (error: Error) => {
        assert.match(error.message, /server gave HTTP response to HTTPS client/);
        return isExecutorError(error, "BadRequest");
      },
    );
  });

  it("R30: goes through the proxy for http and for https, and around it where NO_PROXY says so", async (t) => {
    const { key, cert } = selfSignedCertificate();
    const plain = await listen(t, createServer(hello));
    const tls = await listen(t, createTlsServer({ key, cert }, hello));
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const { pathname } = new URL(request.url ?? "");
      forward({ host: "127.0.0.1", port: plain, path: pathname }, (answer) => answer.pipe(response)).end();
    });
    proxy.on("connect", (request, socket, head) => {
      asked.push(`CONNECT ${request.url}`);
      const upstream = connect(tls, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on("error", () => socket.destroy());
      socket.on("error", () => upstream.destroy());
    });
    const port = await listen(t, proxy);
    const client = openClient(t, {
      insecureSkipVerify: true,
      proxy: { httpProxy: `127.0.0.1:${port}`, httpsProxy: `http://127.0.0.1:${port}`, noProxy: ".invalid" },
    });

    const answers = [];
    for (const origin of ["http://store.test", "https://store.test", `http://localhost:${plain}`]) {
      answers.push(await text((await client.request(get(origin), signal())).body));
    }
    const excluded = client.request(get("http://no-such-host.invalid"), signal());

    assert.deepEqual(answers, ["hello /", "hello /", "hello /"]);
    await assert.rejects(excluded, /lookup no-such-host\.invalid/);
    assert.deepEqual(asked, ["GET http://store.test/", "CONNECT store.test:443"]);
  });

  it("takes an answer with headers of 900 KiB, and refuses one with more than 1 MiB by name", async (t) => {
    const answer: RequestListener = (request, response) => {
      const count = Number(request.url?.slice(1));
      // 3,000 fields are more than Node counts by default.
      for (let index = 0; index < 3000; index++) response.setHeader(`x-${index}`, "v".repeat(count));
      response.end();
    };
    const origin = `http://127.0.0.1:${await listen(t, createServer(answer))}`;
    const client = openClient(t);

    const taken = await client.request(get(origin, "/300"), signal());
    const refused = client.request(get(origin, "/400"), signal());

    assert.equal(taken.headers["x-2999"]?.length, 300);
    await text(taken.body);
    await assert.rejects(refused, (error: Error) => {
      assert.match(error.message, /the headers of the answer are larger than 1 MiB/);
      return isExecutorError(error, "TooLarge");
    });
  });

  it("gives up on a server that takes the request and says nothing", async (t) => {
    const port = await listen(
      t,
      createServer(() => {}),
    );

    await assert.rejects(
      openClient(t, { idleTimeoutMs: 100 }).request(get(`http://127.0.0.1:${port}`), signal()),
      (error: Error) => {
        assert.match(error.message, /i\/o timeout/);
        return isExecutorError(error, "Transient");
      },
    );
  });

  it("gives up on a body that stalls, and not on a reader that pauses", async (t) => {
    const stalling = createServer((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("half");
    });
    const port = await listen(t, stalling);
    const response = await openClient(t).request(get(`http://127.0.0.1:${port}`), signal());

    const reading = async () => {
      for await (const chunk of readBody(response.body, { during: "Get", stallTimeoutMs: 100 })) {
        assert.equal(Buffer.from(chunk).toString(), "half");
      }
    };

    await assert.rejects(reading(), (error: Error) => {
      assert.match(error.message, /no byte for/);
      return isExecutorError(error, "Transient");
    });
  });

  it("passes the error of a body's source on as it is", async (t) => {
    const port = await listen(
      t,
      createServer((request) => void request.resume()),
    );
    const payload = {
      sizeBytes: undefined,
      open: () =>
        Readable.from(
          (function* () {
            yield Buffer.from("some");
            throw new Error("disk on fire");
          })(),
          { objectMode: false },
        ),
    };

    await assert.rejects(
      openClient(t).request({ ...get(`http://127.0.0.1:${port}`), method: "PUT", payload }, signal()),
      /disk on fire/,
    );
  });

  for (const [title, announced] of [
    ["longer", 3],
    ["shorter", 5],
  ] as const) {
    it(`fails a body that is ${title} than announced, instead of waiting for ever`, async (t) => {
      const port = await listen(
        t,
        createServer((request) => void request.resume()),
      );
      const headers = { "content-length": String(announced) };
      const payload = {
        sizeBytes: announced,
        open: () => Readable.from([Buffer.from("four")], { objectMode: false }),
      };

      await assert.rejects(
        openClient(t).request(
          { ...get(`http://127.0.0.1:${port}`), method: "PUT", headers, payload },
          signal(),
        ),
        (error) => isExecutorError(error, "Corrupt"),
      );
    });
  }

  it("ends at once when it is cancelled, with the reason", async (t) => {
    const port = await listen(
      t,
      createServer(() => {}),
    );
    const stop = new AbortController();
    const asking = openClient(t).request(get(`http://127.0.0.1:${port}`), stop.signal);

    stop.abort(new Error("the pod goes away"));

    await assert.rejects(asking, /the pod goes away/);
  });

  for (const [title, answer, pattern] of [
    ["drops the connection", "", /connection reset by peer|unexpected EOF|socket hang up/],
    ["talks nonsense", "nonsense\r\n\r\n", /Parse Error|malformed/],
  ] as const) {
    it(`calls it transient when the server ${title}`, async (t) => {
      const port = await listen(
        t,
        createTcpServer((socket) => {
          socket.once("data", () => socket.end(answer));
          socket.on("error", () => {});
        }),
      );

      await assert.rejects(
        openClient(t).request(get(`http://127.0.0.1:${port}`), signal()),
        (error: Error) => {
          assert.match(error.message, pattern);
          return isExecutorError(error, "Transient");
        },
      );
    });
  }

  it("names a host that does not exist, and keeps the query out of messages", async (t) => {
    const request = get("http://no-such-host.invalid", "/x?token=secret");

    await assert.rejects(openClient(t).request(request, signal()), (error: Error) => {
      assert.match(error.message, /^Get "http:\/\/no-such-host\.invalid\/x": dial tcp: lookup/);
      return isExecutorError(error, "Transient");
    });
  });
});
