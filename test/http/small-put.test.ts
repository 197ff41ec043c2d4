import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { isExecutorError } from "../../src/errors/index.ts";
import { HttpClient, type HttpRequest, payloadOf, readText } from "../../src/http/index.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const ok = "HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 0\r\n\r\n";

/** Called for each request: which one of its connection, and which connection, both from 1. */
type Reply = (socket: Socket, request: number, connection: number, text: string) => void;

/** A server of bare TCP, where every request comes as one text that ends with its body, `content`. */
async function startServer(t: TestContext, reply: Reply): Promise<{ origin: string; connections(): number }> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    let received = "";
    let requests = 0;
    open.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (!received.endsWith("content")) return;
      reply(socket, ++requests, connection, received);
      received = "";
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
  };
}

function openClient(t: TestContext, idleTimeoutMs = 10_000): HttpClient {
  const client = new HttpClient({ idleTimeoutMs });
  t.after(() => client[Symbol.dispose]());
  return client;
}

function put(origin: string, headers: Record<string, string> = {}): HttpRequest {
  const payload = payloadOf(Buffer.from("con"), Buffer.from("tent"));
  const own = { host: "store", "content-length": "7", ...headers };
  return { method: "PUT", origin, path: "/a/../b//c?x=%2F", headers: own, payload };
}

describe("a small PUT over plain http", () => {
  it("goes out as it is given, and its connection carries the next one", async (t) => {
    const requests: string[] = [];
    const server = await startServer(t, (socket, _request, _connection, received) => {
      requests.push(received);
      socket.write(ok);
    });
    const client = openClient(t);

    for (let n = 0; n < 3; n++) {
      const { status, headers, body } = await client.request(put(server.origin, { "x-n": `${n}` }), signal());
      assert.deepEqual([status, headers.etag, await text(body)], [200, "x", ""]);
    }

    assert.equal(server.connections(), 1);
    assert.equal(
      requests[1],
      "PUT /a/../b//c?x=%2F HTTP/1.1\r\nhost: store\r\ncontent-length: 7\r\nx-n: 1\r\nconnection: keep-alive\r\n\r\ncontent",
    );
  });

  const answers: readonly (readonly [string, string, string])[] = [
    ["with a length", "HTTP/1.1 503 Slow Down\r\nContent-Length: 5\r\n\r\nabcde", "abcde"],
    [
      "in chunks",
      "HTTP/1.1 503 Slow Down\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
      "abcde",
    ],
    [
      "in chunks with trailers",
      "HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nA: b\r\n\r\n",
      "abcde",
    ],
    [
      "behind interim ones",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 503 x\r\nContent-Length: 1\r\n\r\nz",
      "z",
    ],
  ];
  for (const [title, answer, body] of answers) {
    it(`takes an answer ${title}, whatever pieces it comes in`, async (t) => {
      const server = await startServer(t, (socket, request) => {
        const size = request === 1 ? 1 : 7;
        const pieces = answer.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
        const send = () => {
          const piece = pieces.shift();
          if (piece !== undefined) socket.write(piece, () => setImmediate(send));
        };
        send();
      });
      const client = openClient(t);

      for (let n = 0; n < 2; n++) {
        const response = await client.request(put(server.origin), signal());
        const options = { during: "test", stallTimeoutMs: 1000 };
        assert.deepEqual([response.status, await readText(response.body, 1024, options)], [503, body]);
      }
      assert.equal(server.connections(), 1);
    });
  }

  it("takes an answer without a length, which ends with its connection", async (t) => {
    const server = await startServer(t, (socket) => socket.end("HTTP/1.1 500 x\r\n\r\nall of it"));
    const client = openClient(t);

    for (let n = 0; n < 2; n++) {
      const { body } = await client.request(put(server.origin), signal());
      assert.equal(await text(body), "all of it");
    }
    assert.equal(server.connections(), 2);
  });

  it("uses no connection again that the server wants closed", async (t) => {
    const closing = ok.replace("ETag: x", "Connection: close");
    const server = await startServer(t, (socket) => void socket.write(closing));
    const client = openClient(t);

    for (let n = 0; n < 2; n++) await client.request(put(server.origin), signal());

    assert.equal(server.connections(), 2);
  });

  it("is sent again where it met a kept connection that the server closed without a word", async (t) => {
    const server = await startServer(t, (socket, request) => {
      if (request === 1) socket.write(ok);
      else socket.destroy();
    });
    const client = openClient(t);

    for (let n = 0; n < 3; n++)
      assert.equal((await client.request(put(server.origin), signal())).status, 200);

    assert.equal(server.connections(), 3);
  });

  it("is not sent again by itself where the server says nothing, or half an answer", async (t) => {
    let requests = 0;
    const server = await startServer(t, (socket) => {
      requests += 1;
      if (requests === 1) socket.write(ok);
      if (requests === 3) socket.end("HTTP/1.1 200 OK\r\nContent-Le");
    });
    const client = openClient(t, 100);
    await client.request(put(server.origin), signal());

    const silence = client.request(put(server.origin), signal());
    await assert.rejects(
      silence,
      (error) => isExecutorError(error, "Transient") && /i\/o timeout/.test(`${error}`),
    );
    const half = client.request(put(server.origin), signal());
    await assert.rejects(
      half,
      (error) => isExecutorError(error, "Transient") && /unexpected EOF/.test(`${error}`),
    );

    assert.equal(requests, 3);
  });

  it("fails as transient where what comes is no answer", async (t) => {
    const server = await startServer(t, (socket) => void socket.write("SSH-2.0-x\r\n\r\n"));

    const sent = openClient(t).request(put(server.origin), signal());

    await assert.rejects(
      sent,
      (error) => isExecutorError(error, "Transient") && /malformed/.test(`${error}`),
    );
  });

  it("ends with the reason when it is cancelled, and leaves others alone", async (t) => {
    const stop = new AbortController();
    const answers: (() => void)[] = [];
    const server = await startServer(t, (socket) => {
      answers.push(() => socket.write(ok));
      if (answers.length === 2) stop.abort(new Error("enough"));
    });
    const client = openClient(t);

    const cancelled = client.request(put(server.origin), stop.signal);
    const other = client.request(put(server.origin), signal());

    await assert.rejects(cancelled, /enough/);
    for (const answer of answers) answer();
    assert.equal((await other).status, 200);
  });

  it("is refused with a line break in a header's value", async (t) => {
    const server = await startServer(t, (socket) => void socket.write(ok));

    const sent = openClient(t).request(put(server.origin, { "x-a": "b\r\nx-c: d" }), signal());

    await assert.rejects(sent, /invalid header field value for "x-a"$/);
  });
});
