import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { isExecutorError } from "../../src/errors/index.ts";
import { HttpClient, type HttpClientOptions } from "../../src/http/index.ts";
import type { ByteSink } from "../../src/streams/index.ts";
import { selfSignedCertificate } from "../servers/api-server/index.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
const serve: RequestListener = (_, response) => {
  response.setHeader("content-length", content.length);
  response.end(content);
};

/** Hands out its memory in pieces of an odd size, as blocks that are nearly full do. */
class Collected implements ByteSink {
  readonly #memory = Buffer.alloc(2 * content.length);
  #used = 0;

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#used);
  }

  space(): Uint8Array {
    return this.#memory.subarray(this.#used, this.#used + 7001);
  }

  filled(bytes: number): void {
    this.#used += bytes;
  }
}

async function listen(t: TestContext, server: Server & { closeAllConnections?(): void }): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections?.();
  });
  return (server.address() as AddressInfo).port;
}

function open(t: TestContext, options: HttpClientOptions = {}): HttpClient {
  const client = new HttpClient(options);
  t.after(() => client[Symbol.dispose]());
  return client;
}

const get = (origin: string) => ({
  method: "GET",
  origin,
  path: "/object?secret=1",
  headers: { host: "store" },
});

/** Two servers that do the same, one of them over TLS, and a client that trusts it. */
const schemes = [
  {
    scheme: "http",
    start: async (t: TestContext, listener: RequestListener, options: HttpClientOptions = {}) => ({
      origin: `http://127.0.0.1:${await listen(t, createServer(listener))}`,
      client: open(t, options),
    }),
  },
  {
    scheme: "https",
    start: async (t: TestContext, listener: RequestListener, options: HttpClientOptions = {}) => {
      const { key, cert } = selfSignedCertificate();
      const port = await listen(t, createTlsServer({ key, cert }, listener));
      return { origin: `https://127.0.0.1:${port}`, client: open(t, { caPem: cert, ...options }) };
    },
  },
] as const;

for (const { scheme, start } of schemes) {
  describe(`a body straight into memory, over ${scheme}`, () => {
    it("arrives whole, one after the other on one connection", async (t) => {
      const ports = new Set<number | undefined>();
      const { origin, client } = await start(t, (request, response) => {
        ports.add(request.socket.remotePort);
        serve(request, response);
      });

      for (let round = 0; round < 3; round++) {
        const sink = new Collected();
        const answer = await client.receive(get(origin), content.length, sink, signal());
        assert.deepEqual([answer.status, answer.isInSink], [200, true]);
        assert.ok(sink.bytes.equals(content));
      }

      assert.equal(ports.size, 1);
    });

    it("arrives side by side", async (t) => {
      const { origin, client } = await start(t, serve);

      const sinks = Array.from({ length: 8 }, () => new Collected());
      await Promise.all(sinks.map((sink) => client.receive(get(origin), content.length, sink, signal())));

      for (const sink of sinks) assert.ok(sink.bytes.equals(content));
    });

    for (const [title, answer] of [
      ["an error", (response: ServerResponse) => response.writeHead(404).end("no")],
      ["a length that nobody asked for", (response: ServerResponse) => response.end("short")],
      [
        "a chunked body",
        (response: ServerResponse) =>
          response.writeHead(200, { "transfer-encoding": "chunked" }).end(content),
      ],
      [
        "an encoded body",
        (response: ServerResponse) =>
          response
            .writeHead(200, { "content-encoding": "gzip", "content-length": content.length })
            .end(content),
      ],
    ] as const) {
      it(`passes on ${title} as a stream, and leaves the sink empty`, async (t) => {
        const { origin, client } = await start(t, (_, response) => void answer(response));
        const sink = new Collected();

        const { isInSink, body } = await client.receive(get(origin), content.length, sink, signal());

        assert.equal(isInSink, false);
        assert.ok((await buffer(body)).length > 0);
        assert.equal(sink.bytes.length, 0);
      });
    }

    it("fails as transient where the connection breaks, keeping what has come", async (t) => {
      const { origin, client } = await start(t, (_, response) => {
        response.setHeader("content-length", content.length);
        response.write(content.subarray(0, 100_000), () => response.destroy());
      });
      const sink = new Collected();

      await assert.rejects(
        client.receive(get(origin), content.length, sink, signal()),
        (error) => isExecutorError(error, "Transient") && !/secret/.test(error.message),
      );
      assert.ok(sink.bytes.equals(content.subarray(0, sink.bytes.length)));
    });

    it("fails as transient where the server falls silent", async (t) => {
      const { origin, client } = await start(
        t,
        (_, response) => {
          response.setHeader("content-length", content.length);
          response.write(content.subarray(0, 1000));
        },
        { idleTimeoutMs: 100 },
      );

      await assert.rejects(client.receive(get(origin), content.length, new Collected(), signal()), (error) =>
        isExecutorError(error, "Transient"),
      );
    });

    it("is not asked for again where the server falls silent on a kept connection", async (t) => {
      let requests = 0;
      const { origin, client } = await start(
        t,
        (request, response) => {
          if (++requests === 1) serve(request, response);
        },
        { idleTimeoutMs: 100 },
      );
      await client.receive(get(origin), content.length, new Collected(), signal());

      await assert.rejects(client.receive(get(origin), content.length, new Collected(), signal()), (error) =>
        isExecutorError(error, "Transient"),
      );
      assert.equal(requests, 2);
    });

    it("ends at once when it is cancelled, with the reason", async (t) => {
      const stop = new AbortController();
      const { origin, client } = await start(t, () => stop.abort(new Error("stopped by the test")));

      await assert.rejects(client.receive(get(origin), content.length, new Collected(), stop.signal), {
        message: "stopped by the test",
      });
    });
  });
}

describe("a body straight into memory", () => {
  it("R30: comes from nobody whose certificate is not trusted", async (t) => {
    const { key, cert } = selfSignedCertificate();
    const origin = `https://127.0.0.1:${await listen(t, createTlsServer({ key, cert }, serve))}`;

    await assert.rejects(
      open(t).receive(get(origin), content.length, new Collected(), signal()),
      (error: Error) => {
        assert.match(error.message, /tls: failed to verify certificate: x509: /);
        return isExecutorError(error, "BadRequest");
      },
    );
  });

  it("is asked for again where the server had closed the idle connection", async (t) => {
    const server = createServer({ keepAliveTimeout: 1 }, serve);
    const origin = `http://127.0.0.1:${await listen(t, server)}`;
    const client = open(t);

    for (let round = 0; round < 5; round++) {
      const sink = new Collected();
      await client.receive(get(origin), content.length, sink, signal());
      assert.ok(sink.bytes.equals(content));
      server.closeIdleConnections();
    }
  });

  it("is put together from packets cut anywhere", async (t) => {
    const head = `HTTP/1.1 206 Partial Content\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n`;
    const whole = Buffer.concat([Buffer.from(head), content.subarray(0, 1000)]);
    const cuts = [1, head.length - 3, head.length, head.length + 1, whole.length - 1];
    const server = createTcpServer((socket) => {
      socket.setNoDelay();
      socket.once("data", async () => {
        let at = 0;
        for (const cut of [...cuts, whole.length]) {
          socket.write(whole.subarray(at, cut));
          at = cut;
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      socket.on("error", () => {});
    });
    const origin = `http://127.0.0.1:${await listen(t, server)}`;
    const sink = new Collected();

    const answer = await open(t).receive(get(origin), 1000, sink, signal());

    assert.equal(answer.headers.etag, '"x"');
    assert.ok(sink.bytes.equals(content.subarray(0, 1000)));
  });
});
