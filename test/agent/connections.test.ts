import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { sharedLookup } from "../../src/agent/connections.ts";
import { selfSignedCertificate } from "../servers/api-server/index.ts";
import { httpTask, openDesk, startWeb } from "./desk.ts";

async function startTlsWeb(t: TestContext) {
  const certificate = selfSignedCertificate();
  const server = createTlsServer(certificate, (_, response) => response.end("over tls"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ca: certificate.cert };
}

describe("connections of HTTP templates", { concurrency: 4 }, () => {
  it("R30: trust private CAs from the Secret that the controller mounts, and from SSL_CERT_FILE and SSL_CERT_DIR", async (t) => {
    const desk = await openDesk(t);
    const { url, ca } = await startTlsWeb(t);
    desk.createTaskSet({ unknown: httpTask({ url }), skipped: httpTask({ url, insecureSkipVerify: true }) });
    const first = desk.startAgent();

    const { phase, message } = await desk.nodeState("unknown");
    assert.equal(phase, "Failed");
    assert.match(
      message ?? "",
      /^Get "https:.*tls: failed to verify certificate: x509: .*argo-workflows-agent-ca-certificates/,
    );
    assert.equal((await desk.nodeState("skipped")).outputs?.result, "over tls");
    await first.kill();

    const mounted = join(desk.root, "etc/ssl/certs/ca-certificates");
    const elsewhere = join(desk.root, "elsewhere");
    for (const folder of [mounted, elsewhere]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(elsewhere, "ca.crt"), ca);
    const ways = {
      file: { SSL_CERT_FILE: join(elsewhere, "ca.crt") },
      dir: { SSL_CERT_DIR: `/nowhere:${elsewhere}` },
    };
    for (const [id, env] of Object.entries(ways)) {
      await desk.addTasks({ [id]: httpTask({ url }) });
      const agent = desk.startAgent({ env });
      assert.equal((await desk.nodeState(id)).outputs?.result, "over tls", id);
      await agent.kill();
    }
    writeFileSync(join(mounted, "custom.pem"), ca);
    await desk.addTasks({ mounted: httpTask({ url }) });
    desk.startAgent();
    assert.equal((await desk.nodeState("mounted")).outputs?.result, "over tls");
  });

  it("speak HTTP/1.1 to a server that offers HTTP/2 too, and HTTP/2 to one that offers nothing else", async (t) => {
    const desk = await openDesk(t);
    const certificate = selfSignedCertificate();
    const start = async (allowHTTP1: boolean) => {
      const server = createSecureServer({ ...certificate, allowHTTP1 }, (request, response) => {
        response.end(`over ${request.httpVersion}`);
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const sockets = new Set<Socket>();
      server.on("connection", (socket: Socket) => sockets.add(socket));
      t.after(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const [both, only] = await Promise.all([start(true), start(false)]);
    desk.createTaskSet({
      both: httpTask({ url: both, insecureSkipVerify: true }),
      only: httpTask({ url: only, insecureSkipVerify: true, timeoutSeconds: 20 }),
    });
    desk.startAgent();

    assert.equal((await desk.nodeState("both")).outputs?.result, "over 1.1");
    assert.deepEqual(await desk.nodeState("only"), {
      phase: "Succeeded",
      outputs: { result: "over 2.0" },
    });
  });

  it("R30: go through the proxies of the environment, with and without verification, but for NO_PROXY", async (t) => {
    const desk = await openDesk(t);
    const tls = await startTlsWeb(t);
    const seen: string[] = [];
    const proxy = await startWeb(t, (request, response) => {
      seen.push(request.url ?? "");
      response.end("by proxy");
    });
    proxy.server.on("connect", (request, socket, head) => {
      seen.push(request.url ?? "");
      const onward = connect(Number(new URL(tls.url).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.write(head);
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [onward, socket]) end.on("error", () => end.destroy());
    });
    const plain = await startWeb(t, (_, response) => response.end("direct"));

    desk.createTaskSet({
      plain: httpTask({ url: "http://shop.example.test/a" }),
      tunnel: httpTask({ url: "https://shop.example.test/b", insecureSkipVerify: true }),
      post: httpTask({ url: "http://shop.example.test/c", method: "POST", body: "x" }),
      local: httpTask({ url: plain.url }),
      excluded: httpTask({ url: "http://no.such.internal/" }),
    });
    desk.startAgent({
      env: { http_proxy: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: ".internal,10.0.0.0/8" },
    });

    assert.equal((await desk.nodeState("plain")).outputs?.result, "by proxy");
    assert.equal((await desk.nodeState("post")).outputs?.result, "by proxy");
    assert.equal((await desk.nodeState("tunnel")).outputs?.result, "over tls");
    assert.equal((await desk.nodeState("local")).outputs?.result, "direct");
    assert.match((await desk.nodeState("excluded")).message ?? "", /lookup no.such.internal/);
    assert.deepEqual(seen.sort(), [
      "http://shop.example.test/a",
      "http://shop.example.test/c",
      "shop.example.test:443",
    ]);
  });

  it("look a name up once for all that ask at the same time, and again after a failure", async () => {
    const lookup = sharedLookup();
    const ask = (hostname: string, all: boolean) =>
      new Promise((resolve) =>
        lookup(hostname, { all }, (error, address) => resolve(error?.code ?? address)),
      );

    const [one, many] = await Promise.all([ask("127.0.0.1", false), ask("127.0.0.1", true)]);
    const failed = await ask("no.such.invalid", true);

    assert.equal(one, "127.0.0.1");
    assert.deepEqual(many, [{ address: "127.0.0.1", family: 4 }]);
    assert.match(String(failed), /^(ENOTFOUND|EAI_AGAIN)$/);
  });

  it("are kept for requests that may be repeated, and new for those that may not", async (t) => {
    const desk = await openDesk(t);
    const ports = new Set<number | undefined>();
    const { url } = await startWeb(t, (request, response) => {
      ports.add(request.socket.remotePort);
      response.end("ok");
    });
    for (const [method, expected] of [
      ["GET", 1],
      ["POST", 3],
    ] as const) {
      ports.clear();
      const ids = [0, 1, 2].map((i) => `${method}-${i}`.toLowerCase());
      desk.api.find({
        group: "argoproj.io",
        version: "v1alpha1",
        resource: "workflowtasksets",
        namespace: "argo",
        name: "wf",
      }) ?? desk.createTaskSet({});
      const agent = desk.startAgent({ env: { ARGO_AGENT_TASK_WORKERS: "1" } });
      for (const id of ids) await desk.addTasks({ [id]: httpTask({ url, method }) });
      for (const id of ids) await desk.nodeState(id);
      await agent.kill();
      assert.equal(ports.size, expected, method);
    }
  });
});
