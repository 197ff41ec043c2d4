import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import type { ExecutorError } from "../../src/errors/index.ts";
import { KubeClient } from "../../src/kube/index.ts";

describe("an answer of the API server", () => {
  it("that is not JSON is an error that names the request and quotes nothing", async (t) => {
    const server = createServer((_, response) => response.end('{"data": hunter2'));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close().closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const connection = {
      server: new URL(`http://127.0.0.1:${port}`),
      namespace: "argo",
      tls: {},
      authorization: async () => undefined,
    };
    const options = { userAgent: "test", idleTimeoutMs: 5000, transientPattern: undefined };
    await using kube = new KubeClient(connection, options);
    const path = "/api/v1/namespaces/argo/secrets/keys";

    const failed = kube.request({ method: "GET", path }, AbortSignal.timeout(5000));

    await assert.rejects(failed, ({ code, message }: ExecutorError) => {
      assert.equal(code, "Internal");
      assert.equal(message, `GET ${path}: the server's answer is not JSON (16 characters)`);
      return true;
    });
  });
});
