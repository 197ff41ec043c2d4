import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { startDelayProxy } from "./delay-proxy/index.ts";

/** A server that sends back what it receives, seen through the proxy. */
async function farAwayEcho(t: TestContext, delayMs: number) {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  t.after(() => echo.close());
  const { port } = echo.address() as AddressInfo;
  const proxy = await startDelayProxy({ target: `127.0.0.1:${port}`, delayMs });
  t.after(() => proxy[Symbol.asyncDispose]());
  const socket = connect({
    port: Number(proxy.endpoint.split(":")[1]),
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

describe("Delay proxy", () => {
  it("adds the delay each way", async (t) => {
    const socket = await farAwayEcho(t, 50);
    const started = performance.now();

    socket.end("hello");
    const answer = await buffer(socket);

    assert.equal(answer.toString(), "hello");
    assert.ok(performance.now() - started >= 98, "a round trip takes two delays");
  });

  it("keeps the bandwidth: many chunks wait side by side", async (t) => {
    const socket = await farAwayEcho(t, 50);
    const chunk = Buffer.alloc(64 * 1024, "x");
    const started = performance.now();

    for (let sent = 0; sent < 500; sent += 1) socket.write(chunk);
    socket.end();
    const answer = await buffer(socket);

    assert.equal(answer.length, 500 * chunk.length);
    // One after the other, 500 chunks would take 25 s each way.
    assert.ok(performance.now() - started < 5000);
  });
});
