import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { ExecutorError, isExecutorError } from "../../src/errors/index.ts";
import { type FetchToken, fetchClientCredentials, HttpClient, TokenSource } from "../../src/http/index.ts";

const during = "ask the token server";
const signal = (): AbortSignal => AbortSignal.timeout(20_000);

function countingSource(lifeMs: number, renewBeforeMs = 10_000) {
  let count = 0;
  const fetch: FetchToken = async () => {
    count += 1;
    return { token: `token ${count}`, expiresAtMs: Date.now() + lifeMs };
  };
  return new TokenSource(fetch, { during, renewBeforeMs });
}

/** A token server that accepts every connection and says nothing. */
async function startSilentServer(t: TestContext): Promise<URL> {
  const server = createServer(() => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/token`);
}

describe("a source of tokens", () => {
  it("asks once for all that want one at the same time, and keeps it", async () => {
    const source = countingSource(60_000);

    const first = await Promise.all([source.current(signal()), source.current(signal())]);
    const later = await source.current(signal());

    assert.deepEqual([...first, later], ["token 1", "token 1", "token 1"]);
  });

  it("renews a token before it expires", async () => {
    const source = countingSource(5_000, 10_000);

    assert.equal(await source.current(signal()), "token 1");
    assert.equal(await source.current(signal()), "token 2");
  });

  it("forgets the token that was refused, and not the one that has replaced it", async () => {
    const source = countingSource(60_000);
    await source.current(signal());

    source.invalidate("token 1");
    assert.equal(await source.current(signal()), "token 2");
    source.invalidate("token 1");

    assert.equal(await source.current(signal()), "token 2");
  });

  it("goes on with a token that is still good while its renewal fails for a moment", async () => {
    let isDown = false;
    const fetch = async () => {
      if (isDown) throw new ExecutorError("Transient", "down");
      return { token: "old", expiresAtMs: Date.now() + 5_000 };
    };
    const source = new TokenSource(fetch, { during, renewBeforeMs: 10_000 });
    await source.current(signal());
    isDown = true;

    assert.equal(await source.current(signal()), "old");
  });

  it("gives up on a token server that accepts and says nothing, and asks it again the next time", async (t) => {
    const tokenUrl = await startSilentServer(t);
    const http = new HttpClient();
    t.after(() => http[Symbol.dispose]());
    const grant = { tokenUrl, clientId: "id", clientSecret: "secret", scope: "" };
    const fetch = (until: AbortSignal) => fetchClientCredentials(grant, http, until);
    const source = new TokenSource(fetch, { during, timeoutMs: 100 });

    for (let tries = 0; tries < 2; tries += 1) {
      await assert.rejects(source.current(signal()), (error: Error) => {
        assert.match(error.message, /^ask the token server: i\/o timeout/);
        return isExecutorError(error, "Transient");
      });
    }
  });

  it("lets who is told to stop leave at once, and the others go on waiting", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const source = new TokenSource(
      async () => {
        await promise;
        return { token: "late", expiresAtMs: Number.POSITIVE_INFINITY };
      },
      { during },
    );
    const stop = new AbortController();
    const leaving = source.current(stop.signal);
    const staying = source.current(signal());

    stop.abort(new Error("the pod goes away"));
    await assert.rejects(leaving, /the pod goes away/);
    resolve();

    assert.equal(await staying, "late");
  });
});
