import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { selfSignedCertificate } from "../../desk/api-server/index.ts";
import { isExecutorError } from "../../src/errors/index.ts";
import {
  connectKube,
  KubeClient,
  type KubeConnection,
  type KubeSettings,
  TaskResult,
} from "../../src/kube/index.ts";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { listen } from "../servers/listen.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const path = "/api/v1/namespaces/argo/secrets/keys";
const nothing: KubeSettings = { namespace: "argo", serviceAccountDir: "/nonexistent" };

/** Keeps what is asked, and answers with `{}` unless told otherwise. */
async function startServer(
  t: TestContext,
  reply: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end("{}"),
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume().on("end", () => reply(request, response));
  });
  return { url: `http://127.0.0.1:${await listen(t, server)}`, requests };
}

/** A proxy that lets every tunnel through to the server, whatever it is asked for. */
async function startProxy(t: TestContext, port: number) {
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on("connect", (request, socket: Socket) => {
    asked.push(request.url ?? "");
    const upstream = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  return { url: `http://127.0.0.1:${await listen(t, proxy)}`, asked };
}

function open(t: TestContext, connection: KubeConnection): KubeClient {
  const options = { userAgent: "test", idleTimeoutMs: 5000, transientPattern: undefined };
  const kube = new KubeClient(connection, options);
  t.after(() => kube[Symbol.asyncDispose]());
  return kube;
}

describe("an API server behind a gateway", () => {
  it("is asked below the gateway's own path", async (t) => {
    const { url, requests } = await startServer(t);
    const kube = open(t, await connectKube({ ...nothing, server: `${url}/k8s/clusters/c-1/` }));

    await kube.request({ method: "GET", path: `${path}?limit=1` }, signal());

    assert.deepEqual(
      requests.map((request) => request.url),
      [`/k8s/clusters/c-1${path}?limit=1`],
    );
  });

  for (const status of [500, 502]) {
    it(`S4: is waited for while a load balancer answers ${status} with a page of its own`, async (t) => {
      const { url, requests } = await startServer(t, (_, response) => {
        if (requests.length > 1) response.end("{}");
        else response.writeHead(status, { "content-type": "text/html" }).end("<html>oops</html>");
      });
      const kube = open(t, await connectKube({ ...nothing, server: url }));
      const result = new TaskResult(kube, {
        nodeId: "wf-1",
        podName: "wf-main-1",
        podUid: "0d1e6c1e-8b0e-4c3b-9d5a-1f2e3d4c5b6b",
        workflowName: "wf",
        workflowUid: "0d1e6c1e-8b0e-4c3b-9d5a-1f2e3d4c5b6a",
        instanceId: undefined,
        readsPodAnnotations: false,
      });
      const codes: unknown[] = [];

      await result.initialize(
        { patienceMs: 10_000, onRetry: (error) => codes.push(isExecutorError(error, "Transient")) },
        signal(),
      );

      assert.deepEqual([requests.length, codes], [2, [true]]);
    });
  }

  it("that answers 500 with a Status of its own says so", async (t) => {
    const { url } = await startServer(t, (_, response) =>
      response.writeHead(500).end(JSON.stringify({ kind: "Status", message: "etcd is on fire" })),
    );
    const kube = open(t, await connectKube({ ...nothing, server: url }));

    await assert.rejects(kube.request({ method: "GET", path }, signal()), (error: Error) => {
      assert.match(error.message, /etcd is on fire/);
      return isExecutorError(error, "Internal");
    });
  });

  it("is obeyed when it names the time to come again as a date", async (t) => {
    const { url, requests } = await startServer(t, (_, response) => {
      if (requests.length > 1) response.end("{}");
      else response.writeHead(429, { "retry-after": new Date(Date.now() + 2000).toUTCString() }).end();
    });
    const kube = open(t, await connectKube({ ...nothing, server: url }));
    const start = performance.now();

    await kube.request({ method: "GET", path }, signal());

    assert.equal(requests.length, 2);
    // Dates have no fractions of seconds.
    assert.ok(performance.now() - start > 900);
  });
});

describe("the flags of the connection to the API server", () => {
  it("say who asks, and for whom", async (t) => {
    const { url, requests } = await startServer(t);
    const impersonation = { user: "jane", uid: "42", groups: ["a", "b"] };
    const kube = open(
      t,
      await connectKube({ ...nothing, server: url, username: "me", password: "p:ss", impersonation }),
    );

    await kube.request({ method: "GET", path }, signal());

    const { rawHeaders = [] } = requests[0] ?? {};
    const valuesOf = (name: string) =>
      rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1] === name);
    assert.deepEqual(valuesOf("authorization"), [`Basic ${Buffer.from("me:p:ss").toString("base64")}`]);
    assert.deepEqual(valuesOf("impersonate-user"), ["jane"]);
    assert.deepEqual(valuesOf("impersonate-uid"), ["42"]);
    assert.deepEqual(valuesOf("impersonate-group"), ["a", "b"]);
  });

  it("present a client certificate", async (t) => {
    const { key, cert } = selfSignedCertificate();
    const server = createTlsServer({ key, cert, requestCert: true, rejectUnauthorized: false });
    server.on("request", (request, response) => {
      const subject = (request.socket as TLSSocket).getPeerCertificate().fingerprint256;
      response.end(JSON.stringify({ subject: subject ?? "" }));
    });
    const folder = await temporaryFolder(t);
    const file = async (name: string, content: string) => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    const kube = open(
      t,
      await connectKube({
        ...nothing,
        server: `https://127.0.0.1:${await listen(t, server)}`,
        certificateAuthority: await file("ca", cert),
        clientCertificate: await file("cert", cert),
        clientKey: await file("key", key),
      }),
    );

    const { subject } = await kube.request<{ subject: string }>({ method: "GET", path }, signal());

    assert.match(subject, /^[0-9A-F:]{95}$/);
  });

  it("limit the time for an answer", async (t) => {
    const { url } = await startServer(t, () => {});
    const kube = open(t, await connectKube({ ...nothing, server: url, requestTimeoutMs: 100 }));

    await assert.rejects(kube.request({ method: "GET", path }, signal()), (error: Error) => {
      assert.match(error.message, /no answer within --request-timeout/);
      return isExecutorError(error, "Transient");
    });
  });

  it("choose cluster and user of a kubeconfig beside its context", async (t) => {
    const { url, requests } = await startServer(t);
    const config = {
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "away", user: "nobody", namespace: "here" } }],
      clusters: [
        { name: "away", cluster: { server: "http://127.0.0.1:1" } },
        { name: "near", cluster: { server: url, "insecure-skip-tls-verify": true } },
      ],
      users: [
        { name: "nobody", user: {} },
        { name: "somebody", user: { token: "tok" } },
      ],
    };
    const kubeconfig = join(await temporaryFolder(t), "config");
    await writeFile(kubeconfig, JSON.stringify(config));
    const settings = { ...nothing, namespace: undefined, kubeconfig, cluster: "near", user: "somebody" };
    const kube = open(t, await connectKube(settings));

    await kube.request({ method: "GET", path }, signal());

    assert.equal(kube.namespace, "here");
    assert.equal(requests[0]?.headers.authorization, "Bearer tok");
  });

  it("name the proxy, as a kubeconfig or the environment may", async (t) => {
    const certificate = selfSignedCertificate();
    const server = createTlsServer(certificate, (_, response) => response.end("{}"));
    const port = await listen(t, server);
    const { url, asked } = await startProxy(t, port);
    const folder = await temporaryFolder(t);
    const kubeconfig = join(folder, "config");
    const cluster = {
      server: "https://api.test:6443",
      "proxy-url": url,
      "insecure-skip-tls-verify": true,
    };
    const config = {
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster }],
      users: [{ name: "u", user: {} }],
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    const away = { ...nothing, server: "https://away.test", insecureSkipTlsVerify: true };
    const proxy = { httpProxy: undefined, httpsProxy: url, noProxy: ".excluded.invalid" };

    for (const settings of [
      { ...away, proxyUrl: url },
      { ...away, proxy },
      { ...nothing, kubeconfig },
    ]) {
      await open(t, await connectKube(settings)).request({ method: "GET", path }, signal());
    }
    const excluded = open(t, await connectKube({ ...away, server: "https://api.excluded.invalid", proxy }));

    await assert.rejects(
      excluded.request({ method: "GET", path }, signal()),
      /lookup api\.excluded\.invalid/,
    );
    assert.deepEqual(asked, ["away.test:443", "away.test:443", "api.test:6443"]);
  });
});
